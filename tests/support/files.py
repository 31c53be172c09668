"""A web server on loopback that serves what a test gives it, and keeps what it was asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

PNG = b"\x89PNG\r\n\x1a\n" + b"not looked at any further"

MOVED = "moved:"
"""A body that begins with it makes the answer a redirect to what follows."""


@dataclass
class Files:
    """The running server: its address without a path, and the paths that were asked for, oldest first."""

    url: str
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def files(bodies: Mapping[str, bytes | str], host: str = "127.0.0.1") -> AsyncIterator[Files]:
    """Serve these bodies by their paths on a free port."""
    served = Files("")

    async def answer(request: web.Request) -> web.Response:
        served.asked.append(request.path)
        body = bodies.get(request.path)
        if body is None:
            return web.Response(status=404)
        if isinstance(body, str) and body.startswith(MOVED):
            return web.Response(status=302, headers={"Location": body.removeprefix(MOVED)})
        return web.Response(body=body if isinstance(body, bytes) else body.encode())

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        served.url = f"http://{host}:{port}"
        yield served
    finally:
        await runner.cleanup()
