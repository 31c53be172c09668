"""Write a reply: post it, show the text as it grows, finalize it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog

from framework.agent.conversation import Answer, Source
from framework.errors import ChatServiceError, FrameworkError
from framework.runtime.core.bot import Limits
from framework.runtime.core.turn import Turn
from framework.runtime.reply.buffer import AnswerBuffer
from framework.runtime.reply.indicator import Indicator, typing
from framework.runtime.reply.place import longest, place_of, with_suggestions
from framework.runtime.reply.post import post_once
from framework.runtime.reply.split import split
from framework.runtime.state.own import MADE_UP, OUTCOME, PART_OF, REPLY_TO, own
from framework.stream.model import OutgoingMessage
from framework.stream.port import ChatService

_log = structlog.get_logger(__name__)
_SOONER = 0.8  # of the time between two updates: after it the first text, which is short, is shown with more
_CUSTOM_BYTES = 4_000  # a service keeps about 5 KB of custom fields; ours must not cost the answer


class AlreadyAnsweredError(FrameworkError):
    """The reply was found complete when it was to be posted: someone else answered."""


class ReplyWriter:
    """Writes replies of one bot. Every call raises ChatServiceError if a write that must last cannot be made.

    It raises FencedError, and leaves the message as it is, if the turn is no longer this process's.
    """

    def __init__(self, service: ChatService, limits: Limits) -> None:
        self._service = service
        self._limits = limits

    @asynccontextmanager
    async def indicating(self, turn: Turn) -> AsyncIterator[Indicator]:
        """Show what the bot is doing while the block runs."""
        reply, parent_id = turn.definition.reply, place_of(turn).parent_id
        public = not turn.visible_to  # a state is told to all who watch the channel
        indicator = self._indicator(turn, states=reply.states and public)
        async with indicator.running(), typing(self._service, turn.channel, parent_id, on=reply.typing and public):
            yield indicator

    async def show(self, turn: Turn, indicator: Indicator, buffer: AnswerBuffer) -> None:
        """Show the answer as it is made, until it is complete. `finalize` makes it last.

        Text that comes within the head start is posted at once; otherwise an empty placeholder is. An answer that is
        complete by then is left to `finalize`, which posts it whole. Raises AlreadyAnsweredError.
        """
        reply, streamed = turn.reply, turn.definition.reply.stream
        await buffer.wait_visible(self._limits.head_start)
        if streamed and not buffer.ended and not reply.posted:
            await self._open(turn, buffer)
        if not buffer.ended:
            buffer.tell(indicator.show)
        if not streamed:
            await buffer.wait_ended(self._limits.generation + 1)
        refresh = turn.definition.reply.refresh.total_seconds()
        if reply.shown.strip():
            await buffer.wait_ended(refresh * _SOONER)
        while not buffer.ended:
            if self._is_news(turn, buffer.text):
                await self._show(turn, buffer, refresh)
            else:
                await buffer.wait_changed()
        reply.closing = True

    async def finalize(self, turn: Turn, answer: Answer, extra: Mapping[str, Any] | None = None) -> None:
        """Write the final text and its facts, in as many messages as it takes. Raises AlreadyAnsweredError."""
        reply = turn.reply
        reply.closing = True
        parts = split(answer.text, longest(turn, self._limits))
        custom = {**facts(turn, answer), **(extra or {})}
        reply.further.clear()
        for number, text in enumerate(parts[1:], start=2):
            await self._put_part(turn, number, text)
        # The first message is completed last: while it says `generating`, a crash leaves the turn recoverable.
        if not reply.posted and await self._post(turn, parts[0], custom=custom):
            return
        await self._service.update_message(
            turn.reply_id, text=parts[0], generating=False, custom=custom, check=turn.fence, channel=turn.channel
        )
        reply.shown = parts[0]
        if reply.resumed:
            await self._drop_other_parts(turn)

    async def stop(self, turn: Turn) -> Answer:
        """End a reply with what was shown."""
        answer = Answer(text=turn.reply.shown if turn.reply.shown.strip() else "…", outcome="answered")
        await self.finalize(turn, answer, {"stopped": True, OUTCOME: "stopped"})
        await self._indicator(turn).clear()
        return answer

    async def withdraw(self, turn: Turn) -> None:
        """Delete a reply whose question is gone. Only what the bot wrote is deleted."""
        ids = [turn.reply.id] if turn.reply.id else await self._found(turn, turn.ids.reply)
        for id_ in [*ids, *turn.reply.further]:
            await self._service.delete(id_, check=turn.fence)
        await self._indicator(turn).clear()

    def _indicator(self, turn: Turn, *, states: bool = True) -> Indicator:
        reply = turn.reply
        return Indicator(
            self._service,
            turn.channel,
            lambda: turn.reply_id,
            lambda: bool(reply.shown.strip()),
            states=states,
        )

    async def _found(self, turn: Turn, ids: Sequence[str]) -> list[str]:
        """Those of these messages that the bot wrote."""
        found = await self._service.messages(turn.channel, ids)
        return [id_ for id_, message in found.items() if own(message, turn.bot_user_id) is not None]

    async def _open(self, turn: Turn, buffer: AnswerBuffer) -> None:
        """Post the reply with the text so far, or take over the one that an interrupted process left behind.

        The post may have to wait: it takes along what has come by the time that it goes.
        """
        custom = {"ai_generated": True, **_answers(turn), **turn.marks}

        def newest() -> str:
            return self._fitting(turn, buffer.text)

        await self._post(turn, newest(), newest, custom=custom)

    async def _post(
        self, turn: Turn, text: str, newest: Callable[[], str] | None = None, *, custom: Mapping[str, Any]
    ) -> bool:
        """Post the reply's first message; unfinished with `newest`. False: it was there, unfinished, and is ours."""
        turn.reply.opened = True
        place = place_of(turn)
        outgoing = OutgoingMessage(
            id="",
            text=text,
            parent_id=place.parent_id,
            show_in_channel=place.show_in_channel,
            generating=newest is not None,
            custom=custom,
            visible_to=turn.visible_to,
        )
        posted = await post_once(
            self._service,
            turn.channel,
            turn.ids.reply,
            outgoing,
            bot_user_id=turn.bot_user_id,
            newest=newest,
            check=turn.fence,
        )
        if not posted.is_new:
            turn.reply.id = posted.message.id
            if not posted.own.is_unfinished:
                raise AlreadyAnsweredError("already answered")
            turn.reply.adopt(posted.own)
            return False
        turn.reply.id = posted.message.id
        turn.reply.posted_at = posted.message.created_at
        turn.reply.shown = posted.message.text
        return True

    def _fitting(self, turn: Turn, text: str) -> str:
        return text[: longest(turn, self._limits)]

    def _is_news(self, turn: Turn, text: str) -> bool:
        shown = self._fitting(turn, text)
        return bool(shown.strip()) and shown != turn.reply.shown

    async def _show(self, turn: Turn, buffer: AnswerBuffer, refresh: float) -> None:
        """Show the newest text when the shared budget allows it, then wait for the next refresh, in seconds.

        All answers in progress share one budget: the more there are, the less often each of them is refreshed.
        """
        first = not turn.reply.shown.strip()
        if not await buffer.before_end(self._service.turn_to_stream(turn.reply_id, first=first)):
            return
        passed = not self._is_news(turn, buffer.text) or await self._stream_update(
            turn, self._fitting(turn, buffer.text)
        )
        await buffer.wait_ended(refresh * (_SOONER if first and passed else 1))

    async def _stream_update(self, turn: Turn, text: str) -> bool:
        """Show a text; False: the service is short of breath."""
        await turn.fence()
        try:
            passed = await self._service.stream_update(turn.channel, turn.reply_id, text=text)
        except ChatServiceError as error:
            _log.debug("sketch.failed", error=error.what)
            return False
        if passed:
            turn.reply.shown = text
        return passed

    async def _put_part(self, turn: Turn, number: int, text: str) -> None:
        """Post a further message of a long reply, or give the one that is there this text."""
        custom = {"ai_generated": True, PART_OF: turn.reply_id}
        place = place_of(turn)
        outgoing = OutgoingMessage(
            id="",
            text=text,
            parent_id=place.parent_id,
            show_in_channel=place.show_in_channel,
            custom=custom,
            visible_to=turn.visible_to,
        )
        chain, bot = turn.ids.chain("reply", part=number), turn.bot_user_id
        posted = await post_once(self._service, turn.channel, chain, outgoing, bot_user_id=bot, check=turn.fence)
        id_ = posted.message.id
        turn.reply.further.append(id_)
        if not posted.is_new:
            await self._service.update_message(
                id_, text=text, generating=False, custom=custom, check=turn.fence, channel=turn.channel
            )

    async def _drop_other_parts(self, turn: Turn) -> None:
        """Delete the further messages that an interrupted process wrote and this answer does not have: it was longer,
        or its ids were another release's or made from another secret.
        """
        after = range(len(turn.reply.further) + 2, len(turn.reply.further) + 11)
        ids = [turn.ids.chain("reply", part=number)[0] for number in after]
        ids += [f"{turn.reply_id}-{number}" for number in range(2, after.stop)]  # as earlier releases named them
        found = await self._found(turn, ids)
        for id_ in dict.fromkeys([*found, *turn.reply.former]):
            if id_ not in turn.reply.further:
                await self._service.delete(id_, check=turn.fence)


def _answers(turn: Turn) -> dict[str, Any]:
    """The fields that say what a reply answers."""
    return {REPLY_TO: turn.trigger.id, **({MADE_UP: True} if turn.cause.made_up else {})}


def facts(turn: Turn, answer: Answer) -> dict[str, Any]:
    """The custom fields of a complete reply; sources that do not fit are left out, last first."""
    sources = [_source(source) for source in answer.sources]
    suggestions = with_suggestions(turn, answer.suggestions)
    while sources and len(json.dumps([sources, suggestions])) > _CUSTOM_BYTES:
        sources.pop()
    while suggestions and len(json.dumps([sources, suggestions])) > _CUSTOM_BYTES:
        suggestions.pop()
    return {
        "ai_generated": True,
        **_answers(turn),
        "outcome": answer.outcome,
        "sources": sources,
        "suggestions": suggestions,
        "model": answer.model,
        **({"feedback": list(turn.definition.reply.feedback)} if turn.definition.reply.feedback else {}),
        **turn.marks,
    }


def _source(source: Source) -> dict[str, str | int]:
    told: dict[str, str | int] = {"title": source.title, "file": source.file, "heading": source.heading}
    more: dict[str, str | int] = {"url": source.url, "line": source.line}
    return told | {name: value for name, value in more.items() if value}
