"""From a message on the wire to the reply on the wire, with a model that takes no time.

Seen by a watcher of the channel: from the question's event to the event of the first text, and to the final one. Side
by side in one run: the framework, and a bare loop (one WebSocket in, one POST out). Watcher, bot and sandbox are each a
process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import aiohttp
import jwt

from tests.support.process import Process

KEY, SECRET = "benchmark", "benchmark-secret-of-more-than-thirty-two-characters"
QUESTIONS = 200
PAUSE = 0.08
"""Seconds between questions: 1,000 sends a minute are allowed, and waiting for the next one is not what is measured."""
EACH = 8
"""Questions of one person: who asks on and on, faster than people can, is not answered."""
ASKERS = [f"asker-{number}" for number in range(QUESTIONS // EACH + 1)]
BOTS = {"bare loop": "tests.benchmarks.bare_loop", "framework": "tests.benchmarks.instant_bot"}


class Watcher:
    """A person at a channel, who notes when events arrive."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, path: str) -> None:
        self._session = session
        self._socket = socket
        self._path = path

    async def ask(self, asker: str, text: str) -> tuple[float, float]:
        """Post a question; returns the seconds from its event to the first text, and to the final text."""
        own = {"authorization": jwt.encode({"user_id": asker}, SECRET, algorithm="HS256")}
        send = self._session.post(
            f"{self._path}/message", params={"api_key": KEY}, json={"message": {"text": text}}, headers=own
        )
        posting = asyncio.create_task(send)
        asked = first = None
        while True:
            event = json.loads((await self._socket.receive()).data)
            now = time.perf_counter()
            message = event.get("message") or {}
            if event["type"] == "message.new" and message.get("text") == text:
                asked = now
            elif asked is not None and message.get("text") == f"You said: {text}" and not message.get("generating"):
                await posting
                return (first or now) - asked, now - asked
            elif asked is not None and message.get("text") and first is None:
                first = now


@contextlib.asynccontextmanager
async def watcher(url: str, channel: str) -> AsyncIterator[Watcher]:
    """Somebody who watches a channel, which is created with the person and the bot in it."""
    token = jwt.encode({"user_id": "eva"}, SECRET, algorithm="HS256")
    query = {"api_key": KEY, "stream-auth-type": "jwt", "authorization": token}
    path = f"{url}/channels/{channel.replace(':', '/')}"
    async with aiohttp.ClientSession(headers={"authorization": token, "stream-auth-type": "jwt"}) as session:
        hello = json.dumps({"user_id": "eva", "user_details": {"id": "eva"}})
        async with session.ws_connect(f"{url}/connect", params={**query, "json": hello}) as socket:
            connection = (await socket.receive_json())["connection_id"]
            body = {"watch": True, "state": True, "data": {"members": ["eva", "bot", *ASKERS]}}
            await session.post(f"{path}/query", params={"api_key": KEY, "connection_id": connection}, json=body)
            yield Watcher(session, socket, path)


@contextlib.contextmanager
def bot(module: str, url: str, channel: str) -> Iterator[None]:
    """A bot process, ready."""
    arguments = [sys.executable, "-m", module, url, KEY, SECRET, "bot", channel]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        assert "ready" in child.stdout.readline()
        try:
            yield
        finally:
            child.kill()


async def measure(url: str, name: str) -> tuple[list[float], list[float]]:
    """Ask one bot many questions, one after the other; returns milliseconds to first and to final text."""
    channel = f"messaging:{name.replace(' ', '-')}"
    async with watcher(url, channel) as person:
        with bot(BOTS[name], url, channel):
            results = []
            for number in range(QUESTIONS):
                async with asyncio.timeout(30):
                    results.append(await person.ask(ASKERS[number // EACH], f"question {number}"))
                await asyncio.sleep(PAUSE)
    warm = results[QUESTIONS // 10 :]
    return [first * 1000 for first, _ in warm], [final * 1000 for _, final in warm]


async def compare(url: str) -> None:
    """Measure all bots and print them side by side."""
    # No admin asks: the team's own questions are not answered.
    roles = {"eva": "user", "bot": "admin", **dict.fromkeys(ASKERS, "user")}
    reset = {"users": {user: {"id": user, "role": role} for user, role in roles.items()}}
    token = jwt.encode({"server": True}, SECRET, algorithm="HS256")
    async with aiohttp.ClientSession(headers={"authorization": token, "stream-auth-type": "jwt"}) as session:
        await session.post(f"{url}/users", params={"api_key": KEY}, json=reset)
    print(f"{'':12}{'first text':>22}{'final text':>22}   (ms, median / p95)")
    for name in BOTS:
        first, final = await measure(url, name)
        cells = (f"{statistics.median(x):.1f} / {statistics.quantiles(x, n=20)[-1]:.1f}" for x in (first, final))
        print(f"{name:12}" + "".join(f"{cell:>22}" for cell in cells))


def main() -> None:
    """Measure and print."""
    arguments = ["sandbox", "--port", "0", "--data", ":memory:", "--api-key", KEY, "--api-secret", SECRET]
    sandbox = Process.start(arguments, ready="sandbox ready", environment={})
    try:
        asyncio.run(compare(sandbox.line.split()[-1]))
    finally:
        sandbox.kill()


if __name__ == "__main__":
    main()
