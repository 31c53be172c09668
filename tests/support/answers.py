"""A server that answers what a test told it to, whatever is asked: for answers that no good server gives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Answers:
    """The answers still to give, the last one is given for ever. `asked` is METHOD PATH of each call."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    queue: list[tuple[int, str, Mapping[str, str]]] = field(default_factory=list)

    def give(
        self, status: int, body: str = "{}", headers: Mapping[str, str] | None = None, *, kind: str = "application/json"
    ) -> None:
        """Add an answer."""
        self.queue.append((status, body, {"Content-Type": kind, **(headers or {})}))

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        status, body, headers = self.queue.pop(0) if len(self.queue) > 1 else self.queue[0]
        return web.Response(status=status, text=body, headers=headers)


@asynccontextmanager
async def answering() -> AsyncIterator[Answers]:
    """The server, on a free loopback port."""
    answers = Answers()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answers._answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # asyncio's server has sockets
    answers.url = f"http://127.0.0.1:{port}"
    try:
        yield answers
    finally:
        await runner.cleanup()
