"""Addresses of pictures are strangers' words: they lead nobody to a private server, and no model gets an address."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from framework.addresses import is_public
from framework.agent.conversation import Utterance
from framework.agent.prompt.pictures import ALL_BYTES, BYTES, MOST, Picture, Pictures
from framework.net.guarded import FetchError, fetch
from tests.support.files import MOVED, PNG, files

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "192.0.0.8", "198.18.0.1", "240.0.0.1", "::", "::1", "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe", "::7f00:1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::",
    "2001:0:0:0:0:0:80ff:fffe", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "name",
    "168.63.129.16", "::ffff:168.63.129.16", "3fff::1", "3fff:fff::1", "2a00:1450::5efe:10.0.0.1",
    "2a00:1450::200:5efe:a9fe:a9fe", "fe80::5efe:127.0.0.1", "64:ff9b::a83f:8110", "2002:a83f:8110::",
]  # fmt: skip


def saying(*urls: str) -> list[Utterance]:
    return [Utterance("user", "See", "Eve", images=(url,)) for url in urls]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_none(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2a00:1450:4001:80b::200e", "::ffff:8.8.8.8", "64:ff9b::808:808", "2a00:1450::5efe:8.8.8.8"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "0", "0.0.0.0",
        "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "LOCALHOST", "127.0.0.1.", "user@127.0.0.1",
        "example.com@127.0.0.1", "127。0。0。1", "①②⑦.0.0.1",
    ],
)  # fmt: skip
async def test_no_way_to_write_loopback_connects(host: str) -> None:
    async with files({"/p.png": PNG}) as server:
        port = server.url.rpartition(":")[2]
        with pytest.raises(FetchError):
            await fetch(f"http://{host}:{port}/p.png", most=BYTES, seconds=5)
        assert server.asked == []
        # the honest address beside it: the one that the operator set
        assert await fetch(f"{server.url}/p.png", most=BYTES, seconds=5, near=lambda _: True) == PNG


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["169.254.169.254"], ["::ffff:127.0.0.1"], ["10.0.0.1", "::1"]])
async def test_a_name_that_resolves_to_a_private_address_is_resolved_once_and_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, addresses: Sequence[str]
) -> None:
    async with files({"/p.png": PNG}) as server:
        port = int(server.url.rpartition(":")[2])
        asked: list[str] = []

        async def resolve(_: Any, host: str, *__: Any, **___: Any) -> list[tuple[Any, ...]]:
            asked.append(host)
            return [
                (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, port, 0, 0))
                if ":" in one
                else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
                for one in addresses
            ]

        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolve)
        with pytest.raises(FetchError):
            await fetch(f"http://rebound.example:{port}/p.png", most=BYTES, seconds=5)
        assert asked == ["rebound.example"]
        assert server.asked == []


async def test_a_redirect_leads_nowhere_that_was_not_declared() -> None:
    async with files({"/secret.png": PNG}) as private:
        port = private.url.rpartition(":")[2]
        moves: dict[str, bytes | str] = {
            "/a.png": f"{MOVED}{private.url}/secret.png",
            "/b.png": f"{MOVED}//127.0.0.1:{port}/secret.png",
            "/c.png": f"{MOVED}http://[::ffff:127.0.0.1]:{port}/secret.png",
            "/d.png": f"{MOVED}file:///etc/passwd",
            "/e.png": f"{MOVED}http://localhost:{port}/secret.png",
            "/f.png": f"{MOVED}/f.png",
            "/g.png": f"{MOVED}/honest.png",
            "/honest.png": PNG,
        }
        async with files(moves) as own:
            for names in ((), ("*",)):
                seen = await Pictures(names, [own.url]).of(saying(*(own.url + path for path in moves)))
                assert set(seen) <= {f"{own.url}/g.png", f"{own.url}/honest.png"}
                last = await Pictures(names, [own.url]).of(saying(f"{own.url}/g.png", f"{own.url}/honest.png"))
                assert len(last) == 2
        assert private.asked == []


async def test_only_the_servers_that_are_declared_are_asked() -> None:
    async with files({"/p.png": PNG}) as other, files({"/p.png": PNG}) as own:
        port = own.url.rpartition(":")[2]
        hostile = (
            f"{other.url}/p.png", f"http://user@127.0.0.1:{port}/p.png", "file:///etc/passwd", "ftp://127.0.0.1/p.png",
            "data:image/png;base64,AAAA", f"{own.url}.evil.example/p.png", f"{own.url}@evil.example/p.png", "", "http://",
        )  # fmt: skip
        for one in hostile:
            assert await Pictures(["stream-io-cdn.com"], [own.url]).of(saying(one)) == {}
            assert await Pictures(["*"], [own.url]).of(saying(one)) == {}
        assert (other.asked, own.asked) == ([], [])
        seen = await Pictures([], [own.url]).of(saying(f"{own.url}/p.png"))
    assert seen == {f"{own.url}/p.png": Picture("image/png", base64.b64encode(PNG).decode())}


async def test_what_is_no_picture_or_too_large_is_not_handed_on() -> None:
    bodies: dict[str, bytes | str] = {
        "/page.png": "<svg onload=alert(1)>",
        "/none.png": b"",
        "/short.webp": b"RIFF",
        "/large.png": PNG + bytes(BYTES),
        "/fits.gif": b"GIF89a" + bytes(100),
        "/fits.webp": b"RIFF\0\0\0\0WEBP",
        "/fits.jpg": b"\xff\xd8\xff\xe0",
    }
    async with files(bodies) as own:
        reader = Pictures([], [own.url])
        seen: dict[str, Picture] = {}
        for path in bodies:
            seen |= await reader.of(saying(own.url + path))
    assert {url.rpartition("/")[2]: one.media_type for url, one in seen.items()} == {
        "fits.gif": "image/gif", "fits.webp": "image/webp", "fits.jpg": "image/jpeg",
    }  # fmt: skip


async def test_the_newest_pictures_are_read_once_and_bounded_together() -> None:
    body = PNG + bytes(BYTES - 1_000)
    async with files({f"/{n}.png": body for n in range(20)}) as own:
        said = saying(*(f"{own.url}/{n}.png" for n in range(20)))
        seen = await Pictures([], [own.url]).of([*said, said[-1]])
        assert sorted(own.asked) == sorted(f"/{n}.png" for n in range(20 - MOST, 20))
    assert list(seen) == [f"{own.url}/19.png", f"{own.url}/18.png"]
    assert sum(len(base64.b64decode(one.base64)) for one in seen.values()) <= ALL_BYTES


async def test_a_server_that_never_ends_is_left() -> None:
    left = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + PNG)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(stall, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FetchError, match="within"):
            await fetch(f"http://127.0.0.1:{port}/", most=BYTES, seconds=0.3, near=lambda _: True)
        await asyncio.wait_for(left.wait(), 30)
