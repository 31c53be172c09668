"""The rule that lets a turn through or not, by the definition's triggers and conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from framework.definition.parts.triggers import Trigger
from framework.names import shown_name
from framework.runtime.core.channel_view import PAGE, ChannelView
from framework.runtime.core.message_context import MessageContext, context_of
from framework.runtime.core.outcome import Say, Skip
from framework.runtime.core.triggers import from_a_person, names_of
from framework.runtime.core.turn import Cause, Turn
from framework.runtime.decide.active_turns import quicker
from framework.runtime.decide.duplicates import readable
from framework.runtime.decide.policy import (
    CLOSED,
    Closed,
    No,
    Verdict,
    Yes,
    decide,
    decide_made_up,
    looks_back,
    person_since,
)
from framework.runtime.state.own import COVERS
from framework.runtime.team.people import is_banned
from framework.stream.model import ChannelInfo, Message
from framework.stream.port import ChatService

_log = structlog.get_logger(__name__)
_BY_NOBODY = frozenset({"schedule", "idle", "event"})
"""Causes behind which no member of the channel stands. A custom event is the word of the app's server."""
_FAST = timedelta(minutes=10)
"""Turns without a message that follow each other this fast, with nobody writing between them, may feed themselves."""
_TWO = 2
"""Members of a channel in which everybody is known who could be spoken to."""


class Gate:
    """A rule. An operator who asks for an answer is not bound by it, nor is what the team decided on."""

    def __init__(self, service: ChatService) -> None:
        self._service = service

    async def __call__(self, turn: Turn, view: ChannelView) -> Skip | Turn:
        """Return Skip with the reason; else the turn with what started it. Raises ChatServiceError."""
        if turn.forced:
            _log.info("turn.decided", answer=True)
            return _going_on(turn)
        if turn.cause.made_up:
            return await self._made_up(turn, view)
        context = await _context(turn, view)
        verdict = _of_all([decide(context.at(message), turn.definition) for message in turn.answering])
        person = person_since(context, turn.definition)
        if person is not None and not isinstance(verdict, No) and not turn.reply.posted:
            verdict = No(quicker(person))
        match verdict:
            case No(reason):
                return Skip(reason)
            case Closed(reason):
                _log.info("turn.decided", answer=True, trigger=CLOSED, why=reason)
                return replace(turn, say=Say(turn.phrases.closed, marks={"outcome": CLOSED}))
            case Yes(trigger):
                _log.info("turn.decided", answer=True, trigger=trigger.on)
                return _caused(turn, trigger)

    async def _made_up(self, turn: Turn, view: ChannelView) -> Skip | Turn:
        cause = turn.cause
        if cause.kind in {"schedule", "event"} and not (cause.do or cause.say or cause.run):
            return Skip(f"the trigger {cause.kind} has neither a task (`do`) nor a text (`say`)")
        since = turn.trigger.created_at - _FAST
        recent = (await view.page(since=since, reach=cause.about if cause.kind == "idle" else "")).messages
        names = names_of(turn.definition)
        context = context_of(turn.trigger, recent, bot_user_id=turn.bot_user_id, bot_names=names)
        context = replace(context, info=await view.info())
        by_a_user = cause.kind not in _BY_NOBODY
        verdict = decide_made_up(context, turn.definition, from_a_user=by_a_user)
        if isinstance(verdict, No):
            return Skip(verdict.reason)
        if by_a_user and await is_banned(self._service, turn.channel, turn.trigger.user.id):
            return Skip(f"{turn.trigger.user.id} is banned")
        reason = _moved_on(turn, recent) or _feeds_itself(turn, context)
        if reason is not None:
            return Skip(reason)
        if cause.kind == "reaction":
            about = (await view.messages([cause.about])).get(cause.about)
            if about is None or about.deleted_at is not None:
                return Skip("the message that somebody reacted to was deleted")
            turn = readable(replace(turn, trigger=replace(turn.trigger, parent_id=about.parent_id)), [about])
        _log.info("turn.decided", answer=True, trigger=cause.kind, why=cause.detail)
        return _going_on(turn)


async def _context(turn: Turn, view: ChannelView) -> MessageContext:
    """The message in its history, which is read only if the definition depends on it."""
    definition, trigger = turn.definition, turn.trigger
    history: Sequence[Message] = ()
    since = looks_back(definition, trigger)
    if turn.burst:
        since = min(since or trigger.created_at, turn.burst[0].created_at)
    if since is not None:
        page = await view.page(trigger.parent_id, since=since)
        if definition.conditions.addressed_only and _is_crowd(page.messages, await view.info()):
            page = await view.page(trigger.parent_id, size=PAGE)  # who wrote here is who may be called by name
        # Messages that came later count for this condition alone, so that a later look decides the same.
        whole = bool(definition.conditions.quiet_after_person)
        history = page.all if whole else _up_to(page.all, trigger)
    names = names_of(definition)
    context = context_of(trigger, history, bot_user_id=turn.bot_user_id, bot_names=names)
    return replace(context, info=await view.info(), handover=turn.handover)


def _is_crowd(messages: Sequence[Message], info: ChannelInfo) -> bool:
    """Whether others than the bot and one person may be spoken to here. People may write without being members."""
    return not 0 < info.member_count <= _TWO or len({message.user.id for message in messages}) > _TWO


def _up_to(history: Sequence[Message], trigger: Message) -> Sequence[Message]:
    place = next((n for n, message in enumerate(history, start=1) if message.id == trigger.id), None)
    if place is not None:
        return history[:place]
    return [message for message in history if message.created_at < trigger.created_at]


def _of_all(verdicts: Sequence[Verdict]) -> Verdict:
    """Several messages answered at once are answered if one of them is; the last word is the latest one's."""
    newest_first = verdicts[::-1]
    for kind in (Yes, Closed):
        found = next((verdict for verdict in newest_first if isinstance(verdict, kind)), None)
        if found is not None:
            return found
    return newest_first[0]


def _caused(turn: Turn, trigger: Trigger) -> Turn:
    turn.trace.trigger = trigger.on
    cause = Cause(kind=trigger.on, do=trigger.do, say=trigger.say, since_last=trigger.since_last)
    return _going_on(replace(turn, cause=cause))


def _going_on(turn: Turn) -> Turn:
    """The turn with the fixed text of its trigger, if it has one."""
    cause, user = turn.cause, turn.trigger.user
    if cause.since_last:
        turn = replace(turn, marks={**turn.marks, COVERS: True})
    if not cause.say:
        return turn
    return replace(turn, say=Say(cause.say.replace("{name}", shown_name(user.name, user.id)), "answered"))


def _moved_on(turn: Turn, recent: Sequence[Message]) -> str | None:
    """Why it is not silent any more."""
    if turn.cause.kind != "idle":
        return None
    people = [message for message in recent if from_a_person(message, bot_user_id=turn.bot_user_id)]
    return None if people and people[-1].id == turn.cause.about else "somebody wrote meanwhile"


def _feeds_itself(turn: Turn, context: MessageContext) -> str | None:
    """The cap on turns without a person: an app's events or reactions to replies may go round in circles."""
    if turn.cause.kind not in {"event", "reaction", "button"}:
        return None
    count = 0
    for message in reversed(context.before):
        if context.by_person(message) or turn.trigger.created_at - message.created_at > _FAST:
            break
        count += context.by_bot(message)
    most = turn.definition.conditions.turns_without_person
    return f"{count} messages in a row without one of a person" if count >= most else None
