"""The turns at work in this process, and what people do meanwhile: press stop, edit or delete the question."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from framework.engine.port import FencedError
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.message_context import of_team
from framework.runtime.core.outcome import GONE, Outcome, Replied, Silent
from framework.runtime.core.triggers import from_a_person, may_fire
from framework.runtime.core.turn import Turn
from framework.runtime.decide.bursts import SUPERSEDED, Rules, joins
from framework.runtime.reply.writer import ReplyWriter
from framework.runtime.state.audience import audience_of
from framework.runtime.team.people import belongs
from framework.stream.model import EPOCH, ChannelRef, Message, MessageDeleted, MessageUpdated, StopRequested

_log = structlog.get_logger(__name__)


Work = Callable[[Turn], Awaitable[Outcome]]
"""Answers a turn. It is cancelled if people end the turn, and called again if they edit the question."""


@dataclass(eq=False)
class _ActiveTurn:
    """A turn at work, and the last thing that people did to it."""

    turn: Turn
    task: asyncio.Future[Outcome] | None = None
    edited: Message | None = None
    question_deleted: bool = False
    reply_deleted: bool = False
    stopped_by: str | None = None
    superseded: bool = False
    person: str = ""
    touched: bool = False


@dataclass(eq=False)
class _Attended:
    """A turn whose channel is being read, and the messages that were edited or deleted since the begin of that."""

    trigger: str
    touched: set[str] = field(default_factory=set)


class ActiveTurns:
    """The register of the turns at work. It is told what people do, and ends or restarts their turns."""

    def __init__(self, writer: ReplyWriter) -> None:
        self._writer = writer
        self._active: dict[str, _ActiveTurn] = {}
        self._by_channel: dict[ChannelRef, dict[str, _ActiveTurn]] = {}
        self._attended: dict[str, _Attended] = {}

    def hear(self, event: MessageUpdated | MessageDeleted | StopRequested) -> bool:
        """People did something that a turn at work may depend on. Return whether one here was meant."""
        match event:
            case MessageUpdated(message):
                return self.edited(message)
            case MessageDeleted(message_id=message_id):
                return self.deleted(message_id)
            case StopRequested():
                return self.stop(event)

    @contextmanager
    def attending(self, turn: Turn) -> Iterator[None]:
        """Note which messages are edited or deleted while the block runs, until the turn is at work.

        The turn then reads those messages anew.
        """
        self._attended[turn.ids.job] = _Attended(turn.trigger.id)
        try:
            yield
        finally:
            self._attended.pop(turn.ids.job, None)

    def at_work_in(self, channel: ChannelRef) -> bool:
        """Whether a turn of this channel or of one of its threads is."""
        return channel in self._by_channel

    def _in(self, channel: ChannelRef) -> Collection[_ActiveTurn]:
        """The turns of a channel and of its threads: few, however many there are."""
        return self._by_channel.get(channel, {}).values()

    def edited(self, message: Message) -> bool:
        """A message was edited: a turn that answers it starts anew, unless its answer is complete."""
        meant = self._touch(message.id)
        for active in self._in(message.channel):
            if any(_is_edit(message, one) for one in active.turn.answering):
                meant, active.edited = True, message
                _signal(active)
        return meant

    def deleted(self, message_id: str) -> bool:
        """A message was deleted: the turn that answers it, or the one that writes it, ends."""
        meant = self._touch(message_id)
        for active in self._active.values():
            active.question_deleted |= active.turn.trigger.id == message_id
            active.reply_deleted |= active.turn.reply.id == message_id
            if active.question_deleted or active.reply_deleted:
                meant = True
                _signal(active)
        return meant

    def _touch(self, message_id: str) -> bool:
        meant = False
        for attended in self._attended.values():
            attended.touched.add(message_id)
            meant |= attended.trigger == message_id
        return meant

    def superseded(self, message: Message) -> None:
        """Somebody wrote again: if the definition says so, their turn that has shown nothing yet makes way for the next
        one, which answers both.
        """
        for active in self._in(message.channel):
            turn = active.turn
            rules = Rules.of(turn.definition.reply) if turn.definition.reply.supersede else None
            if rules is None or turn.cause.made_up or turn.trigger.id == message.id:
                continue
            if joins(turn.answering, message, rules) and turn.reply.shows_nothing:
                active.superseded = True
                _signal(active)

    def written(self, message: Message) -> None:
        """Somebody wrote. If the definition is silent after the team's people, a turn that has shown nothing yet leaves
        the question to the one of them who was quicker.
        """
        self.superseded(message)
        for active in self._in(message.channel):
            turn, question = active.turn, active.turn.trigger
            if (
                message.parent_id != question.parent_id
                or turn.cause.made_up
                or turn.origin == "command"
                or message.user.id == question.user.id
            ):
                continue
            quiet = bool(turn.definition.conditions.quiet_after_person) and turn.reply.shows_nothing
            person = from_a_person(message, bot_user_id=turn.bot_user_id)
            if quiet and person and of_team(message, turn.definition.team):
                active.person = message.user.name or message.user.id
                _signal(active)

    def stop(self, wish: StopRequested) -> bool:
        """A person wants the generation to end: of this reply, or of what is being generated for them in the channel.

        Only who asked may stop an answer, or the team. A wish from before the answer began was about another one.
        """
        stopped = False
        for active in self._in(wish.channel):
            turn, posted_at = active.turn, active.turn.reply.posted_at
            if (
                wish.message_id not in {None, turn.reply_id}
                or posted_at is None
                or (wish.at != EPOCH and wish.at < posted_at)
            ):
                continue
            if _may_stop(wish, turn):
                stopped, active.stopped_by = True, wish.user_id
                _signal(active)
            else:
                _log.info("turn.not_stopped", by=wish.user_id, why="neither who asked nor of the team")
        return stopped

    async def run(self, turn: Turn, view: ChannelView, work: Work) -> Outcome:
        """Return what comes of the work on this turn; it is done again from the start when the question is edited."""
        attended = self._attended.pop(turn.ids.job, None)
        if attended is not None and any(one.id in attended.touched for one in turn.answering):
            view.forget()  # an edit or a deletion may not be in it
        active, job, channel = _ActiveTurn(turn), turn.ids.job, turn.channel
        self._active[job] = self._by_channel.setdefault(channel, {})[job] = active
        try:
            while True:
                outcome = await self._attempt(active, work)
                if outcome is not None:
                    return outcome
                view.forget()
        finally:
            del self._active[job], self._by_channel[channel][job]
            if not self._by_channel[channel]:
                del self._by_channel[channel]

    async def _attempt(self, active: _ActiveTurn, work: Work) -> Outcome | None:
        """One run of the work; None: the question was edited, so that it is to be done again."""
        task = active.task = asyncio.ensure_future(work(active.turn))
        if active.touched:
            _signal(active)
        try:
            await asyncio.wait({task})
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if not task.cancelled() and isinstance(error := task.exception(), FencedError):
            raise error  # whatever people did: it is for the one who has the turn now
        if active.question_deleted:
            return await self._withdraw(active.turn, GONE)
        if not task.cancelled():
            return task.result()
        return await self._after_interruption(active)

    async def _after_interruption(self, active: _ActiveTurn) -> Outcome | None:
        turn = active.turn
        if active.reply_deleted:
            return Silent("the reply was deleted while it was written")
        if active.superseded or active.person:
            return await self._withdraw(turn, SUPERSEDED if active.superseded else quicker(active.person))
        if active.stopped_by is not None:
            _log.info("turn.stopped", by=active.stopped_by)
            return Replied(turn.reply_id, await self._writer.stop(turn), stopped=True)
        if active.edited is not None:
            active.turn, active.edited = _with_edit(turn, active.edited), None
            if _asks_no_more(active.turn):
                return await self._withdraw(active.turn, "the question was edited, and is none for the bot any more")
            _log.info("turn.restarted", why="the question was edited")
        return None

    async def _withdraw(self, turn: Turn, why: str) -> Outcome:
        if turn.reply.opened:
            await self._writer.withdraw(turn)
        return Silent(why)


def _may_stop(wish: StopRequested, turn: Turn) -> bool:
    if any(wish.user_id == message.user.id for message in turn.answering):
        return True
    return wish.by is not None and wish.by.id == wish.user_id and belongs(turn.definition.team, wish.by)


def _is_edit(message: Message, known: Message) -> bool:
    """Whether this is a newer version of a message. An event may be delivered late, and more than once."""
    if message.id != known.id or message.text == known.text:
        return False
    return None in {message.updated_at, known.updated_at} or _version(message) >= _version(known)


def _version(message: Message) -> datetime:
    return message.updated_at or message.created_at


def quicker(person: str) -> str:
    """Why a turn is silent whose question somebody of the team took up."""
    return f"{person} of the team wrote meanwhile"


def _with_edit(turn: Turn, edited: Message) -> Turn:
    burst = tuple(edited if one.id == edited.id else one for one in turn.burst)
    turn = replace(turn, burst=burst, trigger=edited if turn.trigger.id == edited.id else turn.trigger)
    # An edit may narrow who sees the question, and never widens who sees the answer.
    audience = audience_of(turn.bot_user_id, turn.answering, also=turn.audience or ())
    return replace(turn, audience=audience)


def _asks_no_more(turn: Turn) -> bool:
    """Whether none of the messages, as they read now, would start a turn. What depends on the talk around them was
    decided on before the edit.
    """
    if turn.origin == "command" or turn.cause.made_up or turn.cause.decided:
        return False
    return not any(may_fire(one, turn.definition) for one in turn.answering)


def _signal(active: _ActiveTurn) -> None:
    """Cancel the work if what happened ends it. If it does not run yet, that is looked at when it does."""
    active.touched = True
    task = active.task
    if task is None or task.done():
        return
    active.touched = False
    if _ends(active):
        task.cancel()


def _ends(active: _ActiveTurn) -> bool:
    """Whether what happened ends this run. A complete answer is not held up by a stop or an edit any more."""
    if active.question_deleted or active.reply_deleted:
        return True
    if (active.superseded or active.person) and active.turn.reply.shows_nothing:
        return True
    active.superseded, active.person = False, ""
    return not active.turn.reply.closing and (active.edited is not None or active.stopped_by is not None)
