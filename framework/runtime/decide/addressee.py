"""Whom a message is meant for, where people talk to each other in the bot's presence."""

from __future__ import annotations

from datetime import timedelta

from framework.runtime.core.language import asks, begins_with_name, called
from framework.runtime.core.message_context import MessageContext
from framework.runtime.core.triggers import mentions_bot
from framework.stream.model import Message

CONVERSATION = timedelta(minutes=10)
"""How long somebody who was spoken to may take for an answer."""
_LOOK_BACK = 12
_EXPLICIT, _IMPLIED = 2, 1


def meant_for_others(context: MessageContext) -> str | None:
    """Why this message is meant for somebody else than the bot; None if it is not, or turns to nobody."""
    message = context.message
    if mentions_bot(message, context) or begins_with_name(message.text, context.bot_names):
        return None
    reason = _turned_to(context)
    if reason is not None:  # even with a quote of the bot: it is shown to somebody
        return reason
    if message.quoted_user_id == context.bot_user_id:
        return None
    if message.parent_id is not None and _thread_of_others(context):
        return "a thread in which people talk to each other"
    spoken_to = _spoken_to_by(context)
    if spoken_to is None:
        return None
    speaker, how = spoken_to
    # A person who was called by name answers, even with a question. Others may well turn to the bot with one.
    if how == _EXPLICIT or not asks(message.text):
        return f"an answer to {speaker}"
    return None


def _turned_to(context: MessageContext) -> str | None:
    """By a mention, a quote or a name at the beginning: whom the message turns to in plain sight."""
    message, others = context.message, context.others()
    listed = [user for user in message.mentioned if user not in {context.bot_user_id, message.user.id}]
    if listed or called(message.text):
        return f"turns to {(listed or called(message.text))[0]}"
    if message.quoted_user_id not in {"", message.user.id, context.bot_user_id}:
        return f"quotes {message.quoted_user_id}"
    for user in others.values():
        names = [name for name in (user.name, user.name.split(" ")[0], user.id) if name]
        if begins_with_name(message.text, names):
            return f"turns to {user.name or user.id}"
    return None


def _thread_of_others(context: MessageContext) -> bool:
    """A thread in which somebody else wrote, and the bot neither wrote nor was called."""
    if any(context.by_bot(one) or mentions_bot(one, context) for one in context.before):
        return False
    return any(context.by_person(one) and one.user.id != context.message.user.id for one in context.before)


def _spoken_to_by(context: MessageContext) -> tuple[str, int] | None:
    """Who turned to the author of the message last, if the author has said nothing since, and how plainly."""
    message = context.message
    since = message.created_at - CONVERSATION
    earlier = context.others_before(since=since)[-_LOOK_BACK:]
    turned: dict[str, tuple[str, str, int]] = {}  # by author: to whom (id), the author's name, how plainly
    for one in earlier:
        turn = _turn_of(context.at(one), turned)
        for speaker, (to, name, _) in list(turned.items()):
            if to == one.user.id:  # who was spoken to has spoken
                turned[speaker] = ("", name, _IMPLIED)
        turned[one.user.id] = turn
    own = next((place for place, one in reversed(list(enumerate(earlier))) if one.user.id == message.user.id), -1)
    for one in reversed(earlier[own + 1 :]):
        to, name, how = turned[one.user.id]
        if to == message.user.id:
            return name, how
    return None


def _turn_of(context: MessageContext, turned: dict[str, tuple[str, str, int]]) -> tuple[str, str, int]:
    """To whom an earlier message turns."""
    message = context.message
    name = message.user.name or message.user.id
    # Another bot may greet or call whom it likes: only who turned to it before is in talk with it.
    explicit = _whom(context, message) if context.by_person(message) else ""
    if explicit:
        return explicit, name, _EXPLICIT
    if mentions_bot(message, context):
        return "", name, _IMPLIED
    for speaker, (to, _, how) in reversed(turned.items()):
        # Who was called by name answers, even with a question; others may as well ask everybody.
        if to == message.user.id and (how == _EXPLICIT or not asks(message.text)):
            return speaker, name, _IMPLIED
    return "", name, _IMPLIED


def _whom(context: MessageContext, message: Message) -> str:
    """The id of the one person that a message turns to in plain sight; empty for nobody, or somebody unknown."""
    others = context.others()
    if message.quoted_user_id in others:
        return message.quoted_user_id
    for id_, user in others.items():
        names = {name.casefold() for name in (user.id, user.name, user.name.split(" ")[0]) if name}
        if id_ in message.mentioned or any(one.casefold() in names for one in called(message.text)):
            return id_
        if begins_with_name(message.text, names):
            return id_
    return ""
