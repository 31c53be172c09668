"""Passes requests on to the process of the bots: both listen at one address, and the endpoint's process has it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from framework.stream.sources.bodies import Bodies, RefusedError

if TYPE_CHECKING:
    import aiohttp
    from starlette.requests import Request

SECONDS = 10.0
_OF_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length", "te"})


class Forward:
    """`to` is the address of the other process. Bodies are bounded as those of webhooks are."""

    def __init__(self, to: str) -> None:
        self._to = to
        self._bodies = Bodies()
        self._session: aiohttp.ClientSession | None = None

    async def receive(self, request: Request) -> Response:
        """Pass a request on, and return the answer; 404 if there is nobody to pass it on to, 503 if nobody answers."""
        if not self._to:
            return JSONResponse({"error": "Nothing is here."}, 404)
        try:
            async with self._bodies.place() as place:
                body = await self._bodies.read(request, place)
            return await self._passed_on(request, body)
        except RefusedError as error:
            return JSONResponse({"error": error.what}, error.status, {"connection": "close"})

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def _passed_on(self, request: Request, body: bytes) -> Response:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=False)
        headers = [(name, value) for name, value in request.headers.items() if name not in _OF_CONNECTION]
        query = f"?{request.url.query}" if request.url.query else ""
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._session.request(
                    request.method,
                    f"{self._to}{request.url.path}{query}",
                    headers=headers,
                    data=body,
                    allow_redirects=False,  # it would carry the service's signed words to another server
                ) as answer,
            ):
                kind = answer.headers.get("content-type")
                return Response(await answer.read(), answer.status, media_type=kind)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return JSONResponse({"error": "The bots do not answer. Try again."}, 503, {"connection": "close"})
