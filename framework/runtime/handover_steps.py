"""Opening a handover, step by step, and ending it. Every step may be done once more without doubling anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

import structlog

from framework.agent.conversation import Answer
from framework.errors import ChatServiceError
from framework.names import shown_name
from framework.runtime.handover import FIELD, Handover
from framework.runtime.handover_signs import PUBLIC, Sign
from framework.runtime.handover_summary import summarise
from framework.runtime.ids import Purpose
from framework.runtime.own import own
from framework.runtime.post import post_once
from framework.runtime.reply import ReplyWriter
from framework.runtime.team import audience, people
from framework.runtime.turn import HandedOff, Outcome, Turn
from framework.stream.model import ChannelInfo, ChannelRef, OutgoingMessage
from framework.stream.service import ChatService
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)

STEP = "handover"
"""The step of a turn that holds what was decided: it is not decided twice."""
HANDED_OFF = "handed_off"
"""The outcome that the reply tells in its custom fields."""
COUNTER = "handover_count"
"""The alert channel's custom field that remembers whose turn it is."""


@dataclass(frozen=True)
class _Plan:
    """What was decided: whom to call, why, and whether the team is away."""

    to: tuple[str, ...]
    detail: str
    summary: str
    away: bool

    def kept(self) -> dict[str, Any]:
        return {"to": list(self.to), "detail": self.detail, "summary": self.summary, "away": self.away}


class HandoverSteps:
    """Opens and ends handovers of one bot. Every call raises ChatServiceError where a step that matters failed."""

    def __init__(self, service: ChatService, writer: ReplyWriter, timing: Timing) -> None:
        self._service = service
        self._writer = writer
        self._timing = timing

    async def open(self, turn: Turn, sign: Sign) -> Outcome:
        """Hand over, and tell the customer."""
        text = await self.prepare(turn, sign)
        await self._writer.settle(turn, Answer(text=text, outcome="refused"))
        return HandedOff(sign.detail)

    async def prepare(self, turn: Turn, sign: Sign) -> str:
        """All but telling the customer: tag the channel, call the people, alert the team, sum up. The reply comes last,
        so that a turn that was interrupted before it goes on here. Returns what to tell the customer.
        """
        info = await self._service.info(turn.channel)
        before = Handover.read(info.custom)
        plan = await self._plan(turn, sign, before)
        phrases = turn.definition.phrases
        called = {"state": "open", "to": list(plan.to)}
        turn.draft.facts.update(outcome=HANDED_OFF, suggestions=[], feedback=[], handover=called)
        called_out = bool(plan.to or turn.definition.handover.alert)
        said = phrases.handover_closed if plan.away else phrases.handover if called_out else phrases.handover_nobody
        if before is not None and before.is_open and before.turn != turn.ids.job:
            return said  # another turn of this channel was quicker, and did the rest
        await self._tag(turn, sign, plan, before)
        await self._add(turn, plan.to)
        await self._alert(turn, plan, info)
        if turn.definition.handover.summary:
            await self._sum_up(turn, plan)
        _log.info("handover.opened", kind=sign.kind, reason=plan.detail, to=list(plan.to), away=plan.away)
        return said

    async def close(self, channel: ChannelRef, state: Handover, *, until: datetime) -> None:
        """The bot is back. What was written up to `until` was for the person."""
        await self._service.update_channel(channel, to_set={FIELD: state.closed(until).field()})
        _log.info("handover.closed", channel=str(channel), until=until.isoformat())

    async def _plan(self, turn: Turn, sign: Sign, before: Handover | None) -> _Plan:
        kept = turn.execution.saved(STEP) if turn.execution else None
        if kept is not None:
            return _Plan(tuple(kept["to"]), kept["detail"], kept["summary"], kept["away"])
        hours = turn.definition.team.hours
        away = hours is not None and not hours.is_open(self._timing.now())
        begun = before is not None and before.is_open and before.turn == turn.ids.job
        to = before.to if begun and before is not None else await self._choose(turn)
        plan = _Plan(to, sign.detail, sign.summary, away)
        if turn.execution:
            await turn.execution.save(STEP, plan.kept())
        return plan

    async def _choose(self, turn: Turn) -> tuple[str, ...]:
        """Whom to call. In turn: by a count that the alert channel keeps; without one, by the message's id, which
        spreads evenly and needs no memory.
        """
        rules = turn.definition.handover
        team = rules.to or await people(self._service, turn.definition.team)
        if not team:
            _log.warning("handover.nobody", hint="Name people in `handover.to` or `team.users`.")
        if rules.choose == "all" or len(team) < 2:
            return tuple(team)
        count = await self._count(rules.alert) if rules.alert else None
        place = crc32(turn.trigger.id.encode()) if count is None else count
        return (team[place % len(team)],)

    async def _count(self, cid: str) -> int | None:
        channel = ChannelRef.parse(cid)
        try:
            value = (await self._service.info(channel)).custom.get(COUNTER)
            count = value if isinstance(value, int) else 0
            await self._service.update_channel(channel, to_set={COUNTER: count + 1})
        except ChatServiceError as error:
            if error.retryable:
                raise
            return None  # there is no such channel yet
        return count

    async def _tag(self, turn: Turn, sign: Sign, plan: _Plan, before: Handover | None) -> None:
        state = Handover(
            state="open",
            since=turn.trigger.created_at,
            reason=PUBLIC[sign.kind],
            by=turn.bot_user_id,
            to=plan.to,
            turn=turn.ids.job,
        )
        if before is not None:
            state = before.reopened(state)
        await turn.fence()
        await self._service.update_channel(turn.channel, to_set={FIELD: state.field()})

    async def _add(self, turn: Turn, to: Sequence[str]) -> None:
        """One by one where the service refuses the lot: a name that is wrong must not keep the others out."""
        await turn.fence()
        try:
            await self._service.add_members(turn.channel, to)
        except ChatServiceError as error:
            if error.retryable:
                raise
            if len(to) > 1:
                for one in to:
                    await self._add(turn, [one])
            else:
                _log.warning("handover.not_added", users=list(to), error=error.what)

    async def _alert(self, turn: Turn, plan: _Plan, info: ChannelInfo) -> None:
        if not turn.definition.handover.alert:
            return
        place = ChannelRef.parse(turn.definition.handover.alert)
        who = shown_name(turn.trigger.user.name, turn.trigger.user.id, with_id=True)
        called = f" Called: {', '.join(plan.to)}." if plan.to else " Nobody could be called."
        name = f" ({shown_name(info.name)})" if info.name else ""
        text = f"{who} needs a person in {turn.channel}{name}: {plan.detail}.{called}"
        custom = {"handover_channel": str(turn.channel)}
        message = OutgoingMessage("", text, custom=custom)
        try:
            await self._post(turn, place, "alert", message)
        except ChatServiceError as error:
            if error.retryable:
                raise
            if not await self._made(turn, place, plan.to, message):
                _log.error("handover.not_alerted", channel=str(place), error=error.what)

    async def _made(self, turn: Turn, place: ChannelRef, to: Sequence[str], message: OutgoingMessage) -> bool:
        """The alert channel may be missing: make it, with those in it who are called."""
        try:
            await self._service.create_channel(place)
            await self._service.add_members(place, to)
            await self._post(turn, place, "alert", message)
        except ChatServiceError as error:
            if error.retryable:
                raise
            return False
        return True

    async def _sum_up(self, turn: Turn, plan: _Plan) -> None:
        found = await self._service.messages(turn.channel, turn.ids.chain("summary"))
        if any(own(message, turn.bot_user_id) for message in found.values()):
            return  # summing up costs a call of the model
        seen_by = await audience(self._service, turn.definition.team, turn.channel, also=plan.to)
        if not seen_by:
            _log.warning("handover.no_summary", why="nobody of the team is known, who alone may see it")
            return
        summary = plan.summary or await summarise(self._service, turn)
        back = turn.definition.phrases.hand_back.replace("{command}", turn.definition.handover.resume_command)
        text = f"**For the team.** Why: {plan.detail}.\n\n{summary}\n\n{back}".strip()
        custom = {"note": "team"}
        await self._post(turn, turn.channel, "summary", OutgoingMessage("", text, custom=custom, visible_to=seen_by))

    async def _post(self, turn: Turn, channel: ChannelRef, purpose: Purpose, message: OutgoingMessage) -> None:
        chain, bot = turn.ids.chain(purpose), turn.bot_user_id
        await post_once(self._service, channel, chain, message, bot_user_id=bot, check=turn.fence)
