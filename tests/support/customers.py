"""Customers with a user token of their own against a real sandbox, and a real bot beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from framework.agent.conversation import Agent
from framework.definition.model import BotDefinition
from framework.engine.local import LocalEngine
from framework.engine.port import Engine
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.process import run_bots
from framework.settings import Settings
from framework.stream.factory import open_chat_service
from framework.stream.timing import Timing
from tests.sandbox.conftest import World, frame
from tests.support.waiting import until

BOT = "agent-bot"
Message = dict[str, Any]


@asynccontextmanager
async def bot_at_work(
    world: World, agent: Agent, *, limits: Limits | None = None, engine: Engine | None = None, **spec: Any
) -> AsyncIterator[RunningBot]:
    """A bot that answers in `messaging:support-*`, with nothing of it replaced but what answers."""
    running = world.running
    settings = Settings(
        stream_api_key=running.api_key,
        stream_api_secret=SecretStr(running.api_secret),
        stream_base_url=running.url,
    )
    definition = BotDefinition.model_validate({"channels": ["messaging:support-*"], **spec})
    bot = RunningBot("support_bot", definition, open_chat_service(settings, definition.identity), agent)
    stop, ready = asyncio.Event(), asyncio.Event()
    engine = engine or LocalEngine(concurrency=1_000, now=Timing().now)
    task = asyncio.create_task(run_bots([bot], stop=stop, ready=ready.set, limits=limits or Limits(), engine=engine))
    try:
        await until(lambda: ready.is_set() or task.done())
        yield bot
    finally:
        stop.set()
        await task


async def say(world: World, channel: str, user: str, text: str, **fields: Any) -> Message:
    """Post with the user's own token. Raises AssertionError where the service refuses."""
    status, body = await world.person(user).call("POST", f"/channels/messaging/{channel}/message", _body(text, fields))
    assert status == 201, body
    return dict(body["message"])


async def try_to_say(world: World, channel: str, user: str, text: str, **fields: Any) -> int:
    """Post with the user's own token; the service may refuse. Returns the status."""
    status, _ = await world.person(user).call("POST", f"/channels/messaging/{channel}/message", _body(text, fields))
    return status


def _body(text: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"message": {"text": text, **fields}}


async def seen(world: World, channel: str, user: str, *, thread: str = "") -> list[Message]:
    """What a user sees of a channel or thread, oldest first."""
    person = world.person(user)
    if thread:
        status, body = await person.call("GET", f"/messages/{thread}/replies", limit="100")
        assert status == 200, body
    else:
        query = {"state": True, "messages": {"limit": 300}}
        status, body = await person.call("POST", f"/channels/messaging/{channel}/query", query)
        assert status == 201, body
    return list(body["messages"])


async def by_bot(world: World, channel: str, user: str, *, thread: str = "") -> list[Message]:
    """The bot's complete messages that a user sees."""
    messages = await seen(world, channel, user, thread=thread)
    return [m for m in messages if m["user"]["id"] == BOT and m["text"] and not m.get("generating")]


async def answers(world: World, channel: str, user: str, count: int = 1, *, thread: str = "") -> list[Message]:
    """The bot's messages, once the user sees so many complete ones."""

    async def complete() -> list[Message] | None:
        found = await by_bot(world, channel, user, thread=thread)
        return found if len(found) >= count else None

    found: list[Message] = await until(complete)
    return found


@dataclass
class Listener:
    """A customer on a WebSocket, who does something at each new message. `heard` are these messages."""

    world: World
    user: str
    act: Callable[[Message], list[tuple[str, dict[str, Any]]]]
    heard: list[Message] = field(default_factory=list)
    posted: int = 0

    @asynccontextmanager
    async def at(self, *channels: str) -> AsyncIterator[None]:
        """Listen in these channels while the block runs. What `act` returns (channel id, message) is posted at once."""
        person = self.world.person(self.user)
        socket = await person.online()
        for channel in channels:
            await person.watch(channel)

        async def listen() -> None:
            while True:
                event = await frame(socket)
                if event["type"] not in {"message.new", "message.updated"}:
                    continue
                self.heard.append(event["message"])
                posts = [
                    person.call("POST", f"/channels/messaging/{channel}/message", {"message": message})
                    for channel, message in self.act(event["message"])
                ]
                for status, _ in await asyncio.gather(*posts):
                    self.posted += status == 201

        task = asyncio.create_task(listen())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await socket.close()
