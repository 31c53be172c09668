"""The conversation for the agent: the last messages of the channel or thread."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import structlog

from framework.agent.conversation import Caller, Conversation, Utterance
from framework.insight.turn_texts import note_people
from framework.runtime.core.channel_infos import ChannelInfos
from framework.runtime.core.channel_view import PAGE, ChannelView
from framework.runtime.core.message_context import roles_of
from framework.runtime.core.outcome import GONE, Skip
from framework.runtime.core.triggers import by_another_account
from framework.runtime.core.turn import Turn
from framework.runtime.state.own import campaign_of, own
from framework.stream.model import Attachment, Message, may_all_see, may_see

_log = structlog.get_logger(__name__)

NOTHING_NEW = "nobody wrote since the last time"
_TWO = 2
EARLIER = 60
"""Messages before the window that are read for its summary: those that fell out of it since the last one, and some."""


async def load(turn: Turn, view: ChannelView) -> Conversation | Skip:
    """Read the newest messages up to the question, and shape them for the agent. Return Skip if the question is gone.

    Raises ChatServiceError.
    """
    limit, size = _window(turn), size_of(turn)
    messages = await (_around(turn, view, size) if turn.cause.made_up else _read(turn, view, size))
    if not messages and not (turn.cause.do or turn.cause.decided):
        return Skip(GONE)
    if turn.cause.since_last:
        messages = _since_last(messages, turn)
        if turn.cause.kind == "schedule" and not messages:
            return Skip(NOTHING_NEW)
    note_people({turn.trigger.user.id, *(message.user.id for message in messages)})
    conversation = to_conversation(turn, messages, limit if size > limit else None)
    _log.info("turn.context", messages=len(conversation.utterances), thread=turn.trigger.parent_id)
    return conversation


async def _read(turn: Turn, view: ChannelView, limit: int) -> Sequence[Message]:
    """The newest messages up to the trigger, oldest first; for a thread, its parent counts as one of them.

    The trigger is the last one; there are none at all if it was deleted.
    """
    until = turn.trigger.id
    page = await _page(turn, view, limit + max(0, len(turn.burst) - 1), until)
    # A service orders by time; messages of the trigger's very instant may stand after it.
    place = next((n for n, message in enumerate(page) if message.id == until), None)
    return () if place is None or _is_gone(page[place]) else page[: place + 1]


async def _around(turn: Turn, view: ChannelView, limit: int) -> Sequence[Message]:
    """The same for a turn without a message: the newest ones, or those up to the one that it is about; and then, as
    data, what happened. Without a task the message that it is about is the one to answer.
    """
    until = turn.cause.about or None
    page = await _page(turn, view, limit, until)
    return page if until and not turn.cause.do else [*page, turn.trigger]


async def _page(turn: Turn, view: ChannelView, limit: int, until: str | None) -> Sequence[Message]:
    """The newest messages of the channel or the thread, oldest first; of both if the definition says so.

    A thread begins with the message that it hangs from. If that is an answer of the bot, the question comes before it.
    """
    parent = turn.trigger.parent_id
    if parent is None:
        return await view.until(None, until, limit)
    thread = await view.until(parent, until, limit)
    head = await _head(turn, view, thread)
    known = {message.id for message in (*head, *thread)}
    said = [message for message in thread if message not in head]
    if not turn.definition.context.thread:
        around = await view.until(None, None, limit)
        last = thread[-1].created_at if thread else turn.trigger.created_at
        before = [message for message in around if message.id not in known and message.created_at <= last]
        said = sorted([*before, *said], key=lambda message: message.created_at)
    return [*head, *said[-max(1, limit - len(head)) :]]


async def _head(turn: Turn, view: ChannelView, thread: Sequence[Message]) -> list[Message]:
    """The message that the thread hangs from, after what it answers."""
    parent = thread[0] if thread and thread[0].id == turn.trigger.parent_id else None
    if parent is None:
        return []
    ours = own(parent, turn.bot_user_id)
    asked = await view.messages(ours.answered()) if ours is not None and ours.answered() else {}
    questions = sorted(asked.values(), key=lambda message: message.created_at)
    return [*(question for question in questions if question.parent_id is None), parent]


def size_of(turn: Turn) -> int:
    """Return how many messages are read for a turn: those for the agent, and those before them for their summary."""
    summarised = turn.definition.context.summarise and not turn.cause.since_last
    return _window(turn) + (EARLIER if summarised else 0)


def page_size(turn: Turn, infos: ChannelInfos) -> int:
    """Return how many messages the first page of the channel is to hold: those for the agent, and more if the bot asks
    who talks to whom in a channel of more than two members.
    """
    crowd = turn.definition.conditions.addressed_only and infos.members_of(turn.channel) > _TWO
    return max(size_of(turn), PAGE if crowd else 0)


def _window(turn: Turn) -> int:
    return turn.context_messages or turn.definition.context.messages


def to_conversation(turn: Turn, messages: Sequence[Message], limit: int | None = None) -> Conversation:
    """Return the messages as the agent reads them, without those that it must not see. Those before the newest `limit`
    are for the summary alone.
    """
    trigger = turn.trigger
    names = {message.id: _name(message) for message in messages}
    readers = turn.readers
    whole = _merged(messages, turn)
    head = _head_ids(turn, whole)
    said = [_utterance(message, turn, names, head) for message in whole if _belongs(message, turn, readers)]
    shown = len(said) - limit if limit is not None and len(said) > limit else 0
    return Conversation(
        utterances=tuple(said[shown:]),
        earlier=tuple(said[:shown]),
        instruction=turn.cause.do,
        decided=turn.cause.decided,
        run=turn.cause.run,
        language=turn.language,
        caller=Caller(
            user_id=trigger.user.id,
            user_name=trigger.user.name,
            channel=str(turn.channel),
            key=turn.ids.turn,
            roles=tuple(sorted(roles_of(trigger))),
            thread=trigger.parent_id or "",
            message=turn.cause.about if turn.cause.made_up else trigger.id,
            restricted=bool(turn.visible_to),
        ),
    )


def _head_ids(turn: Turn, messages: Sequence[Message]) -> frozenset[str]:
    """The ids of the message that the thread hangs from, and of what it answers. Both concern whoever writes there."""
    parent = next((message for message in messages if message.id == turn.trigger.parent_id), None)
    if parent is None:
        return frozenset()
    ours = own(parent, turn.bot_user_id)
    return frozenset({parent.id, *(ours.answered() if ours is not None else ())})


def _since_last(messages: Sequence[Message], turn: Turn) -> Sequence[Message]:
    """What people wrote since the last answer of such a trigger, without the message that asks for this one."""
    covering = (n for n, one in enumerate(messages) if (ours := own(one, turn.bot_user_id)) and ours.covers)
    last = max(covering, default=-1)
    return [
        replace(one, text=f"{one.text}\n[{one.reply_count} replies in its thread]") if one.reply_count else one
        for one in messages[last + 1 :]
        if one.id != turn.trigger.id and by_another_account(one, bot_user_id=turn.bot_user_id)
    ]


def _merged(messages: Sequence[Message], turn: Turn) -> list[Message]:
    """The messages with those that are answered together as one, the last."""
    if len(turn.burst) < 2:
        return list(messages)
    as_read = {message.id: message for message in messages}
    parts = [as_read.get(message.id, message) for message in turn.burst]
    parts = [part for part in parts if not _is_gone(part)]
    whole = replace(
        turn.trigger,
        text="\n".join(part.text.strip() for part in parts if part.text.strip()),
        attachments=tuple(attachment for part in parts for attachment in part.attachments),
    )
    rest = {message.id for message in turn.burst}
    return [*(message for message in messages if message.id not in rest), whole]


def spoken_text(message: Message) -> str:
    """A message's text with its attachments named below it, as data."""
    lines = [message.text.strip(), *(_mention(attachment) for attachment in message.attachments)]
    return "\n".join(line for line in lines if line)


def _belongs(message: Message, turn: Turn, readers: Sequence[str]) -> bool:
    """Leave out what is deleted, what the service says, and what one of the readers of the answer cannot see.

    Of the bot's own messages, leave out what is not complete, notes, cards, and apologies for technical problems.
    """
    if _is_gone(message) or message.kind in {"system", "error", "ephemeral"}:
        return False
    if message.shadowed:
        return False
    if message.visible_to and not (may_all_see(message, readers) and may_see(message, turn.bot_user_id)):
        return False
    ours = own(message, turn.bot_user_id)
    if ours is not None:
        of_this_turn = turn.reply_id in {ours.id, ours.part_of}
        if of_this_turn or ours.is_unfinished or ours.is_aside or ours.is_apology:
            return False
    return bool(spoken_text(message))


def _is_gone(message: Message) -> bool:
    return message.kind == "deleted" or message.deleted_at is not None


def _utterance(message: Message, turn: Turn, names: Mapping[str, str], head: Collection[str]) -> Utterance:
    """`names` are those of messages' authors, by the messages' ids. `head` are ids of what a thread begins with."""
    reported = turn.cause.kind == "event" and message.id == turn.trigger.id  # by the app's server, in the bot's name
    ours = None if reported else own(message, turn.bot_user_id)
    by_bot = reported or ours is not None or message.user.is_bot
    return Utterance(
        foreign=by_bot and ours is None,
        restricted=bool(message.visible_to),
        who="bot" if by_bot else "user",
        text=_with_campaign(message, turn.bot_user_id),
        name=_name(message),
        images=tuple(a.url for a in message.attachments if a.kind == "image" and a.url),
        to=_name(turn.trigger) if message.id in head else names.get(ours.reply_to, "") if ours is not None else "",
    )


def _name(message: Message) -> str:
    return message.user.name or message.user.id


def _with_campaign(message: Message, bot_user_id: str) -> str:
    """Return what is said; a message of a campaign says which one, so that answers to it can be understood."""
    campaign = campaign_of(message, bot_user_id)
    spoken = spoken_text(message)
    return f"[our campaign {campaign[0]}]\n{spoken}" if campaign is not None else spoken


def _mention(attachment: Attachment) -> str:
    title = " ".join((attachment.title or attachment.url or "without a name").split())
    kind = f" ({attachment.mime_type})" if attachment.mime_type else ""
    return f"[attached {attachment.kind or 'file'}: {title}{kind}]"
