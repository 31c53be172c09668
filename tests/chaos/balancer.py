"""The load balancer before the replicas' webhooks: the next one that takes it; 503 where none does."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from tests.support.replicas import Replica

_PASSED_ON = ("x-signature", "x-api-key", "x-webhook-id", "x-webhook-attempt", "content-type", "content-encoding")
_TRY = aiohttp.ClientTimeout(total=2.0)


@asynccontextmanager
async def balancer(replicas: Sequence[Replica]) -> AsyncIterator[str]:
    """Yields the address to post webhooks to."""
    turns = itertools.count()
    session = aiohttp.ClientSession(timeout=_TRY, auto_decompress=False)

    async def pass_on(request: web.Request) -> web.Response:
        body = await request.read()
        headers = {key: value for key, value in request.headers.items() if key.lower() in _PASSED_ON}
        first = next(turns)
        for number in range(len(replicas)):
            replica = replicas[(first + number) % len(replicas)]
            try:
                url = f"http://127.0.0.1:{replica.webhook}{request.path}"
                async with session.post(url, data=body, headers=headers) as answer:
                    if answer.status < 500:
                        return web.Response(status=answer.status)
            except (aiohttp.ClientError, OSError, TimeoutError):
                continue
        return web.Response(status=503)

    app = web.Application()
    app.router.add_post("/webhooks/stream", pass_on)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/stream"
    finally:
        await runner.cleanup()
        await session.close()
