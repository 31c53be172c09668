"""A bot whose team decides, on a real sandbox and a real database, with customers who hold user tokens."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import stream_chat
from pydantic import SecretStr

from framework.agent.build.channel_agents import ChannelAgents
from framework.app.running import make_running
from framework.app.serving import open_database
from framework.audit import AuditLog
from framework.definition.loader import load_bot
from framework.engine.durable import DurableEngine
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.process import run_bots
from framework.settings import Settings
from framework.storage import Storage
from framework.stream.factory import open_chat_service
from tests.support.sandbox import RunningSandbox, start_sandbox
from tests.support.waiting import until

BOT = "agent-bot"
ROOM, DESK = "messaging:support-1", "messaging:desk"
OTHER = "messaging:board"
NAMESPACE = uuid.UUID("5a1c9be2-4c0e-5c0b-9a53-6f0d1f0c7b11")
TOOLS = '''
import json
from langchain.tools import ToolRuntime, tool
from framework.tools.context import ToolContext

@tool(extras={"phrases": ["^refund (?P<amount>[^ ]+) to (?P<iban>[^ ]+)(?: because (?P<note>(?s:.*)))?$"]})
def refund(amount: float, iban: str, runtime: ToolRuntime[ToolContext], note: str = "", currency: str = "EUR") -> str:
    """Refund money."""
    with (runtime.context.data / "refunds").open("a") as file:
        print(json.dumps([runtime.context.user_id, amount, iban, currency]), file=file)
    return f"Refunded {amount}."
'''
LIMITS = Limits(reconciliation=2.0, first_retry=0.2, last_retry=0.5, discovery=2.0, shutdown=1.0)


@dataclass
class Customer:
    """Somebody with a user token. Every call is what the public API offers to any client."""

    running: RunningSandbox
    http: aiohttp.ClientSession
    user_id: str
    token: str

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": self.token, "stream-auth-type": "jwt"}
        query = {"api_key": self.running.api_key}
        async with self.http.request(
            method, self.running.url + path, params=query, json=body, headers=headers
        ) as answer:
            return answer.status, await answer.json()

    async def say(self, cid: str, text: str, **fields: Any) -> str:
        """Post; returns the message's id. The service has to take it."""
        path = f"/channels/{cid.replace(':', '/')}/message"
        status, said = await self.call("POST", path, {"message": {"text": text, **fields}})
        assert status == 201, said
        return str(said["message"]["id"])

    async def react(self, message_id: str, kind: str) -> int:
        status, _ = await self.call("POST", f"/messages/{message_id}/reaction", {"reaction": {"type": kind}})
        return status

    async def sees(self, cid: str) -> list[dict[str, Any]]:
        _, state = await self.call(
            "POST", f"/channels/{cid.replace(':', '/')}/query", {"state": True, "messages": {"limit": 100}}
        )
        return list(state.get("messages", []))


@dataclass
class Scene:
    running: RunningSandbox
    server: Any
    http: aiohttp.ClientSession
    folder: Path
    spec: dict[str, Any]
    url: str
    tasks: list[tuple[asyncio.Task[None], asyncio.Event]] = field(default_factory=list)
    replicas: list[tuple[RunningBot, DurableEngine]] = field(default_factory=list)

    def person(self, user_id: str) -> Customer:
        return Customer(self.running, self.http, user_id, self.server.create_token(user_id))

    @property
    def reviews(self) -> str:
        """Where the team decides."""
        return str(self.spec.get("drafts", {}).get("channel") or ROOM)

    @property
    def refunds(self) -> list[list[Any]]:
        files = sorted(self.folder.glob("data-*/bots/payer/refunds"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    async def stored(self, cid: str) -> list[dict[str, Any]]:
        """All messages of a channel, as the app's server sees them."""
        kind, _, id_ = cid.partition(":")
        state = await self.server.channel(kind, id_).query(state=True, messages={"limit": 200})
        return list(state["messages"])

    async def cards(self, state: str = "waiting") -> list[dict[str, Any]]:
        found = [m for m in await self.stored(self.reviews) if m["user"]["id"] == BOT and "review" in m]
        return [m for m in found if m["review"]["state"] == state]

    async def card(self, *, beside: int = 0) -> dict[str, Any]:
        """The newest card that waits, once there is one more than `beside`."""
        found = await until(lambda: self._cards_beyond(beside))
        return dict(found[-1])

    async def _cards_beyond(self, beside: int) -> list[dict[str, Any]]:
        found = await self.cards()
        return found if len(found) > beside else []

    async def thread(self, card: dict[str, Any]) -> list[dict[str, Any]]:
        kind, _, id_ = self.reviews.partition(":")
        return list((await self.server.channel(kind, id_).get_replies(card["id"]))["messages"])

    async def bot_says(self, cid: str = ROOM) -> list[str]:
        """What the bot said in a channel, beside its cards."""
        return [m["text"] for m in await self.stored(cid) if m["user"]["id"] == BOT and "review" not in m]

    async def quiet(self) -> None:
        """Until every replica is through with all that was said so far."""
        asked = await self.person("bob").say("messaging:support-probe", "hello")
        for bot, engine in self.replicas:
            await until(partial(_is_done, engine, bot.ids.of(asked).job))

    async def start(self, replicas: int = 1) -> None:
        """Run the bot in so many replicas."""
        for number in range(replicas):
            self.tasks += [await _replica(self, number)]

    async def stop(self) -> None:
        """Stop them all, as a deployment does."""
        for _, stop in self.tasks:
            stop.set()
        try:
            for task, _ in self.tasks:
                await task
        finally:
            for _, engine in self.replicas:
                await engine.close()
            self.tasks.clear()
            self.replicas.clear()

    def audit(self) -> list[dict[str, Any]]:
        log = AuditLog(Storage(self.url))
        try:
            return log.last(200)
        finally:
            log.storage.close()


def definition(**spec: Any) -> dict[str, Any]:
    return {
        "model": "embedded",
        "prompt": "support.md.j2",
        "channels": {"join": ["messaging:support-*"], "create": []},
        "respond_to": "every_message",
        "handover": {"enabled": False},
        "tools": [{"name": "refund", "approval": "always"}],
        "team": {"users": ["boss"], "roles": ["moderator"]},
        **spec,
    }


def _bot(folder: Path, spec: dict[str, Any]) -> Path:
    home = folder / "payer"
    if not home.exists():
        (home / "knowledge").mkdir(parents=True)
        (home / "knowledge" / "returns.md").write_text("# Returns\n\nYou can return a garden within 60 days.\n")
        (home / "support.md.j2").write_text("You help.")
        (home / "tools.py").write_text(TOOLS)
    (home / "bot.yaml").write_text(json.dumps(spec))
    return home


@asynccontextmanager
async def scene(folder: Path, *, url: str = "", replicas: int = 1, **spec: Any) -> AsyncIterator[Scene]:
    """A sandbox with eve, eve2, bob, mo (a moderator) and boss, and a bot that is at work."""
    async with (
        start_sandbox() as running,
        stream_chat.StreamChatAsync(running.api_key, running.api_secret, base_url=running.url) as server,
        aiohttp.ClientSession() as http,
    ):
        people = [{"id": id_, "name": id_.capitalize()} for id_ in ("eve", "eve2", "bob", "boss")]
        await server.upsert_users(
            [
                *people,
                {"id": "mo", "name": "Mo", "role": "moderator"},
                {"id": "tia", "role": "moderator"},
                {"id": BOT, "role": "admin"},
            ]
        )
        for cid, members in (
            ("support-1", ["eve", "eve2", "bob"]),
            ("support-probe", ["bob"]),
            ("board", ["boss", BOT]),
            ("desk", ["mo", "tia", "boss"]),
        ):
            await server.channel("messaging", cid, {"members": members}).create(members[0])
        made = Scene(running, server, http, folder, definition(**spec), url or f"sqlite:///{folder / 'engine.db'}")
        try:
            await made.start(replicas)
            yield made
        finally:
            await made.stop()


async def _is_done(engine: DurableEngine, job: str) -> bool:
    """Whether a job is settled, and nothing else is on its way."""
    record, load = await engine.record(job), await engine.load()
    return record is not None and record.state != "waiting" and not load.running and not load.waiting


async def _replica(scene: Scene, number: int) -> tuple[asyncio.Task[None], asyncio.Event]:
    settings = Settings(
        stream_api_key=scene.running.api_key,
        stream_api_secret=SecretStr(scene.running.api_secret),
        stream_base_url=scene.running.url,
        openai_api_key=None,
        data=scene.folder / f"data-{number}",
        database_url=SecretStr(scene.url),
        _env_file=None,
    )
    bot = load_bot(str(_bot(scene.folder, scene.spec)))
    agents = await asyncio.to_thread(ChannelAgents, bot, settings)
    agents.connect(settings)
    running = make_running(bot, settings, open_chat_service(settings, bot.definition.identity), agents)
    engine = await asyncio.to_thread(open_database, settings)
    scene.replicas.append((running, engine))
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run_bots([running], stop=stop, ready=ready.set, engine=engine, limits=LIMITS))
    await until(lambda: ready.is_set() or task.done())
    if task.done():
        task.result()
    return task, stop
