"""The first stage: whether a message is still there, and whether it was answered before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import structlog

from framework.runtime.core.stage import CallNext
from framework.runtime.core.turn import GONE, Outcome, Silent, Turn
from framework.runtime.reply.place import place_of
from framework.runtime.reply.writer import ReplyWriter, adopt
from framework.runtime.state.audience import audience_of
from framework.runtime.state.own import OwnMessage, own
from framework.stream.model import Message
from framework.stream.port import ChatService

_log = structlog.get_logger(__name__)

APOLOGISED = "apologised"
"""The step of a turn that failed and said so: it runs again only where an operator wants it to."""
_LOOK_BACK = 100


class AlreadyAnswered:
    """A stage. Asks the channel, which is the log of record, and goes on with the message as it stands there now.

    A reply that is still `generating` is one that a process began and did not complete: this turn completes it. Only
    what the bot wrote is a reply, whatever ids and fields other people's messages have.
    """

    def __init__(self, service: ChatService, writer: ReplyWriter) -> None:
        self._service = service
        self._writer = writer

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Silent for what was answered or deleted; else the outcome of the stages that follow."""
        messages = await self._read(turn)
        trigger = next((message for message in messages if message.id == turn.trigger.id), None)
        reply = _reply_among(messages, turn) or await self._reply_of_old(turn)
        if reply is not None and _is_settled(reply, turn):
            return Silent("already answered", message_id=reply.id)
        if reply is not None:
            _log.info("turn.resumed", posted_at=reply.message.created_at.isoformat())
            adopt(turn.draft, reply)
        if turn.cause.made_up:
            return await call_next(turn)
        if trigger is None or trigger.kind == "deleted" or trigger.deleted_at is not None:
            if reply is not None:
                await self._writer.withdraw(turn)
            return Silent(GONE)
        around = [message for message in messages if message.id in {trigger.parent_id, trigger.quoted_id}]
        turn = replace(turn, trigger=trigger)
        turn.draft.visible_to = audience_of(turn.bot_user_id, turn.answering, around=around, also=turn.cause.visible_to)
        return await call_next(turn)

    async def _read(self, turn: Turn) -> Sequence[Message]:
        """The message, its reply, and what it stands below or quotes, as they stand in the channel, among others.

        A reply is newer than what it answers, so that a page which reaches back to the one holds the other, if there is
        one.
        """
        page = turn.page.messages if turn.page is not None else ()
        if turn.page is not None and turn.page.find(turn.trigger.id) is not None:
            return page
        ids = [*turn.ids.reply, turn.ids.former_reply]
        if not turn.cause.made_up:
            ids += filter(None, (turn.trigger.id, turn.trigger.parent_id, turn.trigger.quoted_id))
        return [*(await self._service.messages(turn.channel, ids)).values(), *page]

    async def _reply_of_old(self, turn: Turn) -> OwnMessage | None:
        """A reply that no id leads to, since it was made with another secret. It is looked for only where the turn was
        begun before, the message was found by looking back, or the turn reports on a decision of the team's, and the
        page at hand does not reach to it.
        """
        begun_before = turn.origin == "catch_up" or (turn.execution is not None and turn.execution.attempt > 1)
        of_a_message = begun_before and not turn.cause.made_up
        if not (of_a_message or turn.cause.decided) or turn.page is not None:
            return None
        parent = place_of(turn).parent_id
        if parent is None:
            return _reply_among(await self._service.recent(turn.channel, limit=_LOOK_BACK), turn)
        return _reply_among(await self._service.thread(parent, limit=_LOOK_BACK), turn)


def _reply_among(messages: Iterable[Message], turn: Turn) -> OwnMessage | None:
    """The turn's reply. By what it records; by its id, too, which a placeholder of an earlier release alone has."""
    ids = {turn.ids.first_reply, turn.ids.former_reply}
    found = (own(message, turn.bot_user_id) for message in messages)
    for one in found:
        if one is not None and (one.is_reply_to(turn.ids.trigger, made_up=turn.cause.made_up) or one.id in ids):
            return one
    return None


def _is_settled(reply: OwnMessage, turn: Turn) -> bool:
    """Whether nothing is left to do. An operator who asks again wants an answer in the place of an apology."""
    asked_again = turn.origin == "command" or bool(turn.execution and turn.execution.saved(APOLOGISED))
    return not reply.is_unfinished and (reply.is_deleted or not (reply.is_apology and asked_again))
