"""Alerts of moderation in the team's channel, and what the team decides there on held messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from framework.errors import DuplicateMessageError
from framework.moderation.decisions import DecisionStore, MessageDecision
from framework.moderation.decisions.decision import DueEffect
from framework.moderation.rules.outcome import Outcome
from framework.names import as_code
from framework.stream.model import ChannelRef, OutgoingMessage, ReactionNew

if TYPE_CHECKING:
    from framework.runtime.core.bot import RunningBot
    from framework.stream.moderation import StreamModeration

PASS = frozenset({"like", "love", "+1", "thumbsup", "white_check_mark"})
DELETE = frozenset({"sad", "angry", "-1", "thumbsdown", "x"})
_LABEL = "moderation alert"

_log = structlog.get_logger(__name__)


class TeamAlerts:
    """Tells the team what rules did, in channels that are the team's alone, and takes its decisions."""

    def __init__(
        self, bots: Mapping[str, RunningBot], store: DecisionStore, services: Mapping[str, StreamModeration]
    ) -> None:
        self._bots = bots
        self._store = store
        self._services = services

    async def tell(self, effect: DueEffect) -> None:
        """Post an alert, once. Raises FrameworkError if the channel is not the team's, or cannot be written to."""
        from framework.runtime.team.channels import prepare

        decision, bot = effect.decision, self._bots[effect.decision.bot]
        channel = ChannelRef.parse(str(effect.details["channel"]))
        if why := await prepare(bot.service, bot.user_id, bot.definition.team, channel):
            _log.error("moderation.alert_withheld", channel=str(channel), why=why)
            return
        rules = ", ".join(str(name) for name in effect.details.get("rules", ()))
        text = _text(decision, rules)
        message = OutgoingMessage(self._id(bot, decision, channel), text)
        try:
            await bot.service.send(channel, message)
        except DuplicateMessageError:
            return

    async def decide(self, event: ReactionNew) -> bool:
        """Let a held message be seen, or delete it, if the team reacted to its alert so. Returns whether it did."""
        if event.kind not in PASS | DELETE:
            return False
        for effect in await self._store.held(list(self._services)):
            bot = self._bots[effect.decision.bot]
            if self._id(bot, effect.decision, event.channel) == event.message_id:
                return await self._decided(bot, effect, event)
        return False

    async def _decided(self, bot: RunningBot, effect: DueEffect, event: ReactionNew) -> bool:
        from framework.runtime.team.people import acts

        if not await acts(bot.service, bot.definition.team, event.channel, event.user):
            return False
        service, id_ = self._services[bot.name], effect.decision.message_id
        if event.kind in PASS:
            await service.commit(id_)
        else:
            await service.delete(id_, hard=True)
        await self._store.done(effect)
        _log.info("moderation.hold_ended", message=id_, passed=event.kind in PASS, by=event.user.id)
        return True

    def _id(self, bot: RunningBot, decision: MessageDecision, channel: ChannelRef) -> str:
        return bot.service.id_key.id_of(_LABEL, decision.id, str(channel))


def _text(decision: MessageDecision, rules: str) -> str:
    """What the team reads. The text of the message is not repeated: the review queue and the channel have it."""
    where = f"{as_code(decision.user_id)} wrote in {as_code(decision.channel)}"
    text = f"**{rules}**: {where}, {decision.at:%Y-%m-%d %H:%M} UTC. Outcome: {decision.outcome}."
    if decision.outcome is Outcome.HOLD:
        text += " Nobody else sees it. React with 👍 (`like`) to let it pass, or with 👎 (`sad`) to delete it."
    return text
