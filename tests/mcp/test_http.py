"""The server over streamable HTTP: who gets in, from where, and what each client may do."""

import hashlib
import os
import sys
import time
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import jwt
import pytest
from aiohttp import ClientSession, web
from cryptography.hazmat.primitives.asymmetric import rsa
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.support.mcp import Connected, ToolFailedError, variables
from tests.support.sandbox import RunningSandbox, start_sandbox

TOKEN = "a-bearer-token-of-the-tests"
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with start_sandbox() as running:
        yield running


@asynccontextmanager
async def serving(sandbox: RunningSandbox, data: Path, *options: str, **environment: str) -> AsyncIterator[str]:
    """A server process; yields the address at which clients reach it."""
    child = await create_subprocess_exec(
        *(sys.executable, "-m", "framework", "mcp", "--http", "--port", "0", *options),
        stdout=PIPE,
        stderr=DEVNULL,
        env={**os.environ, **variables(sandbox, data), **environment},
    )
    try:
        assert child.stdout is not None
        line = (await child.stdout.readline()).decode()
        assert line.startswith("mcp ready http://127.0.0.1:"), line
        yield line.split()[-1]
    finally:
        child.terminate()
        await child.wait()


@asynccontextmanager
async def connected(url: str, token: str) -> AsyncIterator[Connected]:
    async with (
        # The library's own limit of five seconds is short for a machine that is busy with other tests.
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=120) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield Connected(client)


async def status(url: str, **headers: str) -> int:
    async with ClientSession() as session, session.post(url, json=HELLO, headers=ACCEPT | headers) as answer:
        return answer.status


async def test_only_who_has_the_token_gets_in_and_only_from_here(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async with serving(sandbox, tmp_path, FRAMEWORK_MCP_TOKEN=TOKEN) as url:
        async with connected(url, TOKEN) as client:
            assert "execute_operation" in await client.tools()
            assert (await client.execute("GetApp"))["app"]
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert await status(url) == 401
        assert await status(url, Authorization="Bearer wrong") == 401
        assert await status(url, Authorization=f"Bearer {hashlib.sha256(TOKEN.encode()).hexdigest()}") == 401
        assert await status(url, **bearer, Origin="https://evil.example") == 403
        assert await status(url, **bearer, Host="evil.example") == 421
        assert await status(url, **bearer, Origin=url.removesuffix("/mcp")) not in {401, 403, 421}


async def test_without_a_token_one_is_made_up_that_only_this_user_can_read(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with serving(sandbox, tmp_path) as url:
        file = tmp_path / "mcp.token"
        assert file.stat().st_mode & 0o777 == 0o600
        async with connected(url, file.read_text().strip()) as client:
            assert (await client.execute("GetApp"))["app"]


async def test_each_client_has_its_policy_and_keeps_its_handles_to_itself(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    config = tmp_path / "mcp.yaml"
    digest = hashlib.sha256(b"token-of-the-writer").hexdigest()
    config.write_text(
        f"clients:\n  writer: {{policy: full, token_sha256: {digest}}}\n"
        "  reader: {policy: read-only, token_env: READER_TOKEN}\n"
    )
    room = {"type": "messaging", "id": "room"}
    options = ("--config", str(config))
    async with (
        serving(sandbox, tmp_path, *options, READER_TOKEN="token-of-the-reader") as url,
        connected(url, "token-of-the-writer") as writer,
        connected(url, "token-of-the-reader") as reader,
    ):
        await writer.execute("UpdateUsers", {"users": {"alice": {"id": "alice"}}})
        await writer.execute("GetOrCreateChannel", {**room, "data": {"created_by_id": "alice"}})
        handle = (await writer.call("issue_user_token", user_id="alice"))["as_user"]
        message = {**room, "message": {"text": "Hi"}}
        await writer.execute("SendMessage", message, as_user=handle)
        with pytest.raises(ToolFailedError, match="not known here"):
            await reader.execute("GetChannelType", {"name": "messaging"}, as_user=handle)
        for call in (
            reader.execute("SendMessage", message, as_user="alice"),
            reader.call("issue_user_token", user_id="alice"),
        ):
            with pytest.raises(ToolFailedError, match="Not allowed"):
                await call
        assert (await reader.execute("GetChannelType", {"name": "messaging"}))["name"] == "messaging"


@asynccontextmanager
async def key_server(key: rsa.RSAPrivateKey) -> AsyncIterator[str]:
    """The part of an OAuth server that publishes its keys."""
    published = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "1", "use": "sig"}

    async def keys(request: web.Request) -> web.Response:
        return web.json_response({"keys": [published]})

    app = web.Application()
    app.router.add_get("/keys", keys)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def test_clients_of_an_oauth_server_get_in_with_its_tokens(sandbox: RunningSandbox, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    async with key_server(key) as issuer:
        config = tmp_path / "mcp.yaml"
        config.write_text(
            "clients:\n  cursor: {policy: read-only, oauth_client: cursor-1}\n"
            f"  boss: {{policy: full, token_sha256: {'f' * 64}}}\n"
            f"oauth:\n  issuer: {issuer}\n  jwks_uri: {issuer}/keys\n  audience: ours\n"
            "  base_url: http://127.0.0.1:8840\n"
        )

        def token(**claims: object) -> str:
            now = int(time.time())
            standard = {"iss": issuer, "aud": "ours", "iat": now, "exp": now + 60, "sub": "someone"}
            return jwt.encode({**standard, **claims}, key, algorithm="RS256", headers={"kid": "1"})

        async with serving(sandbox, tmp_path, "--config", str(config)) as url:
            async with connected(url, token(client_id="cursor-1")) as cursor:
                assert (await cursor.execute("GetApp"))["app"]
                with pytest.raises(ToolFailedError, match="Not allowed"):
                    await cursor.execute("CreateRole", {"name": "x"})
            for client_id in ("boss", "stranger"):
                async with connected(url, token(client_id=client_id)) as stranger:
                    with pytest.raises(ToolFailedError, match="not known here"):
                        await stranger.execute("GetApp")
            for wrong in (token(aud="theirs"), token(exp=1), token(iss="https://evil.example")):
                assert await status(url, Authorization=f"Bearer {wrong}") == 401
            metadata = url.removesuffix("/mcp") + "/.well-known/oauth-protected-resource/mcp"
            async with ClientSession() as session, session.get(metadata) as answer:
                assert issuer in (await answer.json())["authorization_servers"][0]
