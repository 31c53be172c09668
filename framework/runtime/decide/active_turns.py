"""The turns at work in this process, and what people do meanwhile: press stop, edit or delete the question."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog

from framework.engine.port import FencedError
from framework.runtime.core.message_context import of_team
from framework.runtime.core.stage import CallNext
from framework.runtime.core.triggers import from_a_person, may_fire
from framework.runtime.core.turn import GONE, Outcome, Replied, Silent, Turn
from framework.runtime.decide.bursts import SUPERSEDED, Rules, joins
from framework.runtime.reply.writer import ReplyWriter
from framework.runtime.state.audience import audience_of
from framework.runtime.team.people import belongs
from framework.stream.model import EPOCH, ChannelRef, Message, MessageDeleted, MessageUpdated, StopRequested
from framework.stream.port import ChatService

_log = structlog.get_logger(__name__)


@dataclass(eq=False)
class _Seat:
    """A turn at work, and the last thing that people did to it."""

    turn: Turn
    edited: Message | None = None
    question_deleted: bool = False
    reply_deleted: bool = False
    stopped_by: str | None = None
    superseded: bool = False
    person: str = ""
    signal: asyncio.Event = field(default_factory=asyncio.Event)


class ActiveTurns:
    """A stage, and the register of the turns that are inside it."""

    def __init__(self, service: ChatService, writer: ReplyWriter) -> None:
        self._service = service
        self._writer = writer
        self._seats: dict[str, _Seat] = {}
        self._touched: dict[str, bool] = {}

    def hear(self, event: MessageUpdated | MessageDeleted | StopRequested) -> bool:
        """People did something that a turn at work may depend on. Returns whether one here was meant."""
        match event:
            case MessageUpdated(message):
                return self.edited(message)
            case MessageDeleted(message_id=message_id):
                return self.deleted(message_id)
            case StopRequested():
                return self.stop(event)

    @contextmanager
    def attending(self, message_id: str) -> Iterator[None]:
        """Note whether a message is edited or deleted while the block runs: what was read of it before then is dropped
        by the time that the turn takes its seat.
        """
        self._touched[message_id] = False
        try:
            yield
        finally:
            self._touched.pop(message_id, None)

    def at_work_in(self, channel: ChannelRef) -> bool:
        """Whether a turn of this channel or of one of its threads is."""
        return any(seat.turn.channel == channel for seat in self._seats.values())

    def edited(self, message: Message) -> bool:
        """A message was edited: a turn that answers it starts anew, unless its answer is complete."""
        meant = self._touch(message.id)
        for seat in self._seats.values():
            if any(_is_edit(message, one) for one in seat.turn.answering):
                meant, seat.edited = True, message
                seat.signal.set()
        return meant

    def deleted(self, message_id: str) -> bool:
        """A message was deleted: the turn that answers it, or the one that writes it, ends."""
        meant = self._touch(message_id)
        for seat in self._seats.values():
            seat.question_deleted |= seat.turn.trigger.id == message_id
            seat.reply_deleted |= seat.turn.draft.id == message_id
            if seat.question_deleted or seat.reply_deleted:
                meant = True
                seat.signal.set()
        return meant

    def _touch(self, message_id: str) -> bool:
        if message_id not in self._touched:
            return False
        self._touched[message_id] = True
        return True

    def superseded(self, message: Message) -> None:
        """Somebody wrote again: where the definition says so, their turn that has shown nothing yet makes way for the
        next one, which answers both.
        """
        for seat in self._seats.values():
            turn = seat.turn
            rules = Rules.of(turn.definition.reply) if turn.definition.reply.supersede else None
            if rules is None or turn.cause.made_up or turn.trigger.id == message.id:
                continue
            if joins(turn.answering, message, rules) and _shows_nothing(turn):
                seat.superseded = True
                seat.signal.set()

    def written(self, message: Message) -> None:
        """Somebody wrote. Where the definition is silent after the team's people, a turn that has shown nothing yet
        leaves the question to the one of them who was quicker.
        """
        self.superseded(message)
        for seat in self._seats.values():
            turn, question = seat.turn, seat.turn.trigger
            elsewhere = (message.channel, message.parent_id) != (turn.channel, question.parent_id)
            if elsewhere or turn.cause.made_up or turn.origin == "command" or message.user.id == question.user.id:
                continue
            quiet = bool(turn.definition.conditions.quiet_after_person) and _shows_nothing(turn)
            person = from_a_person(message, bot_user_id=turn.bot_user_id)
            if quiet and person and of_team(message, turn.definition.team):
                seat.person = message.user.name or message.user.id
                seat.signal.set()

    def stop(self, wish: StopRequested) -> bool:
        """A person wants the generation to end: of this reply, or of what is being generated for them in the channel.

        Only who asked may stop an answer, or the team. A wish from before the answer began was about another one.
        """
        stopped = False
        for seat in self._seats.values():
            turn, posted_at = seat.turn, seat.turn.draft.posted_at
            meant = turn.channel == wish.channel and wish.message_id in {None, turn.reply_id}
            if not meant or posted_at is None or (wish.at != EPOCH and wish.at < posted_at):
                continue
            if _may_stop(wish, turn):
                stopped, seat.stopped_by = True, wish.user_id
                seat.signal.set()
            else:
                _log.info("turn.not_stopped", by=wish.user_id, why="neither who asked nor of the team")
        return stopped

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Run the stages that follow; again from the start when the question is edited."""
        if turn.burst or self._touched.get(turn.trigger.id, True):  # an edit or a deletion may not be in it
            turn = replace(turn, page=None)
        seat = _Seat(turn)
        self._seats[turn.ids.job] = seat
        try:
            while True:
                outcome = await self._attempt(seat, call_next)
                if outcome is not None:
                    return outcome
        finally:
            del self._seats[turn.ids.job]

    async def _attempt(self, seat: _Seat, call_next: CallNext) -> Outcome | None:
        """One run of the stages that follow; None: the question was edited, so run them again."""
        work = asyncio.ensure_future(call_next(seat.turn))
        try:
            while not work.done():
                await _either(work, seat.signal)
                if seat.signal.is_set() and not work.done() and self._ends(seat):
                    break
        finally:
            await _cancel(work)
        if work.done() and not work.cancelled() and isinstance(error := work.exception(), FencedError):
            raise error  # whatever people did: it is for the one who has the turn now
        if seat.question_deleted:
            return await self._withdraw(seat.turn, GONE)
        if not work.cancelled():
            return work.result()
        return await self._after_interruption(seat)

    def _ends(self, seat: _Seat) -> bool:
        """Whether what happened ends this run. A complete answer is not held up by a stop or an edit any more."""
        seat.signal.clear()
        if seat.question_deleted or seat.reply_deleted:
            return True
        if (seat.superseded or seat.person) and _shows_nothing(seat.turn):
            return True
        seat.superseded, seat.person = False, ""
        return not seat.turn.draft.closing and (seat.edited is not None or seat.stopped_by is not None)

    async def _after_interruption(self, seat: _Seat) -> Outcome | None:
        turn = seat.turn
        if seat.reply_deleted:
            return Silent("the reply was deleted while it was written")
        if seat.superseded or seat.person:
            return await self._withdraw(turn, SUPERSEDED if seat.superseded else quicker(seat.person))
        if seat.stopped_by is not None:
            _log.info("turn.stopped", by=seat.stopped_by)
            return Replied(turn.reply_id, await self._writer.stop(turn), stopped=True)
        if seat.edited is not None:
            seat.turn, seat.edited = _with_edit(turn, seat.edited), None
            if _asks_no_more(seat.turn):
                return await self._withdraw(seat.turn, "the question was edited, and is none for the bot any more")
            _log.info("turn.restarted", why="the question was edited")
        return None

    async def _withdraw(self, turn: Turn, why: str) -> Outcome:
        if turn.draft.opened:
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


def _shows_nothing(turn: Turn) -> bool:
    """Whether people have seen nothing of the reply, but for an empty message."""
    return not turn.draft.shown.strip() and not turn.draft.closing


def _with_edit(turn: Turn, edited: Message) -> Turn:
    burst = tuple(edited if one.id == edited.id else one for one in turn.burst)
    turn = replace(turn, page=None, burst=burst, trigger=edited if turn.trigger.id == edited.id else turn.trigger)
    # An edit may narrow who sees the question, and never widens who sees the answer.
    turn.draft.visible_to = audience_of(turn.bot_user_id, turn.answering, also=turn.draft.visible_to or ())
    return turn


def _asks_no_more(turn: Turn) -> bool:
    """Whether none of the messages, as they read now, would start a turn. What depends on the talk around them was
    decided on before the edit.
    """
    if turn.origin == "command" or turn.cause.made_up or turn.cause.decided:
        return False
    return not any(may_fire(one, turn.definition) for one in turn.answering)


async def _either(work: asyncio.Future[Outcome], signal: asyncio.Event) -> None:
    """Return when the work is done or the signal is given."""
    waiter = asyncio.ensure_future(signal.wait())
    both: set[asyncio.Future[Any]] = {work, waiter}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()


async def _cancel(work: asyncio.Future[Outcome]) -> None:
    """Cancel what is not done, and wait for it; the outcome of finished work stays in it."""
    if not work.done():
        work.cancel()
        await asyncio.wait({work})
