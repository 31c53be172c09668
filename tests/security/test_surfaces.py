"""What strangers reach over the network: pages in a developer's browser, names that lead here, addresses to fetch."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import jwt
import pytest
from aiohttp import web

from framework.addresses import is_public
from framework.sandbox.dev.server import Running, serving
from framework.sandbox.kernel.config import SandboxConfig
from tests.sandbox.conftest import World, frame, world

__all__ = ["world"]
FOREIGN = (
    "https://evil.example",
    "http://evil.example:8830",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://127.0.0.1@evil.example",
    "http://93.184.216.34",
    "http://[::ffff:93.184.216.34]",
    "null",
    "",
    "http://[",
)


@asynccontextmanager
async def server(**options: object) -> AsyncIterator[tuple[Running, aiohttp.ClientSession]]:
    """A sandbox as compose starts it, on all addresses; `url` leads to it by this machine's."""
    config = SandboxConfig(host="0.0.0.0", port=0, development_tokens=True, **options)  # type: ignore[arg-type]
    async with serving(config) as running, aiohttp.ClientSession(f"http://127.0.0.1:{running.config.port}") as http:
        yield running, http


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_page_of_another_site_calls_nothing(world: World, origin: str) -> None:
    await world.server.upsert_user({"id": "alice"})
    key = {"api_key": world.running.api_key}
    headers = {"Origin": origin, "Authorization": world.person("alice").token, "stream-auth-type": "jwt"}
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Private-Network": "true",
    }
    async with world.http.options(world.running.url + "/guest", headers=asked) as answer:
        assert answer.status == 403
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    guest = {"user": {"id": "ada"}}
    for method, path, body in (("POST", "/guest", guest), ("GET", "/app", None), ("POST", "/channels", {})):
        async with world.http.request(
            method, world.running.url + path, params=key, headers=headers, json=body
        ) as answer:
            assert (answer.status, (await answer.json())["code"]) == (403, 17), path
            assert "access-control-allow-origin" not in answer.headers
    assert (await world.server.query_users({"role": "guest"}))["users"] == []
    params = key | {"authorization": headers["Authorization"], "stream-auth-type": "jwt"}
    params |= {"json": json.dumps({"user_id": "alice"})}
    page = await world.http.ws_connect(world.running.url + "/connect", params=params, headers={"Origin": origin})
    assert (await frame(page))["type"] == "connection.error"


async def test_a_name_that_was_made_to_lead_here_gets_no_token_also_with_development_tokens() -> None:
    async with server() as (running, http):
        port = running.config.port
        for host in (f"evil.example:{port}", "evil.example", f"localhost.evil.example:{port}", "sandbox:8830", ""):
            for origin in ({}, {"Origin": f"http://{host}"}):
                for method, path in (("POST", "/sandbox/token"), ("GET", "/sandbox/log"), ("GET", "/sandbox/faults")):
                    async with http.request(
                        method, path, json={"user_id": "teammate"}, headers={"Host": host, **origin}
                    ) as answer:
                        assert answer.status == 403, (host, path)
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"192.0.2.7:{port}"):
            async with http.post(
                "/sandbox/token", json={"user_id": "ada"}, headers={"Host": host, "Origin": f"http://{host}"}
            ) as answer:
                assert answer.status == 200, host


async def test_an_allowed_name_is_known_and_its_pages_may_call() -> None:
    async with server(allowed_hosts=frozenset({"sandbox"})) as (_, http):
        async with http.post("/sandbox/token", json={"user_id": "ada"}, headers={"Host": "sandbox:8830"}) as answer:
            assert answer.status == 200
        async with http.get("/app", headers={"Origin": "http://sandbox:3000"}) as answer:
            assert answer.headers["access-control-allow-origin"] == "http://sandbox:3000"
        async with http.post("/sandbox/token", json={"user_id": "ada"}, headers={"Host": "sandbox.evil"}) as answer:
            assert answer.status == 403


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_each_sandbox_makes_up_its_secret() -> None:
    assert SandboxConfig().api_secret != SandboxConfig().api_secret
    assert len(SandboxConfig().api_secret) >= 32
    async with server() as (running, http):
        for guess in ("x", "secret", "only-for-this-machine", "sandbox-secret-for-local-development-only"):
            token = jwt.encode({"server": True}, guess, algorithm="HS256")
            headers = {"Authorization": token, "stream-auth-type": "jwt"}
            async with http.get("/app", params={"api_key": running.config.api_key}, headers=headers) as answer:
                assert answer.status == 401


PAGES = ("/", "/playground/app.js", "/playground/index.html", "/playground/style.css")


@pytest.mark.parametrize("path", PAGES)
async def test_the_playground_stands_in_no_frame(world: World, path: str) -> None:
    async with world.http.get(world.running.url + path) as answer:
        assert answer.status == 200
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("224.0.1.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
    ],
)
def test_what_is_a_public_address(address: str, public: bool) -> None:
    assert is_public(address) is public


@asynccontextmanager
async def inner_service() -> AsyncIterator[tuple[int, list[str]]]:
    """A service on this machine that nobody outside may read; notes who asked."""
    asked: list[str] = []

    async def page(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/away":
            raise web.HTTPFound(request.query["to"])
        return web.Response(text="<title>4711</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/{tail:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    listening = site._server.sockets[0]  # type: ignore[union-attr]
    try:
        yield listening.getsockname()[1], asked
    finally:
        await runner.cleanup()


def inner_addresses(port: int) -> list[str]:
    hosts = ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127.1", "2130706433"]
    hosts += ["0x7f000001", "0177.0.0.1", "example.com@127.0.0.1", "user:pass@localhost", "127.0.0.1.", "[::]"]
    return [f"http://{host}:{port}/" for host in hosts]


async def test_a_preview_never_reaches_this_machine_or_its_network(world: World) -> None:
    await world.server.upsert_user({"id": "eve"})
    async with inner_service() as (port, asked):
        for url in inner_addresses(port):
            status, said = await world.person("eve").call("GET", "/og", url=url)
            assert (status, said["code"]) == (400, 4), url
            assert "4711" not in json.dumps(said)
        assert asked == []
        # What is the app's own, on a server that only this machine reaches, is read as before.
        preview = await world.server.get("og", params={"url": f"http://127.0.0.1:{port}/"})
        assert preview["title"] == "4711"


async def test_a_redirect_does_not_lead_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address counts as public here; what it redirects to is judged when it is connected to."""
    async with inner_service() as (port, asked), server() as (running, http):
        outer = socket.gethostbyname("localhost")
        real = is_public
        monkeypatch.setattr(
            "framework.sandbox.features.previews.is_public",
            lambda address: (address == outer and not asked) or real(address),
        )
        token = running.sandbox.auth.token_for("eve")
        for url in inner_addresses(port):
            asked.clear()
            params = {"api_key": running.config.api_key, "url": f"http://{outer}:{port}/away?to={url}"}
            headers = {"Authorization": token, "stream-auth-type": "jwt"}
            async with http.get("/og", params=params, headers=headers) as answer:
                text = await answer.text()
                assert (answer.status, "4711" in text) == (400, False), url
            assert asked == ["/away"], url
