"""An HTTP server inside the caller's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvicorn

from framework.errors import SettingsError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

KEEP_ALIVE_SECONDS = 75
ACCEPTING_SECONDS = 0.05


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
