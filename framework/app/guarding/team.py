"""Alerts of moderation in the team's channel, and what the team decides there on held messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from framework.errors import ChatServiceError, DuplicateMessageError, UsageError
from framework.moderation.decisions import DecisionStore, MessageDecision
from framework.moderation.decisions.decision import DueEffect
from framework.moderation.rules.outcome import Outcome
from framework.names import as_code
from framework.stream.model import ChannelRef, OutgoingMessage, Reaction, ReactionNew
from framework.stream.moderation import is_gone

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
        channel = _channel(bot, str(effect.details["channel"]))
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
                return await self._decided(bot, effect, event.channel, event)
        return False

    async def look(self, effect: DueEffect) -> bool:
        """The same for one held message, by the reactions that its alerts have: events may be lost."""
        bot = self._bots[effect.decision.bot]
        for channel in await self._store.alerted(effect.decision.id):
            place = _channel(bot, channel)
            try:
                reactions = await bot.service.reactions(self._id(bot, effect.decision, place))
            except ChatServiceError as error:
                if not is_gone(error):
                    raise
                continue
            for reaction in reversed(reactions):
                if reaction.kind in PASS | DELETE and await self._decided(bot, effect, place, reaction):
                    return True
        return False

    async def _decided(
        self, bot: RunningBot, effect: DueEffect, channel: ChannelRef, by: ReactionNew | Reaction
    ) -> bool:
        from framework.runtime.team.people import acts

        if not await acts(bot.service, bot.definition.team, channel, by.user):
            return False
        service, id_ = self._services[bot.name], effect.decision.message_id
        if by.kind in PASS:
            await service.commit(id_)
        else:
            await service.delete(id_, hard=True)
        await self._store.done(effect)
        _log.info("moderation.hold_ended", message=id_, passed=by.kind in PASS, by=by.user.id)
        return True

    def _id(self, bot: RunningBot, decision: MessageDecision, channel: ChannelRef) -> str:
        return bot.service.id_key.id_of(_LABEL, decision.id, str(channel))


def _channel(bot: RunningBot, named: str) -> ChannelRef:
    """The channel that a rule names, or the team's first one. Raises UsageError if there is none."""
    channels = bot.definition.team.channels
    if not named and not channels:
        raise UsageError(
            f"{bot.name} holds a message, and nobody is told.",
            hint="Name a channel by `alert` in the rule, or by `team: channels:` in bot.yaml.",
        )
    return ChannelRef.parse(named or channels[0])


def _text(decision: MessageDecision, rules: str) -> str:
    """What the team reads. The text of the message is not repeated: the review queue and the channel have it."""
    where = f"{as_code(decision.user_id)} wrote in {as_code(decision.channel)}"
    text = f"**{rules}**: {where}, {decision.at:%Y-%m-%d %H:%M} UTC. Outcome: {decision.outcome}."
    if decision.outcome is Outcome.HOLD:
        text += " Nobody else sees it. React with 👍 (`like`) to let it pass, or with 👎 (`sad`) to delete it."
    return text
