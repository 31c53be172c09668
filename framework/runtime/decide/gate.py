"""The stage that lets a turn through or not, by the definition's triggers and conditions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from framework.definition.parts.triggers import Trigger
from framework.names import shown_name
from framework.runtime.core.message_context import MessageContext, MessageContexts, situated
from framework.runtime.core.stage import CallNext
from framework.runtime.core.triggers import from_a_person, names_of
from framework.runtime.core.turn import Cause, Outcome, Silent, Turn
from framework.runtime.decide.active_turns import quicker
from framework.runtime.decide.content import saying
from framework.runtime.decide.policy import (
    CLOSED,
    Closed,
    Decision,
    No,
    Yes,
    decide,
    decide_made_up,
    needs_talk,
    person_since,
)
from framework.runtime.state.audience import audience_of
from framework.runtime.team.people import is_banned
from framework.stream.model import Message
from framework.stream.port import ChatService

_log = structlog.get_logger(__name__)
_BY_NOBODY = frozenset({"schedule", "idle", "event"})
"""Causes behind which no member of the channel stands. A custom event is the word of the app's server."""
_FAST = timedelta(minutes=10)
"""Turns without a message that follow each other this fast, with nobody writing between them, may feed themselves."""


class Gate:
    """A stage. An operator who asks for an answer is not bound by it, nor is what the team decided on."""

    def __init__(self, service: ChatService, situations: MessageContexts) -> None:
        self._service = service
        self._situations = situations

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Silent with the reason; else the outcome of the stages that follow. Raises ChatServiceError."""
        if turn.origin == "command" or turn.cause.decided:
            _log.info("turn.decided", answer=True)
            return await call_next(turn)
        if turn.cause.made_up:
            return await self._made_up(turn, call_next)
        situation = await self._situation(turn)
        decision = _of_all([decide(situation.at(message), turn.definition) for message in turn.answering])
        person = person_since(situation, turn.definition)
        if person is not None and not isinstance(decision, No) and not turn.draft.posted:
            decision = No(quicker(person))
        match decision:
            case No(reason):
                return Silent(reason)
            case Closed(reason):
                _log.info("turn.decided", answer=True, trigger=CLOSED, why=reason)
                phrase = saying(turn.definition.phrases.closed)
                return await call_next(replace(turn, events=phrase, marks={**turn.marks, "outcome": CLOSED}))
            case Yes(trigger):
                _log.info("turn.decided", answer=True, trigger=trigger.on)
                return await call_next(_caused(turn, trigger))

    async def _situation(self, turn: Turn) -> MessageContext:
        """The message in its talk, which is read only where the definition depends on it."""
        talk: Sequence[Message] = ()
        watches_the_team = bool(turn.definition.conditions.quiet_after_person)
        if turn.burst or needs_talk(turn.definition, turn.trigger):
            info, talk = await asyncio.gather(
                self._situations.info(turn.channel), self._situations.talk(turn.trigger, until=not watches_the_team)
            )
        else:
            info = await self._situations.info(turn.channel)
        names = names_of(turn.definition)
        situation = situated(turn.trigger, talk, bot_user_id=turn.bot_user_id, bot_names=names)
        return replace(situation, info=info, handover=turn.handover)

    async def _made_up(self, turn: Turn, call_next: CallNext) -> Outcome:
        cause = turn.cause
        if cause.kind in {"schedule", "event"} and not (cause.do or cause.say):
            return Silent(f"the trigger {cause.kind} has neither a task (`do`) nor a text (`say`)")
        info, recent = await asyncio.gather(
            self._situations.info(turn.channel), self._service.recent(turn.channel, limit=100)
        )
        names = names_of(turn.definition)
        situation = replace(situated(turn.trigger, recent, bot_user_id=turn.bot_user_id, bot_names=names), info=info)
        by_a_user = cause.kind not in _BY_NOBODY
        decision = decide_made_up(situation, turn.definition, from_a_user=by_a_user)
        if isinstance(decision, No):
            return Silent(decision.reason)
        if by_a_user and await is_banned(self._service, turn.channel, turn.trigger.user.id):
            return Silent(f"{turn.trigger.user.id} is banned")
        reason = _moved_on(turn, recent) or _feeds_itself(turn, situation)
        if reason is not None:
            return Silent(reason)
        if cause.kind == "reaction":
            found = await self._service.messages(turn.channel, [cause.about])
            about = found.get(cause.about)
            if about is None or about.deleted_at is not None:
                return Silent("the message that somebody reacted to was deleted")
            turn = replace(turn, trigger=replace(turn.trigger, parent_id=about.parent_id))
            turn.draft.visible_to = audience_of(turn.bot_user_id, [turn.trigger], around=[about])
        _log.info("turn.decided", answer=True, trigger=cause.kind, why=cause.detail)
        return await call_next(_speaking(turn))


def _of_all(decisions: Sequence[Decision]) -> Decision:
    """Several messages answered at once are answered if one of them is; the last word is the latest one's."""
    newest_first = decisions[::-1]
    for kind in (Yes, Closed):
        found = next((decision for decision in newest_first if isinstance(decision, kind)), None)
        if found is not None:
            return found
    return newest_first[0]


def _caused(turn: Turn, trigger: Trigger) -> Turn:
    cause = Cause(kind=trigger.on, do=trigger.do, say=trigger.say, since_last=trigger.since_last)
    return _speaking(replace(turn, cause=cause))


def _speaking(turn: Turn) -> Turn:
    """Where the trigger has a fixed text, that is said."""
    if not turn.cause.say:
        return turn
    user = turn.trigger.user
    return replace(turn, events=saying(turn.cause.say.replace("{name}", shown_name(user.name, user.id)), "answered"))


def _moved_on(turn: Turn, recent: Sequence[Message]) -> str | None:
    """Why silence is none any more."""
    if turn.cause.kind != "idle":
        return None
    people = [message for message in recent if from_a_person(message, bot_user_id=turn.bot_user_id)]
    return None if people and people[-1].id == turn.cause.about else "somebody wrote meanwhile"


def _feeds_itself(turn: Turn, situation: MessageContext) -> str | None:
    """The cap on turns without a person, where an app's events or reactions to replies may go round in circles."""
    if turn.cause.kind not in {"event", "reaction", "button"}:
        return None
    count = 0
    for message in reversed(situation.before):
        if situation.by_person(message) or turn.trigger.created_at - message.created_at > _FAST:
            break
        count += situation.by_bot(message)
    most = turn.definition.conditions.turns_without_person
    return f"{count} messages in a row without one of a person" if count >= most else None
