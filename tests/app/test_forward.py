"""What the endpoint's process passes on to the bots, and what it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from starlette.applications import Starlette
from starlette.routing import Route

from framework.app.guarding.forward import Forward
from tests.support.files import MOVED, files


@asynccontextmanager
async def forwarding(to: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an endpoint that passes everything on to this address."""
    forward = Forward(to)
    app = Starlette(routes=[Route("/{path:path}", forward.receive, methods=["GET", "POST"])])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://endpoint") as client:
        yield client
    await forward.close()


async def test_an_answer_is_passed_back_with_its_status() -> None:
    async with files({"/hooks": b"heard"}) as bots, forwarding(bots.url) as client:
        answer = await client.post("/hooks", content=b"{}", headers={"X-Signature": "signed"})
        assert (answer.status_code, answer.content) == (200, b"heard")
        assert (await client.post("/elsewhere", content=b"{}")).status_code == 404


async def test_a_redirect_carries_no_request_to_another_server() -> None:
    """The request holds words that were signed for this app."""
    async with files({"/taken": b"{}"}) as stranger, files({"/hooks": f"{MOVED}{stranger.url}/taken"}) as bots:
        async with forwarding(bots.url) as client:
            answer = await client.post("/hooks", content=b'{"text": "private"}', headers={"X-Signature": "signed"})
        assert answer.status_code == 302
        assert stranger.asked == []


async def test_bots_that_do_not_answer_and_no_bots_are_told_apart() -> None:
    async with files({}) as gone:
        url = gone.url
    async with forwarding(url) as client:
        assert (await client.post("/hooks", content=b"{}")).status_code == 503
    async with forwarding("") as client:
        assert (await client.post("/hooks", content=b"{}")).status_code == 404
