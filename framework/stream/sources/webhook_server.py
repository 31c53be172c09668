"""Serve the webhook inside the caller's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import structlog
import uvicorn
from starlette.applications import Starlette

from framework.errors import SettingsError
from framework.settings import Settings
from framework.stream.sources.bodies import BODY_SECONDS
from framework.stream.sources.connections import BoundedProtocol
from framework.stream.sources.delivery import ACCEPT_SECONDS, Facts, Inbox, no_facts
from framework.stream.sources.webhook import Webhook, webhook_app
from framework.stream.timing import Timing

VARIABLE = "FRAMEWORK_WEBHOOK"
KEEP_ALIVE_SECONDS = 75
ACCEPTING_SECONDS = 0.05
GRACE_SECONDS = int(BODY_SECONDS + ACCEPT_SECONDS) + 1  # requests in progress end on their own

_log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """uvicorn's server, without its signal handlers, and asleep while nothing happens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Begin to end."""
        self.should_exit = True
        self._stop.set()

    async def main_loop(self) -> None:
        """Keep the date of answers up to date until `stop`. uvicorn's own loop wakes up ten times a second."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting connections, then end as uvicorn does.

        uvicorn would miss a connection that was accepted just now, and asyncio would never answer one that was accepted
        just before its listener is closed.
        """
        loop = asyncio.get_running_loop()
        for listener in sockets or ():
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.remove_reader(listener)
        await asyncio.sleep(ACCEPTING_SECONDS)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield


@asynccontextmanager
async def webhook_server(
    settings: Settings,
    *,
    inbox: Inbox,
    ready: Callable[[], bool],
    facts: Facts = no_facts,
    timing: Timing | None = None,
) -> AsyncIterator[str | None]:
    """Serve webhooks while the block runs, and yield the address: `http://127.0.0.1:8080`.

    If `settings.webhook` is not set, serve nothing and yield None. At the end no more connections are accepted, and
    requests in progress are finished. Raises SettingsError if the address cannot be used or the app has no secret.
    """
    if settings.webhook is None:
        yield None
        return
    if settings.stream_api_secret is None:
        raise SettingsError(
            "Webhooks cannot be verified without the app's secret.",
            where=VARIABLE,
            hint="Set STREAM_API_KEY and STREAM_API_SECRET, or unset FRAMEWORK_WEBHOOK.",
        )
    webhook = Webhook(
        inbox,
        secret=settings.stream_api_secret,
        key=settings.stream_api_key,
        window=timedelta(minutes=settings.webhook_window),
        timing=timing,
    )
    app = webhook_app(webhook, path=settings.webhook_path, ready=ready, facts=facts)
    bound = _bind(settings.webhook)
    with contextlib.closing(bound):
        address = _address(bound)
        async with _serving(_config(app), bound):
            _log.info("webhook.listening", address=address, path=settings.webhook_path)
            yield address


def _config(app: Starlette) -> uvicorn.Config:
    """Return uvicorn's settings. Of its own logs only warnings are left."""
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


@asynccontextmanager
async def _serving(config: uvicorn.Config, bound: socket.socket) -> AsyncIterator[None]:
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]), name="webhook server")
    try:
        while not server.started:
            if task.done():
                await task
                raise SettingsError("The webhook server ended before it was ready.", where=VARIABLE)
            await asyncio.sleep(0.005)
        yield
    finally:
        server.stop()
        await task


def _bind(where: str) -> socket.socket:
    parts = urlsplit(f"//{where}")
    host, port = parts.hostname or "", parts.port or 0
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off; without, each answer waits 40 ms for an ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(1024)
    except OSError as error:
        bound.close()
        raise SettingsError(
            f"Webhooks cannot be taken in at {where}: {error.strerror}.",
            where=VARIABLE,
            hint="Choose another HOST:PORT, or end what uses it.",
        ) from None
    bound.setblocking(False)
    return bound


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if bound.family == socket.AF_INET6 else f"http://{host}:{port}"
