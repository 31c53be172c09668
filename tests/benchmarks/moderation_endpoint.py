"""How fast the endpoint of moderation answers, beside a bare endpoint that only checks the signature:
`python -m tests.benchmarks.moderation_endpoint`.

Both are processes of their own. They are asked in turn, a second each, so that whatever else runs meets both alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import random
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from framework.app.guarding.child import HookProcess
from framework.app.guarding.config import WorkerConfig
from framework.moderation.endpoint.rules import GuardedBot
from framework.net.listener import listen, url_of
from framework.settings import Settings
from tests.benchmarks.moderation import _clean, _made_up

SECRET = "secret-of-thirty-two-characters-or-more"
SECONDS = 10
RATES = (200, 500)
MODEL_ASKED = 500
DEADLINE = 0.7
PATH = "/hooks/before-message-send"

_BARE = """
import asyncio, hashlib, hmac, socket, sys
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from framework.net.http_server import serving

async def hook(request):
    body = await request.body()
    if not hmac.compare_digest(hmac.new(b"SECRET", body, hashlib.sha256).hexdigest(), request.headers["x-signature"]):
        return JSONResponse({}, 401)
    return JSONResponse({})

async def main():
    app = Starlette(routes=[Route("/hooks/before-message-send", hook, methods=["POST"])])
    async with serving(app, socket.socket(fileno=int(sys.argv[1])), name="bare", grace=1):
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""


def _request(text: str, number: int) -> tuple[bytes, dict[str, str]]:
    """A request as the service sends it."""
    user = {"id": f"user-{number % 997}", "role": "user", "created_at": "2025-01-01T00:00:00Z"}
    message = {"id": f"m-{number}-{random.random()}", "text": text, "html": f"<p>{text}</p>", "type": "regular"}
    now = datetime.now(UTC).isoformat()
    whole = {**message, "user": user, "attachments": [], "mentioned_users": [], "created_at": now}
    channel = {"cid": f"messaging:room-{number % 50}", "type": "messaging", "config": {"name": "messaging"}}
    body = json.dumps({"message": whole, "user": user, "channel": channel, "request_info": {"type": "client"}}).encode()
    return body, {"X-Signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}


async def _ask(http: aiohttp.ClientSession, url: str, request: tuple[bytes, dict[str, str]], took: list[float]) -> None:
    began = time.perf_counter()
    async with http.post(url, data=request[0], headers=request[1]) as answer:
        await answer.read()
        assert answer.status == 200
    took.append(time.perf_counter() - began)


async def _second(http: aiohttp.ClientSession, url: str, rate: int, texts: list[str], took: list[float]) -> None:
    """Ask so often in one second, at even distances."""
    requests = [_request(random.choice(texts), number) for number in range(rate)]
    begun, going = time.perf_counter(), []
    for number, request in enumerate(requests):
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        going.append(asyncio.create_task(_ask(http, url, request, took)))
    await asyncio.gather(*going)


@contextlib.asynccontextmanager
async def _bare() -> AsyncIterator[str]:
    bound = listen("127.0.0.1:0", what="The bare endpoint cannot be served", variable="-")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _BARE.replace("SECRET", SECRET), str(bound.fileno())),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        pass_fds=(bound.fileno(),),
    )
    assert child.stdout is not None
    await child.stdout.readline()
    try:
        yield url_of(bound) + PATH
    finally:
        child.kill()
        await child.wait()


@contextlib.asynccontextmanager
async def _ours(data: Path, rules: str, **settings: Any) -> AsyncIterator[str]:
    (data / "bot").mkdir(exist_ok=True)
    (data / "bot" / "moderation.yaml").write_text(rules, encoding="utf-8")
    (data / "bot" / "bot.yaml").write_text("identity: {user_id: a-bot}\nchannels: ['messaging:*']\n", encoding="utf-8")
    bound: socket.socket = listen("127.0.0.1:0", what="The endpoint cannot be served", variable="-")
    made = Settings(stream_api_key="key", stream_api_secret=SecretStr(SECRET), data=data, log_level="error", **settings)
    config = WorkerConfig(made, [GuardedBot("bot", data / "bot", ("messaging:*",))], DEADLINE, bound.fileno())
    process = HookProcess(config, bound, lambda word, detail: None)
    await process.start()
    try:
        yield url_of(bound) + PATH
    finally:
        await process.stop()
        bound.close()


async def speed() -> None:
    """Compare the endpoints at each rate."""
    draw = random.Random(3)
    words = "\n".join(_made_up(draw, 10_000))
    texts = [text for text in _clean() if len(text) < 200]
    rules = "rules:\n  - {name: words, when: {words: words.txt}, do: reject}\n"
    rules += "  - {name: spam, when: {domains: [spam-domain.example]}, do: reject}\n"
    rules += "  - {name: data, when: {personal_data: [card, iban, phone]}, do: mask}\n"
    rules += "  - {name: flood, when: {messages: 50, within: 10s}, do: reject}\n"
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        (data / "bot").mkdir()
        (data / "bot" / "words.txt").write_text(words, encoding="utf-8")
        async with _bare() as bare, _ours(data, rules) as ours, aiohttp.ClientSession() as http:
            for url in (bare, ours):
                await _second(http, url, 100, texts, [])
            for rate in RATES:
                took: dict[str, list[float]] = {bare: [], ours: []}
                for _ in range(SECONDS):
                    for url, times in took.items():
                        await _second(http, url, rate, texts, times)
                load = os.getloadavg()[0]
                print(f"{rate} a second: bare {_shown(took[bare])}; ours {_shown(took[ours])}; load {load:.1f}")


async def model() -> None:
    """Ask while the model is down, hangs, or answers garbage: by the deadline every request is answered."""
    rules = "judge: {by: openai, within: 0.6s}\nrules:\n  - {name: hate, when: {model: hate}, do: flag, late: allow}\n"

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)
        writer.close()

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\n{garbag")
        await writer.drain()
        writer.close()

    for name, answer in (("down", None), ("slow", hang), ("garbage", garbage)):
        server = await asyncio.start_server(answer or hang, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        if answer is None:
            server.close()
        with tempfile.TemporaryDirectory() as folder:
            keys = {"openai_api_key": SecretStr("key"), "openai_base_url": f"http://127.0.0.1:{port}/v1"}
            async with _ours(Path(folder), rules, **keys) as url, aiohttp.ClientSession() as http:
                await asyncio.sleep(15)  # until the model's library is there
                took: list[float] = []
                for _ in range(MODEL_ASKED // 50):
                    await _second(http, url, 50, [f"hello {random.random()}" for _ in range(200)], took)
        server.close()
        in_time = sum(one <= DEADLINE + 0.02 for one in took)
        print(f"model {name}: {in_time} of {len(took)} answered in {DEADLINE + 0.02:.2f} s, {_shown(took)}")


def _shown(took: list[float]) -> str:
    ordered = sorted(took)
    return f"p50 {statistics.median(took) * 1000:.1f} ms, p99 {ordered[int(len(ordered) * 0.99)] * 1000:.1f} ms"


def main() -> None:
    """Print the figures."""
    asyncio.run(speed())
    asyncio.run(model())


if __name__ == "__main__":
    main()
