"""The first stage: whether a message is still there, and whether it was answered before."""

from __future__ import annotations

from dataclasses import replace

import structlog

from framework.runtime.reply import ReplyWriter, adopt
from framework.runtime.stage import CallNext
from framework.runtime.turn import GONE, Outcome, Silent, Turn
from framework.stream.model import Message
from framework.stream.service import ChatService

_log = structlog.get_logger(__name__)

APOLOGISED = "apologised"
"""The step of a turn that failed and said so: it runs again only where an operator wants it to."""


class AlreadyAnswered:
    """A stage. Asks the channel, which is the log of record, and goes on with the message as it stands there now.

    A reply that is still `generating` is one that a process began and did not complete: this turn completes it.
    """

    def __init__(self, service: ChatService, writer: ReplyWriter) -> None:
        self._service = service
        self._writer = writer

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Silent for what was answered or deleted; else the outcome of the stages that follow."""
        trigger, reply = await self._find(turn)
        if reply is not None and _is_settled(reply, turn):
            return Silent("already answered", message_id=reply.id)
        if reply is not None:
            _log.info("turn.resumed", posted_at=reply.created_at.isoformat())
            adopt(turn.draft, reply)
        if turn.cause.made_up:
            return await call_next(turn)
        if trigger is None or trigger.kind == "deleted" or trigger.deleted_at is not None:
            if reply is not None:
                await self._writer.withdraw(turn)
            return Silent(GONE)
        return await call_next(replace(turn, trigger=trigger))

    async def _find(self, turn: Turn) -> tuple[Message | None, Message | None]:
        """The message and its reply, as they stand in the channel. A reply is newer than what it answers, so that a
        page which reaches back to the one holds the other, if there is one.
        """
        if turn.page is not None and (trigger := turn.page.find(turn.trigger.id)) is not None:
            return trigger, turn.page.find(turn.reply_id)
        found = await self._service.messages(turn.channel, [turn.trigger.id, turn.reply_id])
        return found.get(turn.trigger.id), found.get(turn.reply_id)


def _is_settled(reply: Message, turn: Turn) -> bool:
    """Whether nothing is left to do. An operator who asks again wants an answer in the place of an apology."""
    if reply.deleted_at is not None:
        return True
    apology = reply.custom.get("outcome") == "failed"
    asked_again = turn.origin == "command" or bool(turn.execution and turn.execution.saved(APOLOGISED))
    return not reply.generating and not (apology and asked_again)
