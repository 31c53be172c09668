"""Many answers streamed at once under the service's limits: 1,000 posts, updates and sketches a minute.

By the real writer, client and SDK against a sandbox that enforces the limits, in a process of its own. Seen by watchers
of the channels: from the start of all answers to the event of each one's first text, and to its final one.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import jwt
from pydantic import SecretStr

from framework.agent.conversation import AgentEvent, Answer, Finished, TextDelta
from framework.definition.model import BotDefinition
from framework.logs.log import configure
from framework.runtime.core.bot import Limits, Setup
from framework.runtime.core.turn import Turn
from framework.runtime.reply.deliver import Deliver
from framework.runtime.reply.drive import drive
from framework.runtime.reply.writer import ReplyWriter
from framework.runtime.state.ids import TurnIds
from framework.settings import Settings
from framework.stream.factory import open_chat_service
from framework.stream.ids import IdKey
from framework.stream.model import ChannelRef, Message, User
from framework.stream.service import StreamChatService
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.process import Process

KEY, SECRET = "benchmark", "benchmark-secret-of-more-than-thirty-two-characters"
CHANNELS, TOKENS, RATE = 20, 300, 30
BOTS = ("bot-a", "bot-b")


def words(number: int) -> list[str]:
    """An answer that is like no other."""
    return [f"word{number}.{place} " for place in range(TOKENS)]


async def generation(number: int) -> AsyncIterator[AgentEvent]:
    """So many tokens, at a model's pace."""
    began = time.perf_counter()
    for place, word in enumerate(words(number), start=1):
        await asyncio.sleep(max(0.0, began + place / RATE - time.perf_counter()))
        yield TextDelta(word)
    yield Finished(Answer("".join(words(number)), "answered"))


@dataclass
class Watcher:
    """Somebody in all channels, who notes when a message shows its first text, and which was its last."""

    first: dict[str, float] = field(default_factory=dict)
    final: dict[str, float] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)
    updates: Counter[str] = field(default_factory=Counter)

    async def watch(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take events in until the connection ends."""
        async for frame in socket:
            now = time.perf_counter()
            for event in _events(json.loads(frame.data)):
                message = event.get("message") or {}
                if event["type"] in {"message.new", "message.updated"}:
                    self._note(message, now)

    def _note(self, message: dict[str, Any], now: float) -> None:
        if message.get("text"):
            self.updates[message["id"]] += 1
            self.first.setdefault(message["id"], now)
            self.text[message["id"]] = message["text"]
            if not message.get("generating"):
                self.final[message["id"]] = now


def _events(body: Any) -> list[dict[str, Any]]:
    return body if isinstance(body, list) else [body]


class Sandbox:
    """The sandbox's own HTTP interface, as the app's operator uses it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session
        self._server = {"authorization": _token(server=True), "stream-auth-type": "jwt"}

    async def prepare(self) -> None:
        """Users and channels."""
        users = {user: {"id": user, "role": "admin"} for user in ("eva", *BOTS)}
        await self._post("users", {"users": users})
        for number in range(CHANNELS):
            data = {"members": ["eva", *BOTS], "created_by_id": "eva"}
            await self._post(f"channels/messaging/stream-{number}/query", {"data": data})

    async def watch(self, watcher: Watcher) -> asyncio.Task[None]:
        """Connect somebody and watch all channels."""
        token = _token(user_id="eva")
        query = {"api_key": KEY, "stream-auth-type": "jwt", "authorization": token}
        hello = json.dumps({"user_id": "eva", "user_details": {"id": "eva"}})
        socket = await self.session.ws_connect(f"{self.url}/connect", params={**query, "json": hello}, max_msg_size=0)
        connection = (await socket.receive_json())["connection_id"]
        body = {"filter_conditions": {"type": "messaging"}, "watch": True, "state": True, "limit": CHANNELS}
        asking = {"authorization": token, "stream-auth-type": "jwt"}
        query = {"api_key": KEY, "connection_id": connection}
        async with self.session.post(f"{self.url}/channels", params=query, json=body, headers=asking) as reply:
            assert len((await reply.json())["channels"]) == CHANNELS
        return asyncio.create_task(watcher.watch(socket))

    async def calls(self) -> Counter[tuple[str, int]]:
        """How often each operation was called, by status."""
        async with self.session.get(f"{self.url}/sandbox/log", params={"api_key": KEY}, headers=self._server) as reply:
            return Counter((call["operation"], call["status"]) for call in (await reply.json())["calls"])

    async def forget(self) -> None:
        """Count anew."""
        async with self.session.delete(
            f"{self.url}/sandbox/log", params={"api_key": KEY}, headers=self._server
        ) as reply:
            reply.raise_for_status()

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        query = {"api_key": KEY}
        async with self.session.post(f"{self.url}/{path}", params=query, json=body, headers=self._server) as reply:
            reply.raise_for_status()


def _token(**claims: Any) -> str:
    return jwt.encode(claims, SECRET, algorithm="HS256")


def a_turn(number: int) -> Turn:
    """One of the answers."""
    now = datetime.now(UTC)
    channel = ChannelRef("messaging", f"stream-{number % CHANNELS}")
    trigger = Message(f"question-{number}", channel, User("eva"), "?", now)
    bot = BOTS[number % len(BOTS)]
    return Turn(
        bot=bot,
        bot_user_id=bot,
        channel=channel,
        trigger=trigger,
        received_at=now,
        ids=TurnIds(IdKey(SecretStr("secret")), bot, trigger.id),
        setup=Setup(BotDefinition(), ScriptedAgent()),
    )


async def deliver(service: StreamChatService, turn: Turn, number: int) -> None:
    """Stream one answer and make it last."""
    delivery = Deliver(ReplyWriter(service, Limits()), Limits(), Timing())
    await drive(turn, generation(number), delivery, seconds=600)


async def measure(url: str, answers: int) -> None:
    """Stream so many answers at once and print what came of it."""
    settings = Settings(stream_api_key=KEY, stream_api_secret=SecretStr(SECRET), stream_base_url=url)
    services = []
    for bot in BOTS:
        definition = BotDefinition.model_validate({"identity": {"user_id": bot}})
        services.append(open_chat_service(settings, definition.identity))
    async with aiohttp.ClientSession() as session:
        sandbox, watcher = Sandbox(url, session), Watcher()
        await sandbox.prepare()
        watching = await sandbox.watch(watcher)
        for service in services:
            await service.open()
        await sandbox.forget()
        turns = [a_turn(number) for number in range(answers)]
        began = time.perf_counter()
        await asyncio.gather(*(deliver(services[n % len(BOTS)], turn, n) for n, turn in enumerate(turns)))
        took = time.perf_counter() - began
        await asyncio.sleep(1)
        calls = await sandbox.calls()
        watching.cancel()
    for service in services:
        await service.close()
    report(turns, watcher, calls, began, took)


def report(turns: list[Turn], watcher: Watcher, calls: Counter[tuple[str, int]], began: float, took: float) -> None:
    """Print the figures."""
    exact = sum(watcher.text.get(turn.reply_id) == "".join(words(n)) for n, turn in enumerate(turns))
    finished = sum(turn.reply_id in watcher.final for turn in turns)
    seen = [watcher.updates[turn.reply_id] for turn in turns]
    print(
        f"{len(turns)} answers at once, {TOKENS / RATE:.0f} s of generation each, {len(BOTS)} bots: {took:.1f} s in all"
    )
    print(f"finished {finished}, exact {exact}, texts seen of each {min(seen)} to {max(seen)}")
    for name, times in (("first text", watcher.first), ("final text", watcher.final)):
        took_each = [times[turn.reply_id] - began for turn in turns if turn.reply_id in times]
        slow = statistics.quantiles(took_each, n=20)[-1]
        print(f"{name}: {statistics.median(took_each):.1f} s median, {slow:.1f} s p95")
    writes = ("SendMessage", "EphemeralMessageUpdate", "UpdateMessagePartial")
    print("calls: " + ", ".join(f"{name} {calls[name, 200] + calls[name, 201]}" for name in writes), end="; ")
    print(f"refused with 429: {sum(count for (_, status), count in calls.items() if status == 429)}")


def main() -> None:
    """Measure and print."""
    configure("json", "error")
    arguments = ["sandbox", "--port", "0", "--data", ":memory:", "--api-key", KEY, "--api-secret", SECRET]
    for answers in (10, 200):
        sandbox = Process.start([*arguments, "--rate-limits"], ready="sandbox ready", environment={})
        try:
            asyncio.run(measure(sandbox.line.split()[-1], answers))
        finally:
            sandbox.kill()


if __name__ == "__main__":
    main()
