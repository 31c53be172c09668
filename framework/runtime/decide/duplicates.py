"""Whether a message is still there, and whether it was answered before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import structlog

from framework.errors import ChatServiceError
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.outcome import GONE, Skip
from framework.runtime.core.turn import Turn
from framework.runtime.reply.place import place_of
from framework.runtime.reply.writer import ReplyWriter
from framework.runtime.state.audience import audience_of
from framework.runtime.state.own import OwnMessage, own, reply_among
from framework.stream.model import Message

_log = structlog.get_logger(__name__)

APOLOGISED = "apologised"
"""The step of a turn that failed and said so: it runs again only if an operator wants it to."""
_LOOK_BACK = 100


class AlreadyAnswered:
    """The first rule. Asks the channel, which is the log of record, and goes on with the message as it stands there.

    A reply that is still `generating` is one that a process began and did not complete: this turn completes it. Only
    what the bot wrote is a reply, whatever ids and fields other people's messages have.
    """

    def __init__(self, writer: ReplyWriter) -> None:
        self._writer = writer

    async def __call__(self, turn: Turn, view: ChannelView) -> Skip | Turn | None:
        """Return Skip for what was answered or deleted; else the turn with the message, and who may see its answer."""
        messages = await self._read(turn, view)
        trigger = next((message for message in messages if message.id == turn.trigger.id), None)
        reply = _reply_among(messages, turn) or await self._reply_of_old(turn, view)
        if reply is not None and _is_settled(reply, turn):
            return Skip("already answered", message_id=reply.id)
        if reply is not None:
            _log.info("turn.resumed", posted_at=reply.message.created_at.isoformat())
            turn.reply.adopt(reply, former=_parts_of(reply, messages, turn))
        if turn.cause.made_up:
            return None
        if trigger is None or trigger.kind == "deleted" or trigger.deleted_at is not None:
            if reply is not None:
                await self._writer.withdraw(turn)
            return Skip(GONE)
        around = [message for message in messages if message.id in {trigger.parent_id, trigger.quoted_id}]
        return readable(replace(turn, trigger=trigger), around)

    async def _read(self, turn: Turn, view: ChannelView) -> Sequence[Message]:
        """The message, its reply, and what it stands below or quotes, as they stand in the channel, among others.

        A reply is newer than what it answers. So a page that reaches back to the one holds the other, if there is one,
        unless the reply has another place than the message.
        """
        if turn.forced:
            return await self._by_id(turn, view)
        trigger, parent_id = turn.trigger, turn.trigger.parent_id
        try:
            page = await view.page(parent_id)
        except ChatServiceError as error:
            if error.retryable:
                raise
            return await self._by_id(turn, view)  # of a channel that is gone nothing is there
        known = {message.id: message for message in page.all}
        elsewhere = place_of(turn).parent_id != parent_id
        if turn.cause.made_up or elsewhere or trigger.id not in known:
            return [*await self._by_id(turn, view), *page.all]
        quoted = known[trigger.id].quoted_id
        if quoted and quoted not in known:
            return [*page.all, *(await view.messages([quoted])).values()]
        return page.all

    async def _by_id(self, turn: Turn, view: ChannelView) -> Sequence[Message]:
        ids = [*turn.ids.reply, turn.ids.former_reply]
        if not turn.cause.made_up:
            ids += around_of(turn.trigger, itself=True)
        return list((await view.messages(ids)).values())

    async def _reply_of_old(self, turn: Turn, view: ChannelView) -> OwnMessage | None:
        """A reply that no id leads to, since it was made with another secret.

        It is looked for only if the turn was begun before, if the message was found by looking back, or if the turn
        reports on a decision of the team's.
        """
        begun_before = turn.origin == "catch_up" or (turn.execution is not None and turn.execution.attempt > 1)
        if not ((begun_before and not turn.cause.made_up) or turn.cause.decided):
            return None
        page = await view.page(place_of(turn).parent_id)
        if page.find(turn.trigger.id) is None:
            page = await view.page(place_of(turn).parent_id, size=_LOOK_BACK)
        return _reply_among(page.all, turn)


def around_of(message: Message, *, itself: bool = False) -> list[str]:
    """Return the ids of the messages that a message stands below or quotes; with `itself`, its own first."""
    return list(filter(None, (message.id if itself else None, message.parent_id, message.quoted_id)))


def readable(turn: Turn, around: Iterable[Message]) -> Turn:
    """Return the turn with who may see its answer. `around`: the messages that the trigger stands below or quotes."""
    audience = audience_of(turn.bot_user_id, turn.answering, around=around, also=turn.cause.visible_to)
    return replace(turn, audience=audience)


def _reply_among(messages: Iterable[Message], turn: Turn) -> OwnMessage | None:
    """The turn's reply. By what it records; by its id, too, which a placeholder of an earlier release alone has."""
    ids = (turn.ids.first_reply, turn.ids.former_reply)
    return reply_among(messages, turn.bot_user_id, trigger=turn.ids.trigger, made_up=turn.cause.made_up, ids=ids)


def _parts_of(reply: OwnMessage, messages: Iterable[Message], turn: Turn) -> tuple[str, ...]:
    """The further messages of the reply, as far as they were read."""
    read = (own(message, turn.bot_user_id) for message in messages)
    return tuple(one.id for one in read if one is not None and one.part_of == reply.id and not one.is_deleted)


def _is_settled(reply: OwnMessage, turn: Turn) -> bool:
    """Whether nothing is left to do. An operator who asks again wants an answer in the place of an apology."""
    asked_again = turn.origin == "command" or bool(turn.execution and turn.execution.saved(APOLOGISED))
    return not reply.is_unfinished and (reply.is_deleted or not (reply.is_apology and asked_again))
