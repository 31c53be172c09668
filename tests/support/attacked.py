"""A bot at work on a real sandbox, with customers who hold user tokens and the team that it works for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from framework.definition.model import BotDefinition
from framework.engine.opening import open_engine
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.handover.database import DatabaseHandovers
from framework.runtime.process import run_bots
from framework.runtime.state.feedback_database import DatabaseFeedback
from framework.settings import Settings
from framework.storage import Storage
from framework.stream.factory import open_chat_service
from tests.sandbox.conftest import World
from tests.support.agent import ScriptedAgent
from tests.support.engines import UNHURRIED
from tests.support.waiting import until

BOT = "agent-bot"
PEOPLE = [
    *({"id": name, "name": name.capitalize()} for name in ("eve", "bob", "carol", "dave")),
    {"id": "mo", "name": "Mo", "role": "moderator"},
    {"id": "tina", "name": "Tina", "role": "moderator"},
]


@dataclass
class Replica:
    """One process, and how it is ended."""

    bot: RunningBot
    task: asyncio.Task[None]
    stop: asyncio.Event


@dataclass
class Attacked:
    """The sandbox, the data folder of the bot's database, and what people do and see."""

    world: World
    folder: Path

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'engine.db'}"

    async def call(self, user: str, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        """A call with the user's own token."""
        return await self.world.person(user).call(method, path, body)

    async def own_channel(self, user: str, cid: str, *members: str) -> int:
        """The user makes a channel, as customers' apps do. Returns the status."""
        kind, _, id_ = cid.partition(":")
        body = {"data": {"members": [user, *members]}, "state": True}
        return (await self.call(user, "POST", f"/channels/{kind}/{id_}/query", body))[0]

    async def say(self, user: str, cid: str, text: str, **fields: Any) -> str:
        """The user posts a message. Returns its id."""
        kind, _, id_ = cid.partition(":")
        body = {"message": {"text": text, **fields}}
        status, said = await self.call(user, "POST", f"/channels/{kind}/{id_}/message", body)
        assert status == 201, said
        return str(said["message"]["id"])

    async def patch(self, user: str, cid: str, **fields: Any) -> int:
        """The user changes a channel's fields. Returns the status."""
        kind, _, id_ = cid.partition(":")
        return (await self.call(user, "PATCH", f"/channels/{kind}/{id_}", {"set": fields}))[0]

    async def event(self, user: str, cid: str, /, **event: Any) -> int:
        """The user sends an event. Returns the status."""
        kind, _, id_ = cid.partition(":")
        return (await self.call(user, "POST", f"/channels/{kind}/{id_}/event", {"event": event}))[0]

    async def messages(self, cid: str, *, of: str = BOT) -> list[dict[str, Any]]:
        """All messages of somebody in a channel, as the app's server sees them."""
        kind, _, id_ = cid.partition(":")
        state = await self.world.server.channel(kind, id_).query(state=True, messages={"limit": 100})
        return [message for message in state["messages"] if message["user"]["id"] == of]

    async def members(self, cid: str) -> set[str]:
        kind, _, id_ = cid.partition(":")
        return {member["user_id"] for member in await self.world.server.channel(kind, id_).query_members({})}

    async def sees(self, user: str, cid: str) -> list[str]:
        """The texts that a user sees in a channel; none where they may not look."""
        kind, _, id_ = cid.partition(":")
        body = {"state": True, "messages": {"limit": 100}}
        status, found = await self.call(user, "POST", f"/channels/{kind}/{id_}/query", body)
        return [message["text"] for message in found["messages"]] if status == 201 else []

    async def answered(self, cid: str, question: str) -> dict[str, Any]:
        """Wait for the bot's finished reply to a message."""

        async def look() -> Any:
            found = [one for one in await self.messages(cid) if one.get("reply_to") == question]
            return found[0] if found and not found[0].get("generating") else None

        reply: dict[str, Any] = await until(look)
        return reply

    async def settled(self, user: str, cid: str, text: str = "And now?") -> dict[str, Any]:
        """Have the bot answer a question: whatever it makes of what came before is done by then."""
        return await self.answered(cid, await self.say(user, cid, text))

    @asynccontextmanager
    async def running(
        self, agent: ScriptedAgent | None = None, *, replicas: int = 1, **spec: Any
    ) -> AsyncIterator[Sequence[Replica]]:
        """The bot at work, in as many replicas as wanted, on one database."""
        async with AsyncExitStack() as stack:
            yield [await stack.enter_async_context(self._replica(agent, spec)) for _ in range(replicas)]

    @asynccontextmanager
    async def _replica(self, agent: ScriptedAgent | None, spec: dict[str, Any]) -> AsyncIterator[Replica]:
        running = self.world.running
        settings = Settings(
            stream_api_key=running.api_key,
            stream_api_secret=SecretStr(running.api_secret),
            stream_base_url=running.url,
        )
        definition = BotDefinition.model_validate({"channels": ["messaging:support-*"], **spec})
        service = open_chat_service(settings, definition.identity)
        storage = Storage(self.database)
        bot = RunningBot("support_bot", definition, service, agent or ScriptedAgent())
        bot.handovers, bot.feedback = DatabaseHandovers(storage), DatabaseFeedback(storage)
        engine = await asyncio.to_thread(open_engine, self.database, concurrency=20, rhythm=UNHURRIED)
        stop, ready = asyncio.Event(), asyncio.Event()
        work = run_bots([bot], stop=stop, ready=ready.set, engine=engine, limits=Limits(shutdown=0.5, first_retry=0.2))
        task = asyncio.create_task(work)
        try:
            await until(lambda: ready.is_set() or task.done())
            yield Replica(bot, task, stop)
        finally:
            stop.set()
            await asyncio.wait({task})
            await engine.close()
            storage.close()


async def introduced(world: World, folder: Path) -> Attacked:
    """The same, with everybody known to the app."""
    await world.server.upsert_users(PEOPLE)
    return Attacked(world, folder)
