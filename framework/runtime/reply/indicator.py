"""The AI state that people see beside a reply, sent beside the text and never ahead of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from framework.aio import cancel
from framework.errors import ChatServiceError
from framework.stream.model import AIState, ChannelRef
from framework.stream.port import ChatService

_log = structlog.get_logger(__name__)
_STILL_TYPING = 5.0  # seconds; clients forget who types after a few more


_AT_ONCE = 0.5  # seconds in which a text makes the state needless
_APART = 0.5  # seconds between two states: more of them nobody can read
_SOON = 2.5  # seconds in which a text that people see grow is complete: only longer ones are worth a state


class Indicator:
    """Shows states for one message, latest wins. A state that cannot be sent is no reason to fail a turn.

    Two calls are saved if the answer follows at once: a state is shown only if people have seen no text after half a
    second, or if the answer is still being written after two and a half.

    `message_id` is asked for each state: the message may turn out to have another id than the first. `is_text_shown`
    tells whether people see text of the answer. Without `states` it shows nothing.
    """

    def __init__(
        self,
        service: ChatService,
        channel: ChannelRef,
        message_id: Callable[[], str],
        is_text_shown: Callable[[], bool],
        *,
        states: bool = True,
    ) -> None:
        self._service = service
        self._channel = channel
        self._message_id = message_id
        self._is_text_shown = is_text_shown
        self._states = states
        self._wanted: AIState | None = None
        self._shown: AIState | None = None
        self._changed = asyncio.Event()

    def show(self, state: AIState) -> None:
        """Show a state, soon."""
        if self._states and state != self._wanted:
            self._wanted = state
            self._changed.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send states while the block runs, and clear them after it, unless the process is being stopped."""
        if not self._states:
            yield
            return
        sending: set[asyncio.Task[None]] = set()
        timer = asyncio.get_running_loop().call_later(
            _AT_ONCE, lambda: sending.add(asyncio.create_task(self._send_changes()))
        )
        try:
            yield
        finally:
            timer.cancel()
            await cancel(*sending)
        if self._shown is not None:
            await self.clear()

    async def clear(self) -> None:
        """Show nothing any more, at once."""
        self._wanted = None
        await self._send(None)

    async def _send_changes(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._shown is None and self._wanted == "generating" and self._is_text_shown():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_SOON - _AT_ONCE):
                        await self._changed.wait()
                        continue
            if self._wanted == self._shown:
                continue
            self._shown = self._wanted
            await self._send(self._shown)
            await asyncio.sleep(_APART)  # what changes meanwhile is one call: the latest state

    async def _send(self, state: AIState | None) -> None:
        try:
            await self._service.indicate(self._channel, self._message_id(), state)
        except ChatServiceError as error:
            _log.debug("indicator.failed", state=state, error=error.what)


@asynccontextmanager
async def typing(service: ChatService, channel: ChannelRef, parent_id: str | None, *, on: bool) -> AsyncIterator[None]:
    """Show that the bot is typing while the block runs, if that is wanted at all."""
    if not on:
        yield
        return
    task = asyncio.create_task(_keep_typing(service, channel, parent_id))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
    await _show_typing(service, channel, parent_id, on=False)


async def _keep_typing(service: ChatService, channel: ChannelRef, parent_id: str | None) -> None:
    while True:
        await _show_typing(service, channel, parent_id, on=True)
        await asyncio.sleep(_STILL_TYPING)


async def _show_typing(service: ChatService, channel: ChannelRef, parent_id: str | None, *, on: bool) -> None:
    try:
        await service.typing(channel, parent_id=parent_id, on=on)
    except ChatServiceError as error:
        _log.debug("typing.failed", on=on, error=error.what)
