"""Opening a handover, step by step, and ending it. Every step may be done once more without doubling anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zlib import crc32

import structlog

from framework.agent.conversation import Answer
from framework.errors import ChatServiceError
from framework.names import plain_name
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.outcome import HandedOff, HandOver, Outcome
from framework.runtime.core.turn import Turn, unfenced
from framework.runtime.handover.alerts import Alerts
from framework.runtime.handover.recall import HANDED_OFF, RESUMED, recalled
from framework.runtime.handover.told import public_reason
from framework.runtime.reply.drive import HandedOver
from framework.runtime.reply.post import post_once
from framework.runtime.reply.writer import ReplyWriter
from framework.runtime.state.handover import BY_TIME, FIELD, Act, Change, Handover, altering, closing, opening, taking
from framework.runtime.team.people import people, proven
from framework.stream.model import ChannelRef, Message, OutgoingMessage, User
from framework.stream.port import Check
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)

STEP = "handover"
"""The step of a turn that holds what was decided: it is not decided twice."""


@dataclass(frozen=True)
class HandoverPlan:
    """A decision to hand over: whom to call, why, and whether the team is away. `summary` is the model's, or empty."""

    to: tuple[str, ...]
    detail: str
    summary: str
    away: bool

    def kept(self) -> dict[str, Any]:
        """The plan as a step of the turn keeps it."""
        return {"to": list(self.to), "detail": self.detail, "summary": self.summary, "away": self.away}


class HandoverSteps:
    """Opens and ends handovers of one bot. The state is the book's; the channel shows it.

    Every call raises ChatServiceError if a step that matters failed, and EngineError where the book cannot be used.
    """

    def __init__(self, bot: RunningBot, writer: ReplyWriter, timing: Timing) -> None:
        self._bot = bot
        self._service = bot.service
        self._writer = writer
        self._timing = timing
        self._alerts = Alerts(bot, timing.now)

    async def state(self, channel: ChannelRef) -> Handover | None:
        """The latest handover of a channel; None: there never was one."""
        return (await self._bot.handovers.of(self._bot.scope, [str(channel)])).get(str(channel))

    async def open(self, turn: Turn, view: ChannelView, why: HandOver) -> Outcome:
        """Hand over, and tell the customer."""
        made = await self.prepare(turn, view, why)
        await self._writer.finalize(turn, made.answer, made.facts)
        return HandedOff(why.reason, why.kind)

    async def prepare(self, turn: Turn, view: ChannelView, why: HandOver) -> HandedOver:
        """Do all but telling the customer: note it, call the people, alert the team, sum up.

        The reply comes last, so that a turn that was interrupted before it goes on here. Returns what to tell the
        customer, with the facts of that reply.
        """
        plan = await self._plan(turn, why)
        state = await self._open(turn, why, plan)
        if not (state.is_open and state.turn == turn.ids.job):
            return _told(turn, plan, why, reached=state.alerted or bool(state.to))  # another turn did the rest
        await self._show(turn.channel, state)
        added = await self._add(turn, plan.to)
        alerted = await self._alerts.alert(turn, plan.to, why, plan.detail)
        if alerted:
            await self._change(turn.channel, altering(state.turn, lambda one: replace(one, alerted=True)))
        if turn.definition.handover.push and (not plan.away or why.kind == "urgent"):
            await self._alerts.push(turn, plan.to, why, plan.detail)
        if turn.definition.handover.summary:
            await self._alerts.sum_up(turn, view, added, why, plan.detail, plan.summary)
        _log.info("handover.opened", kind=why.kind, reason=plan.detail, to=list(plan.to), away=plan.away)
        return _told(turn, plan, why, reached=alerted if turn.definition.handover.alert else bool(added))

    async def recall(self, channel: ChannelRef, messages: Sequence[Message], known: Handover | None) -> Handover | None:
        """Put the state right by the bot's own newest messages (see `recalled`). Returns it as it is then."""
        after, now = self._lasts(channel), self._timing.now()
        change = recalled(messages, known, ids=self._bot.ids, now=now, after=after)
        if change is None:
            return known
        state = await self._change(channel, change)
        _log.warning("handover.recalled", channel=str(channel), state=state.state if state else None)
        return state

    async def failures(self, turn: Turn, *, failed: bool) -> int:
        """How many answers in a row failed in the turn's channel or thread, with this one."""
        talk, limit = f"{turn.channel}|{turn.trigger.parent_id or ''}", turn.definition.handover.failed_answers
        book, scope = self._bot.handovers, self._bot.scope
        return await book.failures(scope, talk, turn.ids.job, failed=failed, limit=limit)

    async def take(self, channel: ChannelRef, state: Handover, user: User, how: str) -> Handover | None:
        """Somebody of the team wrote, or said that they take it: they have taken over. `how`: by which message or act.

        Returns the state as it is then: somebody else may have been first.
        """
        taken = await self._change(channel, taking(state.turn, Act(user.id, how, plain_name(user.name))))
        await self._show(channel, taken)
        return taken

    async def call(self, channel: ChannelRef, state: Handover, to: Sequence[str], *, at: datetime) -> Handover | None:
        """Give an open handover on: these people are called in place of the others, and nobody has it yet."""
        await self._service.add_members(channel, to)
        how = altering(state.turn, lambda one: replace(one, to=tuple(to), taken=None, called_at=at))
        called = await self._change(channel, how)
        await self._show(channel, called)
        if called is not None:
            await self._alerts.push_later(channel, called, to, self._alerts.waited(channel, to, at - state.since))
        _log.info("handover.called", channel=str(channel), to=list(to))
        return called

    def is_due(self, channel: ChannelRef, state: Handover, now: datetime) -> bool:
        """Whether nobody came for so long that the next person is to be called, in the team's hours."""
        definition = self._bot.at(channel).definition
        after, hours = definition.handover.remind, definition.team.hours
        if not after or not state.is_open or state.taken is not None:
            return False
        begun = max(state.called_at or state.since, state.begun_at or state.since)
        return now >= begun + after and (hours is None or hours.is_open(now))

    def has_begun(self, channel: ChannelRef, state: Handover, now: datetime) -> bool:
        """Whether a conversation waits for the team's hours, and these have begun."""
        waits = state.is_open and state.away and state.begun_at is None and state.taken is None
        hours = self._bot.at(channel).definition.team.hours
        return waits and (hours is None or hours.is_open(now))

    async def begin_hours(self, channel: ChannelRef, turn: str) -> str:
        """The team's hours have begun: tell the team of what waits, once. Returns what came of it, for the log."""
        state, now = await self.state(channel), self._timing.now()
        if state is None or state.turn != turn or not self.has_begun(channel, state, now):
            return "nobody waits"
        await self._alerts.hours_begin(channel, state)
        state = await self._change(channel, altering(turn, lambda one: replace(one, away=False, begun_at=now)))
        await self._show(channel, state)
        _log.info("handover.hours_began", channel=str(channel))
        return "the team was told"

    async def remind(self, channel: ChannelRef, turn: str, number: int) -> str:
        """Call the next person, for the time `number`. Returns what came of it, for the log."""
        state, now = await self.state(channel), self._timing.now()
        if state is None or state.turn != turn or state.taken is not None or not state.is_open:
            return "somebody came"
        if state.reminders < number:
            following = await self._following(channel, state)
            if following is None:
                return "there is nobody else to call"
            how = partial(replace, to=(*state.to, following), called_at=now, reminders=number)
            state = await self._change(channel, altering(turn, lambda one: one if one.taken else how(one))) or state
        called = state.to[-1]
        await self._service.add_members(channel, [called])
        await self._show(channel, state)
        await self._alerts.remind(channel, state, called, waited=now - state.since)
        _log.info("handover.reminded", channel=str(channel), called=called, times=state.reminders)
        return f"{called} was called"

    async def _following(self, channel: ChannelRef, state: Handover) -> str | None:
        """The next of the team who was not called; if all were, the one who was called first."""
        definition = self._bot.at(channel).definition
        everybody = await people(self._service, definition.team)
        named = await proven(self._service, definition.handover.to)
        team = tuple(dict.fromkeys([*named, *everybody]))
        return min(team, key=lambda one: _last(state.to, one), default=None)

    async def hand_back(
        self, channel: ChannelRef, state: Handover, *, at: datetime, act: Act, check: Check = unfenced
    ) -> Handover | None:
        """Say that the bot is back, once, and end the handover."""
        definition, ids = self._bot.at(channel).definition, self._bot.ids
        text = definition.phrases.spoken(definition.identity.language).resumed
        said = OutgoingMessage("", text, custom={"outcome": RESUMED})
        chain = ids.of(state.trigger, made_up=state.made_up).chain("resumed")
        await post_once(self._service, channel, chain, said, bot_user_id=self._bot.user_id, check=check)
        return await self.close(channel, state, until=at, act=act)

    async def close(self, channel: ChannelRef, state: Handover, *, until: datetime, act: Act) -> Handover | None:
        """The bot is back. What was written up to `until` was for the person. `act`: who handed back, and how."""
        closed = await self._change(channel, closing(state.turn, until, act))
        await self._show(channel, closed)
        _log.info("handover.closed", channel=str(channel), until=until.isoformat(), user=act.user, by=act.by)
        return closed

    def is_over(self, channel: ChannelRef, state: Handover, at: datetime) -> bool:
        """Whether a handover has gone on so long, at this time, that the bot is back. The time out of hours is none."""
        hours = self._bot.at(channel).definition.team.hours
        waits = state.away and state.taken is None and hours is not None
        return not waits and state.ended_by_time(at, self._lasts(channel))

    async def close_by_time(self, channel: ChannelRef, state: Handover) -> Handover | None:
        """The time is over: the bot is back. What was written until then was for the person."""
        return await self.close(channel, state, until=state.counted_from + self._lasts(channel), act=BY_TIME)

    def _lasts(self, channel: ChannelRef) -> timedelta:
        return self._bot.at(channel).definition.handover.resume_after

    async def _change(self, channel: ChannelRef, change: Change) -> Handover | None:
        return await self._bot.handovers.change(self._bot.scope, str(channel), change)

    async def _show(self, channel: ChannelRef, state: Handover | None) -> None:
        """Show the state in the channel, for clients. It is never read back."""
        if state is not None:
            await self._service.update_channel(channel, to_set={FIELD: state.shown(bot=self._bot.user_id)})

    async def _plan(self, turn: Turn, why: HandOver) -> HandoverPlan:
        kept = turn.execution.saved(STEP) if turn.execution else None
        if kept is not None:
            return HandoverPlan(tuple(kept["to"]), kept["detail"], kept["summary"], kept["away"])
        hours = turn.definition.team.hours
        away = hours is not None and not hours.is_open(self._timing.now())
        state = await self.state(turn.channel)
        begun = state is not None and state.is_open and state.turn == turn.ids.job
        to = state.to if begun and state is not None else await self._choose(turn)
        plan = HandoverPlan(to, why.reason, why.summary, away)
        if turn.execution:
            await turn.execution.save(STEP, plan.kept())
        return plan

    async def _choose(self, turn: Turn) -> tuple[str, ...]:
        """Whom to call: people whom the definition names, or the team. In turn by a count that all replicas share."""
        rules = turn.definition.handover
        team = await proven(self._service, rules.to) or await people(self._service, turn.definition.team)
        if missing := set(rules.to).difference(team):
            _log.warning("handover.not_called", users=sorted(missing), why="no such users of the app, or guests")
        if not team:
            _log.warning("handover.nobody", hint="Name people in `handover.to` or `team.users`.")
        if rules.choose == "all" or len(team) < 2:
            return tuple(team)
        if rules.alert:
            place = await self._bot.handovers.next_number(self._bot.scope, rules.alert)
        else:
            place = crc32(turn.trigger.id.encode("utf-8", "backslashreplace"))
        return (team[place % len(team)],)

    async def _open(self, turn: Turn, why: HandOver, plan: HandoverPlan) -> Handover:
        newer = Handover(
            state="open",
            since=turn.trigger.created_at,
            turn=turn.ids.job,
            trigger=turn.trigger.id,
            made_up=turn.cause.made_up,
            reason=public_reason(why.kind, turn.language or turn.definition.identity.language),
            to=plan.to,
            away=plan.away,
            asked_by=turn.trigger.user.id,
        )
        await turn.fence()
        state = await self._change(turn.channel, opening(newer))
        return newer if state is None else state

    async def _add(self, turn: Turn, to: Sequence[str]) -> tuple[str, ...]:
        """Make them members; one by one if the service refuses the lot: a name that is wrong must not keep the
        others out. Returns who is one.
        """
        await turn.fence()
        try:
            await self._service.add_members(turn.channel, to)
        except ChatServiceError as error:
            if error.retryable:
                raise
            if len(to) > 1:
                return tuple([added for one in to for added in await self._add(turn, [one])])
            _log.warning("handover.not_added", users=list(to), error=error.what)
            return ()
        return tuple(to)


def _last(called: Sequence[str], one: str) -> int:
    """Where somebody stands last among those who were called; -1 if they were not."""
    return max((place for place, other in enumerate(called) if other == one), default=-1)


def _told(turn: Turn, plan: HandoverPlan, why: HandOver, *, reached: bool) -> HandedOver:
    """Return what the customer is told: that the team has it, only if that is so."""
    phrases = turn.phrases
    if not (plan.to or turn.definition.handover.alert):
        text = phrases.handover_nobody
    elif not reached:
        text = phrases.handover_unreached
    else:
        text = phrases.handover_closed if plan.away else phrases.handover
    if why.kind == "urgent":
        text = f"{phrases.urgent} {text}"
    shown = {"state": "open", "to": list(plan.to), **({"away": True} if plan.away else {})}
    facts = {"outcome": HANDED_OFF, "suggestions": [], "feedback": [], "handover": shown}
    return HandedOver(Answer(text=text, outcome="refused"), why=why, facts=facts)
