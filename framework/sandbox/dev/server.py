"""Serving the sandbox on an address until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from framework.sandbox.dev.app import create_app, create_sandbox
from framework.sandbox.kernel.errors import SandboxStartError
from framework.sandbox.kernel.http.dispatch import unreadable

if TYPE_CHECKING:
    from types import FrameType

    from websockets.http11 import Request as HandshakeRequest

    from framework.sandbox.kernel.clock import Clock
    from framework.sandbox.kernel.config import SandboxConfig
    from framework.sandbox.kernel.sandbox import Sandbox

GRACE_S = 1.0
"""How long calls under way may take to finish when the server stops."""
MAX_FRAME = 1024 * 1024
"""Bytes of one WebSocket message: clients send nothing but pings. A larger one closes the connection with 1009."""
KEEP_ALIVE_S = 75
"""Longer than clients keep idle connections (the SDKs: 59 s), or a call may meet one that is just being closed."""


@dataclass(frozen=True)
class Running:
    """A server that accepts connections."""

    url: str
    config: SandboxConfig
    sandbox: Sandbox


class _HttpProtocol(HttpToolsProtocol):
    """Lends the app what ASGI has no word for: `sandbox.abort` cuts the connection, for faults."""

    def on_message_begin(self) -> None:
        """Offer `sandbox.abort` to the app."""
        super().on_message_begin()
        self.scope["extensions"] = {"sandbox.abort": self.transport.abort}  # type: ignore[dict-item]  # uvicorn's type names only ASGI's own extensions

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read as a request in Stream's shape, too."""
        self.transport.write(unreadable())
        self.transport.close()


class _WebSocketProtocol(WebSocketsSansIOProtocol):
    """Lends the app the same for WebSockets, for faults and for clients that are too slow."""

    def handle_connect(self, event: HandshakeRequest) -> None:
        """Offer `sandbox.abort` to the app: its task has not started yet."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            self.scope["extensions"]["sandbox.abort"] = self.transport.abort  # type: ignore[assignment]  # uvicorn's type names only ASGI's own


class _Server(uvicorn.Server):
    """uvicorn's server. Signals are left to its caller, and WebSockets are closed with 1001, not with uvicorn's 1012.

    `ticking` is whether it wakes up ten times a second, to tell the machine's date in its answers.
    """

    def __init__(self, config: uvicorn.Config, sandbox: Sandbox, *, ticking: bool) -> None:
        super().__init__(config)
        self._sandbox = sandbox
        self._ticking = ticking
        self.ready = asyncio.Event()
        self._told = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no handlers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and say so."""
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Wait until `stop`."""
        if self._ticking:
            await super().main_loop()
        else:
            await self._told.wait()

    def stop(self) -> None:
        """Let `serve` end."""
        self.should_exit = True
        self._told.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say goodbye to the WebSockets, then stop as uvicorn does."""
        for connection in self._sandbox.hub.connections():
            connection.close()
        for _ in range(50):
            if not self._sandbox.hub.connections():
                break
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)


async def serve(config: SandboxConfig, *, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; prints one line when connections are accepted, after `ready` was told the URL.

    Raises SandboxStartError when the port is taken or the data file cannot be used.
    """
    stop = asyncio.Event()
    with _told_to_stop(stop):
        async with serving(config) as running:
            if ready is not None:
                ready(running.url)
            print(f"sandbox ready {running.url}", flush=True)  # noqa: T201 - the contract of the command
            await stop.wait()


def run(config: SandboxConfig, *, ready: Callable[[str], None] | None = None) -> None:
    """`serve` in an event loop of its own, the fast one where the platform has it."""
    factory = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    # The store lives as long as the process: looking through all of it for garbage, again and again as it grows, took a
    # quarter of the time under load.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(config, ready=ready))


@contextmanager
def _told_to_stop(stop: asyncio.Event) -> Iterator[None]:
    """Set `stop` at SIGTERM and SIGINT. uvicorn's own handlers would end the process by the signal, like a crash."""
    loop = asyncio.get_running_loop()

    def handle(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@asynccontextmanager
async def serving(config: SandboxConfig) -> AsyncIterator[Running]:
    """A server in the caller's own event loop, for as long as the block lasts. Installs no signal handlers."""
    async with _running(config) as running:
        yield running


@asynccontextmanager
async def beside(config: SandboxConfig, clock: Clock) -> AsyncIterator[Running]:
    """The same on a clock of the caller's, without a heartbeat of the server's own and without the machine's date in
    its answers: for a loop whose time is virtual.
    """
    async with _running(config, clock) as running:
        yield running


@asynccontextmanager
async def _running(config: SandboxConfig, clock: Clock | None = None) -> AsyncIterator[Running]:
    bound = _bind(config)
    try:
        config = replace(config, port=bound.getsockname()[1])
        sandbox = create_sandbox(config, clock=clock)
    except BaseException:
        bound.close()
        raise
    app = create_app(config, sandbox)
    settings = uvicorn.Config(
        app,
        http=_HttpProtocol,
        ws=_WebSocketProtocol,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        ws_max_size=MAX_FRAME,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=int(GRACE_S),
        timeout_keep_alive=KEEP_ALIVE_S,
        server_header=False,
        date_header=clock is None,
    )
    server = _Server(settings, sandbox, ticking=clock is None)
    host = f"[{config.host}]" if ":" in config.host else config.host
    serving_task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        await _started(server, serving_task)
        yield Running(f"http://{host}:{config.port}", config, sandbox)
    finally:
        server.stop()
        await serving_task
        bound.close()
        sandbox.scheduler.stop()
        await sandbox.webhooks.close()
        await sandbox.store.close()


async def _started(server: _Server, task: asyncio.Task[None]) -> None:
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
    if not server.ready.is_set():
        ready.cancel()
        await task
        raise SandboxStartError("the sandbox stopped before it was ready")


def _bind(config: SandboxConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off; without, each answer waits 40 ms for an ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((config.host, config.port))
    except OSError as error:
        bound.close()
        raise SandboxStartError(
            f"the sandbox cannot listen on {config.host}:{config.port}: {error.strerror}",
            hint="Choose another address with --host and --port; --port 0 takes a free one.",
        ) from error
    bound.setblocking(False)
    return bound
