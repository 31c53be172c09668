"""The connections to model servers, and what their faults are called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx2
import pytest

from framework.agent.models.transport import model_client

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[str]:
    """A server that answers each request in this way."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await answer(reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}/"


def client(seconds: float = 5) -> httpx2.AsyncClient:
    return model_client(httpx2.Timeout(seconds))


async def test_an_answer_comes_with_its_head_and_its_body() -> None:
    ports = set()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername")[1])
        writer.write(b"HTTP/1.1 429 Slow down\r\nretry-after: 7\r\ncontent-length: 5\r\n\r\nlater")

    async with server(answer) as url, client() as session:
        for _ in range(2):
            response = await session.get(url)
            assert (response.status_code, response.headers["retry-after"], response.text) == (429, "7", "later")
    assert len(ports) == 1  # a connection is used again


async def test_nobody_there_is_no_connection() -> None:
    async with server(lambda *_: asyncio.sleep(0)) as url:
        pass
    async with client() as session:
        with pytest.raises(httpx2.ConnectError):
            await session.get(url)


async def test_a_name_that_does_not_exist_is_no_connection() -> None:
    async with client() as session:
        with pytest.raises(httpx2.ConnectError):
            await session.get("http://nobody.invalid/")


async def test_silence_is_a_timeout() -> None:
    async with server(lambda *_: asyncio.sleep(60)) as url, client(0.05) as session:
        with pytest.raises(httpx2.ReadTimeout):
            await session.get(url)


async def test_a_body_that_breaks_off_is_a_fault_of_the_servers() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"he")
        await writer.drain()
        writer.close()

    async with server(answer) as url, client() as session:
        with pytest.raises(httpx2.RemoteProtocolError):
            await session.get(url)


async def test_what_is_not_http_is_a_fault_of_the_servers() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    async with server(answer) as url, client() as session:
        with pytest.raises(httpx2.RemoteProtocolError):
            await session.get(url)


async def test_a_key_with_a_line_break_is_not_sent() -> None:
    sent: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent.append(b"")
        writer.write(HEAD + b"hello")

    async with server(answer) as url, client() as session:
        with pytest.raises(httpx2.LocalProtocolError):
            await session.get(url, headers={"authorization": "Bearer a\r\nx-more: b"})
    assert not sent
