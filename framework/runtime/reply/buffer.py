"""The one reader of the agent's events: it holds the newest text, ends what takes too long, and has the result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from framework.agent.conversation import AgentEvent, Finished, TextDelta, ToolFinished, ToolStarted
from framework.errors import ModelError
from framework.stream.model import AIState


class AnswerBuffer:
    """The newest state of an answer in the making. `changed` is set with every change; latest wins."""

    def __init__(self) -> None:
        self.text = ""
        self.state: AIState = "thinking"
        self.changed = asyncio.Event()
        self._show: Callable[[AIState], None] | None = None
        self._ended = asyncio.Event()
        self._visible = asyncio.Event()  # there is text, or there will be no more
        self._finished: Finished | None = None
        self._error: Exception | None = None

    @asynccontextmanager
    async def reading(self, events: AsyncIterator[AgentEvent], *, seconds: float) -> AsyncIterator[None]:
        """Read while the block runs, for at most so many seconds."""
        task = asyncio.create_task(self._read(events, seconds))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    @property
    def ended(self) -> bool:
        """Whether the agent is through, with an answer or an error."""
        return self._ended.is_set()

    def result(self) -> Finished | Exception:
        """Once ended: the last event, with the answer; or what the agent raised, or that there is no answer."""
        if self._error is not None:
            return self._error
        if self._finished is None or not self._finished.answer.text.strip():
            return ModelError("The agent ended without an answer.")
        return self._finished

    def tell(self, show: Callable[[AIState], None]) -> None:
        """Have the state shown by this, now and with every change."""
        self._show = show
        show(self.state)

    async def wait_visible(self, seconds: float) -> None:
        """Return with the first text, with the end, or after so many seconds."""
        await _within(self._visible, seconds)

    async def wait_ended(self, seconds: float) -> None:
        """Return with the end, or after so many seconds."""
        await _within(self._ended, seconds)

    async def wait_changed(self) -> None:
        """Return with the next change, or with the end."""
        self.changed.clear()
        if not self.ended:
            await self.changed.wait()

    async def before_end(self, waiting: Coroutine[None, None, None]) -> bool:
        """Wait for this, but not beyond the end; False: the end came first."""
        wait = asyncio.ensure_future(waiting)
        end = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({wait, end}, return_when=asyncio.FIRST_COMPLETED)
            if self.ended:
                return False
            wait.result()
            return True
        finally:
            end.cancel()
            wait.cancel()
            await asyncio.wait({wait})

    async def _read(self, events: AsyncIterator[AgentEvent], seconds: float) -> None:
        late = ModelError(f"The agent did not come to an end within {seconds:.0f} s.")
        try:
            async with asyncio.timeout(seconds) as deadline:
                async for event in events:
                    self._take(event)
            if deadline.expired() and self._finished is None:
                self._error = late  # a library on the way took the cancellation for the stream's end
        except TimeoutError:
            self._error = late
        except Exception as error:  # noqa: BLE001 - the agent's errors are the turn's: handed on by `result`
            self._error = error
        finally:
            self._ended.set()
            self._visible.set()
            self.changed.set()

    def _take(self, event: AgentEvent) -> None:
        match event:
            case TextDelta(text):
                self.text += text
                self.state = "generating"
                if self.text.strip():
                    self._visible.set()
            case ToolStarted():
                self.text = ""
                self.state = "external_sources"
            case ToolFinished():
                self.state = "thinking"
            case Finished():
                self._finished = event
        self.changed.set()
        if self._show is not None:
            self._show(self.state)


async def _within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
