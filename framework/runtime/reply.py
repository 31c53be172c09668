"""How a reply is streamed: post, sketch, settle."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog

from framework.agent.conversation import Answer, Source
from framework.errors import ChatServiceError, DuplicateMessageError, FrameworkError
from framework.runtime.bot import Limits
from framework.runtime.feed import Feed
from framework.runtime.indicator import Indicator, typing
from framework.runtime.place import longest, place_of, with_suggestions
from framework.runtime.split import split
from framework.runtime.turn import Draft, Turn, part_id
from framework.stream.model import Message, OutgoingMessage
from framework.stream.service import ChatService

_log = structlog.get_logger(__name__)
_LONG = 5_000  # characters from which on a text is shown anew at the slowest pace
_CUSTOM_BYTES = 4_000  # a service keeps about 5 KB of custom fields; ours must not cost the answer


class AlreadyAnsweredError(FrameworkError):
    """The reply was found complete when it was to be posted: someone else answered."""


class ReplyWriter:
    """Writes replies of one bot. Every call raises ChatServiceError where a write that must last cannot be made, and
    FencedError, leaving the message as it is, where the turn is no longer this process's.
    """

    def __init__(self, service: ChatService, limits: Limits) -> None:
        self._service = service
        self._limits = limits

    @asynccontextmanager
    async def indicating(self, turn: Turn) -> AsyncIterator[Indicator]:
        """Show what the bot is doing while the block runs."""
        reply, parent_id = turn.definition.reply, place_of(turn).parent_id
        indicator = Indicator(self._service, turn.channel, turn.reply_id, states=reply.states)
        async with indicator.running(), typing(self._service, turn.channel, parent_id, on=reply.typing):
            yield indicator

    async def stream(self, turn: Turn, indicator: Indicator) -> Answer | Exception:
        """Show the answer as it is made, and return it, or what the agent raised. `settle` makes it last.

        Text that comes within the head start is posted at once; otherwise an empty placeholder is. An answer that is
        complete by then is left to `settle`, which posts it whole. Raises AlreadyAnsweredError.
        """
        if turn.events is None:
            raise AssertionError("nothing answers this turn")
        feed, draft = Feed(), turn.draft
        async with feed.reading(turn.events, seconds=self._limits.generation):
            await feed.wait_visible(self._limits.head_start)
            streamed = turn.definition.reply.stream
            if streamed and not feed.ended and not draft.posted:
                await self._open(turn, feed)
            if not feed.ended:
                feed.tell(indicator.show)
            if not streamed:
                await feed.wait_ended(self._limits.generation + 1)
            while not feed.ended:
                if self._is_news(turn, feed.text):
                    await self._show(turn, feed)
                else:
                    await feed.wait_changed()
            draft.closing = True
            return feed.result()

    async def settle(self, turn: Turn, answer: Answer, extra: Mapping[str, Any] | None = None) -> None:
        """Write the final text and its facts, in as many messages as it takes. Raises AlreadyAnsweredError."""
        draft = turn.draft
        draft.closing = True
        parts = split(answer.text, longest(turn, self._limits))
        custom = {**facts(turn, answer), **draft.facts, **(extra or {})}
        for number, text in enumerate(parts[1:], start=2):
            draft.parts = number
            await self._put_part(turn, part_id(turn.reply_id, number), text)
        # The first message is completed last: while it says `generating`, a crash leaves the turn recoverable.
        if not draft.posted and await self._post(turn, parts[0], custom=custom):
            return
        await self._service.revise(turn.reply_id, text=parts[0], generating=False, custom=custom, check=turn.fence)
        draft.shown = parts[0]
        if draft.resumed:
            await self._drop_parts_after(turn, len(parts))

    async def stop(self, turn: Turn) -> Answer:
        """End a reply with what was shown."""
        answer = Answer(text=turn.draft.shown if turn.draft.shown.strip() else "…", outcome="answered")
        await self.settle(turn, answer, {"stopped": True, "outcome": "stopped"})
        await Indicator(self._service, turn.channel, turn.reply_id).clear()
        return answer

    async def withdraw(self, turn: Turn) -> None:
        """Delete a reply whose question is gone."""
        for number in range(1, turn.draft.parts + 1):
            await self._service.delete(part_id(turn.reply_id, number), check=turn.fence)
        await Indicator(self._service, turn.channel, turn.reply_id).clear()

    def _interval(self, length: int) -> float:
        """Seconds between two sketches: the longer the text, the less a change of it is missed."""
        limits = self._limits
        share = min(1.0, length / _LONG)
        return limits.fastest_sketch + (limits.slowest_sketch - limits.fastest_sketch) * share

    async def _open(self, turn: Turn, feed: Feed) -> None:
        """Post the reply with the text so far, or take over the one that an interrupted process left behind.

        The post may have to wait: it takes along what has come by the time that it goes.
        """
        custom = {"ai_generated": True, "reply_to": turn.trigger.id, **turn.marks}
        await self._post(turn, self._fitting(turn, feed.text), lambda: self._fitting(turn, feed.text), custom=custom)

    async def _post(
        self, turn: Turn, text: str, newest: Callable[[], str] | None = None, *, custom: Mapping[str, Any]
    ) -> bool:
        """Post the reply's first message; unfinished with `newest`. False: it was there, unfinished, and is ours."""
        turn.draft.opened = True
        place = place_of(turn)
        outgoing = OutgoingMessage(
            id=turn.reply_id,
            text=text,
            parent_id=place.parent_id,
            show_in_channel=place.show_in_channel,
            generating=newest is not None,
            custom=custom,
        )
        try:
            message = await self._service.send(turn.channel, outgoing, newest=newest, check=turn.fence)
        except DuplicateMessageError:
            await self._take_over(turn)
            return False
        turn.draft.posted_at = message.created_at
        turn.draft.shown = message.text
        return True

    async def _take_over(self, turn: Turn) -> None:
        found = (await self._service.messages(turn.channel, [turn.reply_id])).get(turn.reply_id)
        if found is None:
            raise ChatServiceError(f"The reply {turn.reply_id} exists and cannot be read.", retryable=True)
        if not found.generating:
            raise AlreadyAnsweredError("already answered")
        adopt(turn.draft, found)

    def _fitting(self, turn: Turn, text: str) -> str:
        return text[: longest(turn, self._limits)]

    def _is_news(self, turn: Turn, text: str) -> bool:
        shown = self._fitting(turn, text)
        return bool(shown.strip()) and shown != turn.draft.shown

    async def _show(self, turn: Turn, feed: Feed) -> None:
        """Show the newest text when it is this turn's turn, then leave it a while.

        All that is being written shares one budget: the more there is, the longer each one's turn is away.
        """
        first = not turn.draft.shown.strip()
        if not await feed.before_end(self._service.turn_to_sketch(turn.reply_id, first=first)):
            return
        passed = not self._is_news(turn, feed.text) or await self._sketch(turn, self._fitting(turn, feed.text))
        await feed.wait_ended(self._interval(len(feed.text)) * (1 if passed else 2))

    async def _sketch(self, turn: Turn, text: str) -> bool:
        """Show a text; False: the service is short of breath."""
        await turn.fence()
        try:
            passed = await self._service.sketch(turn.channel, turn.reply_id, text=text)
        except ChatServiceError as error:
            _log.debug("sketch.failed", error=error.what)
            return False
        if passed:
            turn.draft.shown = text
        return passed

    async def _put_part(self, turn: Turn, id_: str, text: str) -> None:
        """Post a further message of a long reply, or give the one that is there this text."""
        custom = {"ai_generated": True, "part_of": turn.reply_id}
        place = place_of(turn)
        outgoing = OutgoingMessage(
            id=id_, text=text, parent_id=place.parent_id, show_in_channel=place.show_in_channel, custom=custom
        )
        try:
            await self._service.send(turn.channel, outgoing, check=turn.fence)
        except DuplicateMessageError:
            await self._service.revise(id_, text=text, generating=False, custom=custom, check=turn.fence)

    async def _drop_parts_after(self, turn: Turn, parts: int) -> None:
        """An interrupted process may have written more parts than this answer has."""
        later = [part_id(turn.reply_id, number) for number in range(parts + 1, parts + 10)]
        for id_ in await self._service.messages(turn.channel, later):
            await self._service.delete(id_, check=turn.fence)


def adopt(draft: Draft, message: Message) -> None:
    """Go on with a reply that an earlier process began."""
    draft.opened = draft.resumed = True
    draft.posted_at = message.created_at
    draft.shown = message.text


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
        "reply_to": turn.trigger.id,
        "outcome": answer.outcome,
        "sources": sources,
        "suggestions": suggestions,
        "model": answer.model,
        **({"feedback": list(turn.definition.reply.feedback)} if turn.definition.reply.feedback else {}),
        **turn.marks,
    }


def _source(source: Source) -> dict[str, str]:
    return {"title": source.title, "file": source.file, "heading": source.heading}
