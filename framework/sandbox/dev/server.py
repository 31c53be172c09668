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
from functools import partial
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
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
    server: uvicorn.Server


class _DirectProtocol(HttpToolsProtocol):
    """Lends the app what ASGI has no word for: to cut a connection, for faults, and to answer in one write."""

    def on_message_begin(self) -> None:
        """Offer `sandbox.abort` to the app."""
        super().on_message_begin()
        self.scope["extensions"] = {"sandbox.abort": self.transport.abort}  # type: ignore[dict-item]  # uvicorn's type names only ASGI's own extensions

    def on_headers_complete(self) -> None:
        """Offer `sandbox.respond` to the app: its task has not started yet."""
        super().on_headers_complete()
        # A request that becomes a WebSocket has no cycle, whatever uvicorn's type says.
        if getattr(self.cycle, "scope", None) is self.scope:
            self.scope["extensions"]["sandbox.respond"] = partial(_respond, self.cycle)

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read as a request in Stream's shape, too."""
        self.transport.write(unreadable())
        self.transport.close()


def _respond(cycle: RequestResponseCycle, head: bytes, body: bytes) -> bool:
    """Write a whole answer at once: half the writes, and no checks of headers that are constants here.

    False where it must go the long way, because the client is slow to read.
    """
    if cycle.flow.write_paused:
        return False
    if cycle.disconnected:
        return True
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    given = b"".join(b"%b: %b\r\n" % header for header in cycle.default_headers)
    close = b"" if cycle.keep_alive else b"connection: close\r\n"
    cycle.transport.write(b"%b%b%b\r\n%b" % (head, given, close, body))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


class _LinkedProtocol(WebSocketsSansIOProtocol):
    """Lends the app the wire of a WebSocket: ASGI would frame every event again for each of its receivers."""

    def handle_connect(self, event: HandshakeRequest) -> None:
        """Offer `sandbox.link` to the app."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            self.scope["extensions"]["sandbox.link"] = self  # type: ignore[assignment]  # uvicorn's type names only ASGI's own

    def write(self, frame: bytes) -> None:
        """Send a ready frame."""
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.transport.write(frame)

    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""
        return 0 if self.transport.is_closing() else self.transport.get_write_buffer_size()

    def close(self, code: int) -> None:
        """Send a close frame, tell the app, and wait a while for the client to agree."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
        self.conn.send_close(code)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    def abort(self) -> None:
        """Cut the link without a word."""
        self.transport.abort()


class _Server(uvicorn.Server):
    """uvicorn's server, which closes WebSockets with 1001 itself, before uvicorn would with 1012."""

    def __init__(self, config: uvicorn.Config, sandbox: Sandbox) -> None:
        super().__init__(config)
        self._sandbox = sandbox

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
    async with _prepared(config) as running:
        task = asyncio.create_task(running.server._serve(sockets=[_bound_of(running)]))  # noqa: SLF001 - without signals
        await _started(running, task)
        try:
            yield running
        finally:
            running.server.should_exit = True
            await task


@asynccontextmanager
async def beside(config: SandboxConfig, clock: Clock) -> AsyncIterator[Running]:
    """The same on a clock of the caller's, without a heartbeat of the server's own and without the machine's date in
    its answers: for a loop whose time is virtual.
    """
    async with _prepared(config, clock) as running:
        server, bound = running.server, _bound_of(running)
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup(sockets=[bound])
        try:
            yield running
        finally:
            await server.shutdown(sockets=[bound])


@asynccontextmanager
async def _prepared(config: SandboxConfig, clock: Clock | None = None) -> AsyncIterator[Running]:
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
        http=_DirectProtocol,
        ws=_LinkedProtocol,
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
    )
    server = _Server(settings, sandbox)
    server._bound = bound  # type: ignore[attr-defined]  # noqa: SLF001 - handed on to serve()
    host = f"[{config.host}]" if ":" in config.host else config.host
    try:
        yield Running(f"http://{host}:{config.port}", config, sandbox, server)
    finally:
        bound.close()
        sandbox.scheduler.stop()
        await sandbox.webhooks.close()
        await sandbox.store.close()


def _bound_of(running: Running) -> socket.socket:
    bound: socket.socket = running.server._bound  # type: ignore[attr-defined]  # noqa: SLF001 - set by _prepared
    return bound


async def _started(running: Running, task: asyncio.Task[None]) -> None:
    while not running.server.started:
        if task.done():
            await task
            raise SandboxStartError("the sandbox stopped before it was ready")
        await asyncio.sleep(0.005)


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
