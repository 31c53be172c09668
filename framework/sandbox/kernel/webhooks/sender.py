"""Posting to the app's backend: signed, compressed where asked, tried again where that may help."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from framework.sandbox.kernel.webhooks import settings
from framework.sandbox.kernel.wire import WireDialect

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine

    import aiohttp

    from framework.sandbox.kernel.clock import IdGenerator
    from framework.sandbox.kernel.config import SandboxConfig
    from framework.sandbox.kernel.faults import Faults
    from framework.sandbox.kernel.realtime.event import Event
    from framework.sandbox.kernel.store.store import RecordStore

_log = logging.getLogger("framework.sandbox")
_AT_ONCE = 100
MAX_ANSWER = 1024 * 1024


@dataclass
class WebhookPatience:
    """How long and how often, in seconds. `pauses` lie between the tries of a webhook: one fewer than tries. `held` is
    how long one that is to be overtaken waits for another. `question` replaces the time that the app's settings give
    to a question. After `failures` questions in a row without a good answer an endpoint is not asked for `rest`.
    """

    question: float | None = None
    failures: int = 5
    rest: float = 10.0
    attempt: float = 6.0
    whole: float = 15.0
    pauses: tuple[float, ...] = (0.25, 1.0)
    held: float = 1.0


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What the backend said."""

    status: int
    body: bytes

    @property
    def is_worth_retrying(self) -> bool:
        """Return whether another try may go better."""
        return self.status in (408, 429) or self.status >= 500


@dataclass
class WebhookSender:
    """Sends webhooks on the side and asks questions; a publisher of the sandbox. `close` ends what is under way."""

    config: SandboxConfig
    store: RecordStore
    ids: IdGenerator
    faults: Faults
    patience: WebhookPatience = field(default_factory=WebhookPatience)
    _session: aiohttp.ClientSession | None = None
    _failed: dict[str, tuple[int, float]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _held: list[tuple[str, bytes]] = field(default_factory=list)
    _timers: list[asyncio.Task[None]] = field(default_factory=list)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    def wants(self, kind: str) -> bool:
        """Return whether any webhook is to tell of events of a type."""
        return any(hook.wants(kind) for hook in settings.hooks(self.store))

    def publish(self, event: Event) -> None:
        """Send an event to the webhooks that want it."""
        wanted = [hook for hook in settings.hooks(self.store) if event.hooks and hook.wants(event.type)]
        sent: list[asyncio.Task[None]] = []
        if not wanted:
            return
        body = WireDialect.V1.encode(event.body())
        fault = self.faults.take_for_event(event.type)
        trouble = fault.webhook if fault is not None else event.hook_fault
        for hook in wanted:
            if trouble == "reorder":
                self._held.append((hook.url, body))
                self._timers.append(self._start(self._release_later()))
                continue
            webhook_id = self.ids.new()
            times = 2 if trouble == "duplicate" else 1
            sent += [self._start(self._deliver(hook.url, body, webhook_id)) for _ in range(times)]
        if sent and self._held:
            self._start(self._release(sent))

    def tell(self, url: str, body: bytes) -> None:
        """Post to an address of the app's own on the side, with the tries of a webhook."""
        self._start(self._deliver(url, body, self.ids.new()))

    async def ask(self, url: str, body: bytes) -> WebhookAnswer | None:
        """Post a question that a call waits for: one try, and None if no answer came in time.

        An endpoint that failed several times in a row rests: it is not asked for a while, and None is returned.
        """
        now = asyncio.get_running_loop().time()
        failed, since = self._failed.get(url, (0, 0.0))
        if failed >= self.patience.failures and now < since + self.patience.rest:
            return None
        limit = self.patience.question or settings.question_seconds(self.store)
        try:
            answer = await self._post(url, body, self.ids.new(), 1, limit)
        except (OSError, TimeoutError) as error:
            _log.warning("%s did not answer: %r", url, error)
            answer = None
        if answer is not None and answer.status < 500:
            self._failed.pop(url, None)
        else:
            self._failed[url] = (failed + 1, now)
            if failed + 1 == self.patience.failures:
                _log.warning("%s failed %d times: it is not asked for %g s", url, failed + 1, self.patience.rest)
        return answer

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _release_later(self) -> None:
        """Send what is held, though nothing overtook it."""
        await asyncio.sleep(self.patience.held)
        self._timers.clear()
        await self._release(())

    async def _release(self, overtaking: Collection[asyncio.Task[None]]) -> None:
        """Send what is held, after those that are to overtake it, unless they take long."""
        while self._timers:
            self._timers.pop().cancel()
        if overtaking:
            await asyncio.wait(overtaking, timeout=self.patience.held)
        held, self._held = self._held, []
        for url, body in reversed(held):
            await self._deliver(url, body, self.ids.new())

    async def _deliver(self, url: str, body: bytes, webhook_id: str) -> None:
        """Try until the backend took it, refused it for good, or time is up."""
        try:
            async with self._slots, asyncio.timeout(self.patience.whole):
                for attempt in range(1, len(self.patience.pauses) + 2):
                    if await self._taken(url, body, webhook_id, attempt):
                        return
                    if attempt <= len(self.patience.pauses):
                        await asyncio.sleep(self.patience.pauses[attempt - 1])
        except TimeoutError:
            pass
        _log.warning("the webhook %s to %s was given up", webhook_id, url)

    async def _taken(self, url: str, body: bytes, webhook_id: str, attempt: int) -> bool:
        try:
            answer = await self._post(url, body, webhook_id, attempt, self.patience.attempt)
        except (OSError, TimeoutError) as error:
            _log.info("the webhook to %s failed: %r", url, error)
            return False
        return not answer.is_worth_retrying

    async def _post(self, url: str, body: bytes, webhook_id: str, attempt: int, limit_s: float) -> WebhookAnswer:
        """One request. Raises OSError (which aiohttp's errors become) or TimeoutError."""
        import aiohttp  # only an app with hooks needs a client

        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=True)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GetStream Webhook",
            "X-Api-Key": self.config.api_key,
            "X-Signature": hmac.new(self.config.api_secret.encode(), body, hashlib.sha256).hexdigest(),
            "X-Webhook-Id": webhook_id,
            "X-Webhook-Attempt": str(attempt),
        }
        if settings.compresses(self.store):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, 5)
        limit = aiohttp.ClientTimeout(total=limit_s)
        try:
            async with self._session.post(
                url, data=body, headers=headers, timeout=limit, allow_redirects=False
            ) as said:
                return WebhookAnswer(said.status, await said.content.read(MAX_ANSWER))
        except (aiohttp.ClientError, ValueError) as error:
            raise ConnectionError(str(error) or type(error).__name__) from error
