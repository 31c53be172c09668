"""Read the channel for one turn: each thing once, when the first part of the pipeline asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from framework.errors import ChatServiceError
from framework.runtime.core.channel_infos import ChannelInfos
from framework.runtime.core.turn import Turn
from framework.stream.model import ChannelInfo, ChannelRef, Message
from framework.stream.port import ChatService

PAGE = 100
"""Messages that are read if a rule looks further back than the first page reaches; a service gives at most 300."""
_MOST = 300
_LATER = 5
"""Messages of the first page beyond the context: those that came since the question, a reply of ours among them."""
_MOST_PAGES = 5


@dataclass(frozen=True)
class Page:
    """The newest messages of a channel outside threads, or of one thread, oldest first.

    `whole`: there are no older ones. `parent`: the message that the thread hangs from; None in a channel.
    """

    messages: tuple[Message, ...]
    whole: bool
    parent: Message | None = None

    @property
    def all(self) -> tuple[Message, ...]:
        """The messages, with the thread's parent first."""
        return (self.parent, *self.messages) if self.parent is not None else self.messages

    def find(self, id_: str) -> Message | None:
        """Return the message with this id, if the page reaches back to it."""
        return next((message for message in self.all if message.id == id_), None)

    def until(self, id_: str | None, limit: int) -> tuple[Message, ...] | None:
        """Return the newest `limit` up to this message (None: all), a thread's parent as one of them.

        None if the page does not reach back so far.
        """
        rest = len(self.messages)
        if id_ is not None:
            rest = next((n for n, message in enumerate(self.messages, start=1) if message.id == id_), 0)
            if not rest:
                return (self.parent,) if self.parent is not None and self.parent.id == id_ else None
        wanted = limit if self.parent is None else max(1, limit - 1)
        if rest < wanted and not self.whole:
            return None
        found = self.messages[max(0, rest - wanted) : rest]
        return (self.parent, *found) if self.parent is not None else found

    def reaches(self, since: datetime) -> bool:
        """Whether everything that was written since this time is in it."""
        return self.whole or (bool(self.messages) and self.messages[0].created_at < since)


class ChannelView:
    """One turn's view of its channel. Every call raises ChatServiceError.

    In a channel the first read of messages brings what the channel is along, by one call of the service. In a thread
    the two are asked for side by side. `size` is how many messages the first page holds.
    """

    def __init__(self, turn: Turn, service: ChatService, infos: ChannelInfos, *, size: int) -> None:
        self._channel: ChannelRef = turn.channel
        self._trigger = turn.trigger
        self._has_message = not turn.cause.made_up
        self._service = service
        self._infos = infos
        self._size = min(_MOST, size + _LATER)
        self._pages: dict[str | None, Page] = {}

    async def info(self) -> ChannelInfo:
        """Return the channel's name, custom fields and count of members. It may be two seconds old."""
        return await self._infos.get(self._channel)

    async def history(self) -> Sequence[Message]:
        """Return the newest messages of the channel, or of the thread in which the message stands, oldest first.

        They reach back to the message that started the turn, and hold it, unless it was deleted. In a thread the first
        one is the message that it hangs from.
        """
        return (await self.page(self._trigger.parent_id)).all

    async def page(
        self, parent_id: str | None = None, *, since: datetime | None = None, reach: str = "", size: int = 0
    ) -> Page:
        """Return the newest messages of the channel or of a thread, and read what is missing of them.

        They reach back to this time, to the message `reach` and to so many messages; for `since` and `size` at most 100
        messages are read. In the turn's own place they reach back to the trigger, too.
        """
        if parent_id not in self._pages:
            self._pages[parent_id] = await self._first(parent_id)
        for _ in range(_MOST_PAGES):
            page = self._pages[parent_id]
            if page.whole or not page.messages or self._is_enough(page, parent_id, since, reach, size):
                break
            longer = await self._longer(page, parent_id)
            if longer is None:
                break
            self._pages[parent_id] = longer
        return self._pages[parent_id]

    async def until(self, parent_id: str | None, id_: str | None, limit: int) -> Sequence[Message]:
        """Return the newest `limit` messages that are not newer than the one with this id, that one included.

        There are none if it does not exist. In a thread the parent counts as one of them, and comes first.
        """
        read = (await self.page(parent_id)).until(id_, limit)
        if read is not None:
            return read
        if parent_id is None:
            return await self._service.recent(self._channel, limit=limit, until=id_)
        return await self._service.thread(parent_id, limit=max(1, limit - 1), until=id_)

    async def messages(self, ids: Sequence[str]) -> Mapping[str, Message]:
        """Return those of these messages that exist (soft-deleted ones too), by id, as they are now."""
        return await self._service.messages(self._channel, ids)

    def forget(self) -> None:
        """Read the messages anew when they are asked for again: something changed."""
        self._pages.clear()

    def _is_enough(self, page: Page, parent_id: str | None, since: datetime | None, reach: str, size: int) -> bool:
        if self._has_message and parent_id == self._trigger.parent_id:
            trigger = self._trigger
            if page.find(trigger.id) is None and page.messages[0].created_at > trigger.created_at:
                return False
        if reach and page.find(reach) is None:
            return False
        if len(page.messages) >= PAGE:
            return True
        return len(page.messages) >= size and (since is None or page.reaches(since))

    async def _first(self, parent_id: str | None) -> Page:
        if parent_id is None:
            messages = await self._newest()
            return Page(tuple(messages), whole=len(messages) < self._size)
        limit = max(self._size, PAGE)  # what is said in a thread depends on the whole of it
        asking = asyncio.create_task(self._ask_info())
        try:
            found = await self._service.thread(parent_id, limit=limit)
            await asyncio.wait({asking})
        finally:
            asking.cancel()
        rest = tuple(message for message in found if message.id != parent_id)
        parent = next((message for message in found if message.id == parent_id), None)
        return Page(rest, whole=len(rest) < limit, parent=parent)

    async def _newest(self) -> Sequence[Message]:
        try:
            return await self._infos.page(self._channel, limit=self._size)
        except ChatServiceError as error:
            if not error.retryable:
                raise
            return await self._service.recent(self._channel, limit=self._size)

    async def _ask_info(self) -> None:
        with suppress(ChatServiceError):  # the rule that needs it asks again, and says what is wrong
            await self.info()

    async def _longer(self, page: Page, parent_id: str | None) -> Page | None:
        """Return the page with those before it; None if the service has no more to tell."""
        oldest = page.messages[0].id
        if parent_id is None:
            found = await self._service.recent(self._channel, limit=PAGE, until=oldest)
        else:
            found = await self._service.thread(parent_id, limit=PAGE, until=oldest)
        known = {message.id for message in page.all}
        earlier = [message for message in found if message.id not in known]
        if not earlier:
            return None
        return Page((*earlier, *page.messages), whole=len(found) < PAGE, parent=page.parent)
