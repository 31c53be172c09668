"""Whether a message is answered: the triggers, and the conditions that must hold. Every silence has a reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from framework.agent.embedded.smalltalk import only_nods
from framework.definition.model import BotDefinition
from framework.definition.parts.triggers import Trigger
from framework.runtime.core.language import says_something
from framework.runtime.core.message_context import MessageContext, of_team, roles_of
from framework.runtime.core.triggers import calls_bot, command_in, fired, not_fired
from framework.runtime.decide.addressee import CONVERSATION, meant_for_others
from framework.runtime.state.own import own
from framework.stream.model import Message

CLOSED = "closed"
"""The outcome that a reply with the phrase `closed` tells in its custom fields."""
LOOP_WINDOW = timedelta(hours=1)
"""Replies further apart than this are not in a row."""
_CLOSED_FOR = timedelta(days=30)
"""Longer than anything is closed."""


@dataclass(frozen=True)
class Yes:
    """It is answered, by this trigger."""

    trigger: Trigger


@dataclass(frozen=True)
class No:
    """It is not, and why."""

    reason: str


@dataclass(frozen=True)
class Closed:
    """It is outside the hours, and the author has not been told so yet."""

    reason: str


Verdict = Yes | No | Closed


def looks_back(definition: BotDefinition, message: Message) -> datetime | None:
    """Return since when the messages before this one count for the decision on it. None: they do not count."""
    conditions = definition.conditions
    spans: list[timedelta] = []
    if only_nods(message.text) or "turns_without_person" in conditions.model_fields_set:
        spans.append(LOOP_WINDOW)
    if conditions.addressed_only:
        spans.append(CONVERSATION)
    if conditions.quiet_after_person > timedelta(0):
        spans.append(conditions.quiet_after_person)
    if (
        conditions.hours is not None
        and conditions.outside == "say"
        and not conditions.hours.is_open(message.created_at)
    ):
        spans.append(_CLOSED_FOR)
    if not spans and message.parent_id is not None:
        spans.append(timedelta(0))  # what was said in a thread comes with the thread
    return message.created_at - max(spans) if spans else None


def decide(context: MessageContext, definition: BotDefinition) -> Verdict:
    """What to do about a message of a person. It depends on the channel and on when the message was written, and not on
    when it is decided: a later look comes to the same.
    """
    message = context.message
    if context.info is not None and context.info.frozen:
        return No("the channel is frozen")
    trigger = fired(context, definition)
    if trigger is None:
        return No(not_fired(message, definition))
    if _is_empty(message) and trigger.on not in {"button", "command"}:
        return No("there is nothing in the message")
    if trigger.on == "every_message":
        if _is_a_nod(context):
            return No("only emoji of agreement or thanks to what was said before")
        if command_in(message) and not context.is_direct:
            return No(f"the command /{command_in(message)} is not the bot's")
    reason = not_for(message, definition)
    if reason is None and definition.conditions.addressed_only:
        reason = meant_for_others(context)
    reason = reason or person_at_work(context, definition) or too_many_in_a_row(context, definition)
    if reason is not None:
        return No(reason)
    return outside_hours(context, definition) or Yes(trigger)


def decide_made_up(context: MessageContext, definition: BotDefinition, *, from_a_user: bool) -> Verdict:
    """The same for a turn without a message. `from_a_user`: somebody did something, whom conditions may exclude."""
    if context.info is not None and context.info.frozen:
        return No("the channel is frozen")
    reason = not_for(context.message, definition) if from_a_user else None
    if reason is not None:
        return No(reason)
    hours = definition.conditions.hours
    if hours is not None and not hours.is_open(context.message.created_at):
        return No("outside the hours")
    return Yes(Trigger(on="event"))


def not_for(message: Message, definition: BotDefinition) -> str | None:
    """Why the bot does not speak to this person."""
    conditions, user = definition.conditions, message.user
    if conditions.users and not _among(user.id, conditions.users):
        return f"{user.id} is not among the users that it answers"
    if _among(user.id, conditions.not_users):
        return f"{user.id} is among the users that it does not answer"
    if conditions.roles and not roles_of(message) & set(conditions.roles):
        return f"the role {user.role} is not among those that it answers"
    if _leaves_team_alone(definition) and of_team(message, definition.team) and not calls_bot(message, definition):
        return f"{user.id} is of the team"
    return None


def _leaves_team_alone(definition: BotDefinition) -> bool:
    """Tell whether the team's messages get no answer. If nobody said who the team is, an admin tries the bot out."""
    conditions = definition.conditions
    said = "team" in definition.model_fields_set or "not_team" in conditions.model_fields_set
    return conditions.not_team and (said or definition.handover.enabled)


def person_at_work(context: MessageContext, definition: BotDefinition) -> str | None:
    """Whether somebody of the team wrote lately: a person is at it."""
    quiet = definition.conditions.quiet_after_person
    if not quiet:
        return None
    asked_at = context.message.created_at
    handover = context.handover
    for one in reversed(context.people_before(since=asked_at - quiet)):
        if handover is not None and handover.had(one.created_at):
            continue  # the team handed back after it
        if of_team(one, definition.team) and one.user.id != context.message.user.id:
            ago = int((asked_at - one.created_at).total_seconds())
            return f"{one.user.name or one.user.id} of the team wrote {ago} s before"
    return None


def person_since(context: MessageContext, definition: BotDefinition) -> str | None:
    """Return who of the team wrote after the message, if the definition is silent after the team's people.

    A question that waited for the bot was then not left alone.
    """
    if not definition.conditions.quiet_after_person:
        return None
    for one in context.after:
        theirs = context.by_person(one) and of_team(one, definition.team)
        if theirs and one.user.id != context.message.user.id:
            return one.user.name or one.user.id
    return None


def too_many_in_a_row(context: MessageContext, definition: BotDefinition) -> str | None:
    """The cap on turns without another person, where the definition names one: replies in a row to the same account,
    within an hour, while nobody else wrote. Without a word of the definition a lone customer may ask all day long; what
    answers by itself is then told by what it says (see the loop guard).
    """
    conditions = definition.conditions
    if "turns_without_person" not in conditions.model_fields_set:
        return None
    replies = replies_in_a_row(context, since=context.message.created_at - LOOP_WINDOW)
    if replies < conditions.turns_without_person:
        return None
    return f"{replies} replies in a row without a message of another person"


def replies_in_a_row(context: MessageContext, *, since: datetime) -> int:
    """The bot's replies back to the last message of a person other than the one who writes now."""
    count = 0
    for one in reversed(context.before):
        if one.created_at < since:
            break
        ours = own(one, context.bot_user_id)
        if ours is not None:
            count += not ours.part_of
        elif context.by_person(one) and one.user.id != context.message.user.id:
            break
    return count


def outside_hours(context: MessageContext, definition: BotDefinition) -> No | Closed | None:
    """Whether the message came while it is closed; the phrase is said once to each person and closing."""
    conditions, asked_at = definition.conditions, context.message.created_at
    if conditions.hours is None or conditions.hours.is_open(asked_at):
        return None
    if conditions.outside == "silent":
        return No("outside the hours")
    opening = conditions.hours.next_opening(asked_at)
    mine = {one.id for one in context.before if one.user.id == context.message.user.id}
    for one in context.before:
        ours = own(one, context.bot_user_id)
        told = ours is not None and ours.outcome == CLOSED and ours.reply_to in mine
        if told and conditions.hours.next_opening(one.created_at) == opening:
            return No("outside the hours, and it was said before")
    return Closed("outside the hours")


def _is_empty(message: Message) -> bool:
    """Whether there is nothing to answer: a poll, a place or blanks come without a text and without attachments."""
    return not says_something(message.text) and not message.attachments


def _is_a_nod(context: MessageContext) -> bool:
    """Whether the message does no more than agree with what stands before it: it wants no answer."""
    message = context.message
    if not only_nods(message.text) or message.attachments:
        return False
    since = message.created_at - LOOP_WINDOW
    return any(one.created_at >= since and one.user.id != message.user.id for one in context.before)


def _among(user_id: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(user_id, pattern) for pattern in patterns)
