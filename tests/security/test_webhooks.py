"""What anybody who reaches the webhook's address can do: nothing that another delivery would notice."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import hmac
import io
import json
import threading
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from framework.settings import Settings
from framework.stream.model import Event
from framework.stream.sources import connections, delivery, signed
from framework.stream.sources.webhook_server import webhook_server
from tests.support.waiting import until

SECRET = "a-secret-of-thirty-two-characters-or-more"
PATH = "/webhooks/stream"
HEAD = b"POST /webhooks/stream HTTP/1.1\r\nHost: bot\r\nX-Signature: " + b"0" * 64 + b"\r\n"
EMPTY_MEMBERS = gzip.compress(b"", mtime=0) * 104_857
BOMB = gzip.compress(b" " * 64 * 1024 * 1024)


class Served:
    """A webhook at an address of its own, and what it took over."""

    def __init__(self, address: str, http: aiohttp.ClientSession, taken: list[Event]) -> None:
        self.port = int(address.rpartition(":")[2])
        self.taken = taken
        self._url = address + PATH
        self._http = http

    async def deliver(self, id_: str, *, packed: bool = False) -> int:
        """Post an event as the service does."""
        message = {"id": id_, "text": "hello", "cid": "messaging:c", "user": {"id": "ann"}, "type": "regular"}
        now = datetime.now(UTC).isoformat()
        event = {"type": "message.new", "cid": "messaging:c", "message": message, "created_at": now}
        body = json.dumps(event).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return await self.post(gzip.compress(body) if packed else body, signature, id_)

    async def post(self, body: bytes, signature: str, id_: str = "") -> int:
        """Post what anybody may. 0 if the connection was closed before the body was sent."""
        headers = {"X-Signature": signature, "X-Webhook-Id": id_}
        try:
            async with self._http.post(self._url, data=io.BytesIO(body), headers=headers) as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    settings = Settings(webhook="127.0.0.1:0", stream_api_key="key", stream_api_secret=SECRET)
    taken: list[Event] = []

    async def take(event: Event) -> None:
        taken.append(event)

    async with (
        webhook_server(settings, inbox=take, ready=lambda: True) as address,
        aiohttp.ClientSession() as http,
    ):
        assert address is not None
        yield Served(address, http, taken)


@contextlib.asynccontextmanager
async def strangers(port: int, number: int, sent: bytes) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many connections that send this, and then nothing."""
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(number)]
    try:
        for _, writer in opened:
            writer.write(sent)
        yield [reader for reader, _ in opened]
    finally:
        for _, writer in opened:
            writer.transport.abort()


@pytest.mark.parametrize(
    "kind", ["nothing", "half a header", "headers alone", "a byte of the body", "no end of headers"]
)
async def test_connections_that_send_no_more_keep_no_delivery_out(
    served: Served, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 100)
    sent = {
        "nothing": b"",
        "half a header": HEAD[:40],
        "headers alone": HEAD + b"Content-Length: 1000\r\n\r\n",
        "a byte of the body": HEAD + b"Content-Length: 1000\r\n\r\n{",
        "no end of headers": HEAD + b"X-More: y\r\n" * 2_000,
    }[kind]
    async with strangers(served.port, 300, sent):
        for n in range(20):
            assert await served.deliver(f"{kind} {n}", packed=n % 2 == 1) == 200
    assert len(served.taken) == 20


async def test_headers_that_never_end_are_not_kept(served: Served) -> None:
    async with strangers(served.port, 1, HEAD + b"X-More: y\r\n" * 20_000) as (reader,):
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
    assert await served.deliver("after") == 200


async def test_headers_that_do_not_come_are_not_waited_for(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.01)
    async with strangers(served.port, 3, HEAD) as readers:
        for reader in readers:
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""


@pytest.mark.parametrize("signature", ["", "0" * 64], ids=["unsigned", "zeros"])
@pytest.mark.parametrize(
    "body", [EMPTY_MEMBERS, BOMB, gzip.compress(b"[" * 500_000)], ids=["members", "bomb", "nested"]
)
async def test_a_body_that_is_made_to_be_dear_is_cheap(served: Served, body: bytes, signature: str) -> None:
    before = time.process_time()
    told = [await served.post(body, signature) for _ in range(5)]
    assert set(told) <= {0, 400, 401, 413}
    assert (time.process_time() - before) / 5 < 0.2
    assert await served.deliver("after", packed=True) == 200


@pytest.mark.parametrize("size", [1_000, 100_000, delivery.MOST_UNPACKED])
def test_unpacking_takes_a_time_that_grows_as_the_body_does(size: int) -> None:
    body = gzip.compress(b" " * size)
    before = time.process_time()
    with contextlib.suppress(delivery.UnreadableEventError):
        delivery.unpack(body + EMPTY_MEMBERS)
    with contextlib.suppress(delivery.UnreadableEventError):
        delivery.unpack(body)
    assert time.process_time() - before < 0.2


async def test_unpacking_holds_no_other_delivery_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may = threading.Event(), threading.Event()

    def slowly(body: bytes) -> bytes:
        if body == BOMB:
            begun.set()
            may.wait()
        return delivery.unpack(body)

    monkeypatch.setattr(signed, "unpack", slowly)
    bombs = [asyncio.create_task(served.post(BOMB, "0" * 64)) for _ in range(10)]
    try:
        await until(begun.is_set)
        assert await served.deliver("meanwhile") == 200
        assert not any(bomb.done() for bomb in bombs)
    finally:
        may.set()
    assert {await bomb for bomb in bombs} == {413}


async def test_strangers_hear_of_no_queue_and_no_address(served: Served) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{served.port}/readyz") as answer:
        told: dict[str, Any] = await answer.json()
    assert told == {"status": "ready"}
