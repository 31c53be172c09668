"""An HTTP server inside the caller's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import uvicorn

from framework.errors import SettingsError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

KEEP_ALIVE_SECONDS = 75
ACCEPTING_SECONDS = 0.05


class TakenError(SettingsError):
    """The address cannot be listened at: another program does, or it is not this machine's."""


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
async def serving(
    app: ASGIApp, bound: socket.socket, *, name: str, grace: int, http: type[asyncio.Protocol] | None = None
) -> AsyncIterator[None]:
    """Serve an app at a socket of `listen` while the block runs. At the end, requests in progress have `grace` seconds.

    `name` is for the log of a server that fails. `http`: another protocol than uvicorn's own.
    """
    config = uvicorn.Config(
        app,
        http=http or "auto",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]), name=name)
    try:
        while not server.started:
            if task.done():
                await task
                raise SettingsError(f"The {name} ended before it was ready.")
            await asyncio.sleep(0.005)
        yield
    finally:
        server.stop()
        await task


def listen(where: str, *, what: str, variable: str) -> socket.socket:
    """Return a socket that listens at HOST:PORT. `what` cannot be done, and `variable` is to be set, if it fails.

    Raises TakenError.
    """
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
        raise TakenError(
            f"{what} at {where}: {error.strerror}.",
            where=variable,
            hint="Choose another HOST:PORT, or end what uses it.",
        ) from None
    bound.setblocking(False)
    return bound


def url_of(bound: socket.socket) -> str:
    """Return the address of a socket that listens: `http://127.0.0.1:8080`."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if bound.family == socket.AF_INET6 else f"http://{host}:{port}"
