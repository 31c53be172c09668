"""The event connection: one WebSocket, made again whenever it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog
from yarl import URL

from framework.aio import cancel, race
from framework.errors import ChatServiceError
from framework.stream.credentials import Credentials
from framework.stream.failure import TOKEN_CODES, describe, refused
from framework.stream.fast_json import loads
from framework.stream.timing import Timing

CLIENT = "stream-agent-framework-python"
PING_AFTER, SILENCE = 25.0, 35.0
HANDSHAKE_SECONDS = 15.0
CLOSE_SECONDS = 1.0
# A connection that ended sooner counts as a failure. Otherwise a service that accepts connections and closes them at
# once would be asked again without a pause.
LASTING = 5.0
LONGEST_WAIT = 25.0
# The first frame for a busy user lists everything that is unread.
LARGEST_FRAME = 32 * 1024 * 1024

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Opened:
    """A connection is up. Calls that watch channels send this id. `again` is false for the first connection only."""

    connection_id: str
    again: bool


@dataclass(frozen=True)
class Lost:
    """The connection is lost, and with it everything that it watched."""

    reason: str


Frame = Opened | Lost | Mapping[str, Any]


class _Link:
    """A WebSocket that the service accepted, and when the last frame came."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, connection_id: str, now: float) -> None:
        self.ws = ws
        self.connection_id = connection_id
        self.opened_at = now
        self.heard_at = now
        self.ping_from = now


class EventSocket:
    """Connects as the bot and yields frames. A lost connection is made again, with pauses, for ever.

    `connection_id` is that of the live connection, and None before `Lost` is yielded.
    """

    def __init__(
        self, session: Callable[[], aiohttp.ClientSession], base_url: str, credentials: Credentials, timing: Timing
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._credentials = credentials
        self._timing = timing
        self._client_id = f"{credentials.user_id}--{uuid.uuid4()}"
        self.connection_id: str | None = None
        self._outbox: asyncio.Queue[Frame | Exception | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def frames(self) -> AsyncIterator[Frame]:
        """Yield frames until `close`. Raises ChatServiceError if the service refuses for good."""
        if self._closed:
            return
        self._outbox = asyncio.Queue()
        self._task = asyncio.create_task(self._tell_all(self._outbox), name="stream events")
        try:
            while (item := await self._outbox.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            await self._stop()

    async def close(self) -> None:
        """End the connection, and `frames` with it. Safe to call twice."""
        self._closed = True
        self._outbox.put_nowait(None)
        await self._stop()

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            await cancel(task)

    async def _tell_all(self, outbox: asyncio.Queue[Frame | Exception | None]) -> None:
        try:
            await self._keep_connected(outbox)
        except Exception as error:  # noqa: BLE001 - `frames` raises it: nothing else awaits this task
            outbox.put_nowait(error)

    async def _keep_connected(self, outbox: asyncio.Queue[Frame | Exception | None]) -> None:
        """Connect, serve, connect again. Raises ChatServiceError for a refusal that will not change."""
        failed, again = 0, False
        while True:
            try:
                link = await self._connect()
            except ChatServiceError as error:
                if not error.retryable:
                    raise
                reason = error.what
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                reason = describe(error)
            else:
                self.connection_id = link.connection_id
                outbox.put_nowait(Opened(link.connection_id, again))
                again = True
                reason = await self._serve(link, outbox)
                failed = 0 if self._timing.monotonic() - link.opened_at >= LASTING else failed
                outbox.put_nowait(Lost(reason))
            failed += 1
            seconds = self._backoff(failed)
            _log.warning("stream.reconnect", reason=reason, attempt=failed, seconds=round(seconds, 2))
            await self._timing.sleep(seconds)

    def _backoff(self, failed: int) -> float:
        """Return the seconds before the next try, as the official web client waits, with jitter: many clients must not
        return at once.
        """
        shortest = max(0.25, min((failed - 1) * 2.0, LONGEST_WAIT / 2))
        return self._timing.uniform(shortest, min(0.5 + failed * 2.0, LONGEST_WAIT))

    async def _connect(self) -> _Link:
        """Connect; a second time if the token had expired."""
        link = await self._handshake()
        if isinstance(link, ChatServiceError) and link.code in TOKEN_CODES:
            self._credentials.renew()
            link = await self._handshake()
        if isinstance(link, ChatServiceError):
            raise link
        return link

    async def _handshake(self) -> _Link | ChatServiceError:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            ws = await self._session().ws_connect(
                self._url(),
                max_msg_size=LARGEST_FRAME,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            )
            try:
                first = await _read_json(ws)
                connection_id = (first or {}).get("connection_id")
                if isinstance(connection_id, str) and connection_id:
                    return _Link(ws, connection_id, self._timing.monotonic())
                await ws.close()
                return self._refusal(first)
            except BaseException:
                await ws.close()
                raise

    def _refusal(self, first: Mapping[str, Any] | None) -> ChatServiceError:
        if first is None:
            return ChatServiceError(f"{self._base_url} closed the event connection at once.", retryable=True)
        error = first.get("error")
        if not isinstance(error, Mapping):
            return ChatServiceError(f"{self._base_url} opened no event connection.", retryable=True)
        code, status = error.get("code"), error.get("StatusCode")
        return refused(
            self._base_url,
            status if isinstance(status, int) else 400,
            code if isinstance(code, int) else None,
            str(error.get("message", "")),
        )

    def _url(self) -> URL:
        """Return the address of the connection. It holds a token, so it must not be logged."""
        user_id = self._credentials.user_id
        # Only the id: other fields would overwrite what the service knows of the bot.
        hello = {"user_id": user_id, "user_details": {"id": user_id}, "client_request_id": str(uuid.uuid4())}
        return (URL(self._base_url) / "connect").with_query(
            {
                "json": json.dumps(hello),
                "api_key": self._credentials.key,
                "authorization": self._credentials.user_token(),
                "stream-auth-type": "jwt",
                "X-Stream-Client": CLIENT,
            }
        )

    async def _serve(self, link: _Link, outbox: asyncio.Queue[Frame | Exception | None]) -> str:
        """Pass on frames until the connection is lost; return why."""
        try:
            return await race(self._read(link, outbox), self._pulse(link))
        finally:
            self.connection_id = None
            # 1000 means that we are done for good. Before a new connection we are not.
            code = aiohttp.WSCloseCode.OK if self._closed else aiohttp.WSCloseCode.GOING_AWAY
            with contextlib.suppress(OSError):
                await link.ws.close(code=code)

    async def _read(self, link: _Link, outbox: asyncio.Queue[Frame | Exception | None]) -> str:
        async for message in link.ws:
            link.heard_at = self._timing.monotonic()
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            frame = _parse(message.data)
            if frame is None:
                _log.warning("stream.frame_dropped", characters=len(message.data))
            elif frame.get("type") == "health.check":
                link.ping_from = link.heard_at
            elif frame.get("type") == "connection.error":
                error = self._refusal(frame)
                if error.code in TOKEN_CODES:
                    self._credentials.renew()
                return error.what
            else:
                outbox.put_nowait(frame)
        broken = link.ws.exception()
        return describe(broken) if broken else f"closed by the service (code {link.ws.close_code})"

    async def _pulse(self, link: _Link) -> str:
        """Ping after each health check; return when the service was silent for too long."""
        while True:
            now = self._timing.monotonic()
            if now - link.heard_at >= SILENCE:
                return f"silent for {SILENCE:.0f} s"
            if now - link.ping_from >= PING_AFTER:
                link.ping_from = now
                try:
                    await link.ws.send_str(json.dumps([{"type": "health.check", "client_id": self._client_id}]))
                except OSError as error:
                    return describe(error)
            await self._timing.sleep(max(0.0, min(link.ping_from + PING_AFTER, link.heard_at + SILENCE) - now))


async def _read_json(ws: aiohttp.ClientWebSocketResponse) -> Mapping[str, Any] | None:
    message = await ws.receive()
    return _parse(message.data) if message.type is aiohttp.WSMsgType.TEXT else None


def _parse(text: str) -> Mapping[str, Any] | None:
    try:
        frame = loads(text)
    except (ValueError, RecursionError):  # the latter of brackets in brackets in brackets
        return None
    return frame if isinstance(frame, dict) else None
