"""Tell the team of a handover: the alert in its own channel, and the summary in the customer's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from framework.errors import ChatServiceError, DuplicateMessageError
from framework.names import as_code, plain_name, shown_name
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.outcome import HandOver
from framework.runtime.core.turn import Turn
from framework.runtime.handover.summary import summarise
from framework.runtime.handover.told import public_reason, team_reason, told
from framework.runtime.reply.notify import Notices
from framework.runtime.reply.post import post_once
from framework.runtime.state.handover import Handover
from framework.runtime.state.ids import Purpose
from framework.runtime.state.own import NOTE, own
from framework.runtime.team.channels import REMEDY, prepare
from framework.runtime.team.people import audience
from framework.stream.model import ChannelRef, OutgoingMessage
from framework.tools.notices import Notice

_REMINDER = "handover reminder"
_HOURS = "handover hours"
_QUOTED = 300  # characters of the customer's message in a push
_log = structlog.get_logger(__name__)


class Alerts:
    """Tells the team of one bot. Every call raises ChatServiceError if another try may help."""

    def __init__(self, bot: RunningBot, now: Callable[[], datetime]) -> None:
        self._bot = bot
        self._service = bot.service
        self._notices = Notices(bot.service, bot.user_id, now)

    async def alert(self, turn: Turn, to: Sequence[str], why: HandOver, detail: str) -> bool:
        """Post the alert, once. False: there is no channel for it, or it is not safe, or the service refused."""
        if not turn.definition.handover.alert:
            return False
        place = ChannelRef.parse(turn.definition.handover.alert)
        message = OutgoingMessage("", await self._text(turn, to, why, detail), custom=_where(turn))
        try:
            reason = await prepare(self._service, self._bot.user_id, turn.definition.team, place)
            if reason is None:
                await self._post(turn, place, "alert", message)
        except ChatServiceError as error:
            if error.retryable:
                raise
            reason = error.what
        if reason is not None:
            _log.error("handover.not_alerted", alert=str(place), why=reason, text=message.text, hint=REMEDY)
        return reason is None

    async def push(self, turn: Turn, to: Sequence[str], why: HandOver, detail: str) -> None:
        """Reach those who are called by push, each once for a handover, with what the customer wrote if all see it."""
        title = await self._text(turn, (), why, detail, called=False)
        said = "" if turn.visible_to else " ".join(turn.trigger.text.split())
        text = said if len(said) <= _QUOTED else f"{said[:_QUOTED]}…"
        await self._notices.send(
            to, Notice(_push_key(turn.ids.job), text or title, title if text else ""), check=turn.fence
        )

    async def push_later(self, channel: ChannelRef, state: Handover, to: Sequence[str], text: str) -> None:
        """Reach people who are called later by push, each once for a handover."""
        if self._bot.at(channel).definition.handover.push:
            await self._notices.send(to, Notice(_push_key(state.turn), text))

    async def remind(self, channel: ChannelRef, state: Handover, to: str, *, waited: timedelta) -> None:
        """Say in the team's channel, once, that somebody else was called because nobody came."""
        text = self.waited(channel, [to], waited)
        await self._tell(channel, self._service.id_key.id_of(_REMINDER, state.turn, str(state.reminders)), text)
        await self.push_later(channel, state, [to], text)

    def waited(self, channel: ChannelRef, to: Sequence[str], waited: timedelta) -> str:
        """How long a conversation has waited for a person, and who is called now."""
        language = self._bot.at(channel).definition.identity.language
        minutes = max(1, round(waited.total_seconds() / 60))
        return told(
            language, "waited", where=as_code(str(channel)), minutes=minutes, people=", ".join(map(as_code, to))
        )

    async def hours_begin(self, channel: ChannelRef, state: Handover) -> None:
        """Say in the team's channel, once, that a conversation waited for the team's hours, which have begun."""
        text = told(self._bot.at(channel).definition.identity.language, "begun", where=as_code(str(channel)))
        await self._tell(channel, self._service.id_key.id_of(_HOURS, state.turn), text)
        await self.push_later(channel, state, state.to, text)

    async def _tell(self, channel: ChannelRef, id_: str, text: str) -> None:
        """Post a text about a channel into the team's channel, once, if there is one."""
        definition = self._bot.at(channel).definition
        if not definition.handover.alert:
            return
        place = ChannelRef.parse(definition.handover.alert)
        try:
            reason = await prepare(self._service, self._bot.user_id, definition.team, place)
            if reason is None:
                await self._service.send(place, OutgoingMessage(id_, text, custom={"handover_channel": str(channel)}))
        except DuplicateMessageError:
            return
        except ChatServiceError as error:
            if error.retryable:
                raise
            reason = error.what
        if reason is not None:
            _log.error("handover.not_alerted", alert=str(place), why=reason, text=text, hint=REMEDY)

    async def sum_up(
        self, turn: Turn, view: ChannelView, called: Sequence[str], why: HandOver, detail: str, drafted: str
    ) -> bool:
        """Post the summary into the customer's channel, once, for the team's eyes alone. `drafted` is the model's own.

        Messages that the team could not see are left out of the summary.
        """
        known = await self._service.messages(turn.channel, turn.ids.chain("summary"))
        if any(own(message, turn.bot_user_id) for message in known.values()):
            return True  # summing up costs a call of the model
        seen_by = await audience(self._service, turn.definition.team, turn.channel, also=called)
        if not seen_by:
            _log.warning("handover.no_summary", why="nobody of the team is known, who alone may see it")
            return False
        open_ = not turn.visible_to or set(seen_by) <= set(turn.visible_to)
        summary = drafted if drafted and open_ else await summarise(turn, view, seen_by)
        back = turn.team_phrases.hand_back.replace("{command}", turn.definition.handover.resume_command)
        language = turn.definition.identity.language
        reason = team_reason(why.kind, detail, language) if open_ else told(language, "restricted").rstrip(".")
        text = f"{told(language, 'for_team', why=reason)}\n\n{summary}\n\n{back}".strip()
        await self._post(
            turn, turn.channel, "summary", OutgoingMessage("", text, custom={NOTE: "team"}, visible_to=seen_by)
        )
        return True

    async def _text(self, turn: Turn, to: Sequence[str], why: HandOver, detail: str, *, called: bool = True) -> str:
        """Who needs a person, where and why. Why in general words alone, where the message is restricted."""
        info = await self._service.info(turn.channel)
        user = turn.trigger.user
        who = shown_name(user.name, user.id, with_id=True)
        name = f" ({shown_name(info.name)})" if plain_name(info.name) else ""
        language = turn.definition.identity.language
        public = public_reason(why.kind, language).rstrip(".")
        reason = public if turn.visible_to else team_reason(why.kind, detail, language)
        where = f"{as_code(str(turn.channel))}{name}"
        needs = told(language, "needs", who=who, where=where, why=reason)
        if not called:
            return needs
        whom = told(language, "called", people=", ".join(map(as_code, to))) if to else told(language, "nobody")
        return f"{needs} {whom}"

    async def _post(self, turn: Turn, channel: ChannelRef, purpose: Purpose, message: OutgoingMessage) -> None:
        chain = turn.ids.chain(purpose)
        await post_once(self._service, channel, chain, message, bot_user_id=turn.bot_user_id, check=turn.fence)


def _push_key(turn: str) -> str:
    return f"handover\x1f{turn}"


def _where(turn: Turn) -> dict[str, str]:
    return {"handover_channel": str(turn.channel)}
