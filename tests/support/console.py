"""A console to look at: people of a team, turns in its history, and browsers with cookies of their own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp
from starlette.applications import Starlette

from framework.console.console_app import console_routes
from framework.console.guard import Reach
from framework.console.parts import ConsoleParts
from framework.engine.local import LocalEngine
from framework.engine.port import Engine
from framework.insight.history import TurnLine
from framework.net.http_server import serving
from framework.net.listener import listen, url_of
from framework.runtime.core.bot import RunningBot
from framework.runtime.state.handover import Handover, opening
from framework.storage import Storage
from framework.stream.model import User
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.bots import BOT, CID, unhurried
from tests.support.chat import TwinService, World

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')
PEOPLE = (
    User("mo", "Mo", role="moderator"),
    User("root", "Root", role="admin"),
    User("eve", "Eve"),
    User("guest", "Guest", role="guest"),
)
LINE = TurnLine(
    key="turn-1",
    bot="support_bot",
    channel=CID,
    message="",
    user="ann",
    cause="every_message",
    outcome="silent",
    label="outside_hours",
    reason="outside the hours",
    rule="Gate",
    received_at=NOON,
    first_text_seconds=None,
    seconds=0.2,
    reply="",
    model="",
    input_tokens=0,
    output_tokens=0,
    cost=0.0,
    sources=(),
    tools=(),
    replica="here:1",
)


@dataclass
class Clock:
    """The time, which a test sets."""

    at: datetime = NOON

    def now(self) -> datetime:
        """The time."""
        return self.at

    def monotonic(self) -> float:
        """Seconds."""
        return self.at.timestamp()

    def later(self, **by: float) -> None:
        """Let time go on."""
        self.at += timedelta(**by)


@dataclass
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def said(self) -> str:
        """The text without tags."""
        return unescape(re.sub(r"<[^>]+>", "", self.text))


@dataclass
class Browser:
    """A browser with cookies of its own, which follows no redirects."""

    url: str
    session: aiohttp.ClientSession
    token: str = ""

    async def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page."""
        async with self.session.get(f"{self.url}{path}", headers=headers, allow_redirects=False) as answer:
            got = Answer(answer.status, await answer.text(), answer.headers)
        if found := _TOKEN.search(got.text):
            self.token = found[1]
        return got

    async def post(self, path: str, headers: Mapping[str, str] | None = None, **fields: str) -> Answer:
        """Send a form as the console's own page does, unless `headers` say otherwise. `form_token` is added."""
        sent = {"Origin": self.url, **(headers or {})}
        form = {"form_token": self.token, **fields}
        async with self.session.post(f"{self.url}{path}", data=form, headers=sent, allow_redirects=False) as answer:
            return Answer(answer.status, await answer.text(), answer.headers)


@dataclass
class Stand:
    """A console and all that is behind it."""

    world: World
    clock: Clock
    parts: ConsoleParts
    bot: RunningBot
    service: TwinService
    url: str
    stack: list[aiohttp.ClientSession] = field(default_factory=list)

    def browser(self) -> Browser:
        """One without a session."""
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.stack.append(session)
        return Browser(self.url, session)

    async def link(self, user: str, role: str = "") -> str:
        """The secret of a link."""
        return await asyncio.to_thread(self.parts.sign_ins.issue, user, role)

    async def signed_in(self, user: str, role: str = "") -> Browser:
        """A browser in which somebody is signed in."""
        browser = self.browser()
        answer = await browser.post("/console/sign-in", token=await self.link(user, role))
        assert answer.status == 303, answer.text
        await browser.get("/console/")
        return browser

    async def turns(self, *lines: TurnLine) -> None:
        """Add to the history."""
        await self.parts.history.add(lines)

    async def audited(self) -> list[dict[str, Any]]:
        """The audit log, oldest first."""
        return await asyncio.to_thread(self.parts.audit.last, 100)


async def handed_over(at: Stand, channel: str = CID, **more: Any) -> None:
    """Somebody waits for a person in a channel."""
    made = {
        "since": at.clock.now(),
        "turn": "turn-1",
        "trigger": "m-1",
        "reason": "A person was asked for.",
        "to": ("mo",),
    }
    state = Handover(state="open", **{**made, **more})
    await at.bot.handovers.change(at.bot.scope, channel, opening(state))


@asynccontextmanager
async def served(parts: ConsoleParts, reach: Reach | None = None) -> AsyncIterator[str]:
    """Serve a console, and yield its address."""
    app = Starlette(routes=console_routes(parts, reach or Reach("", local=True)))
    bound = listen("127.0.0.1:0", what="The console", variable="TEST")
    async with serving(app, bound, name="console", grace=1):
        yield url_of(bound)


@asynccontextmanager
async def stand(
    folder: Path,
    *,
    definition: dict[str, Any] | None = None,
    engine: Engine | None = None,
    reach: Reach | None = None,
) -> AsyncIterator[Stand]:
    """Serve a console over a chat in memory while the block runs."""
    clock = Clock()
    timing = replace(Timing(), now=clock.now, monotonic=clock.monotonic)
    world = World(timing)
    world.people.update({person.id: person for person in PEOPLE})
    world.room(CID)
    storage = Storage(f"sqlite:///{folder / 'engine.db'}")
    service = TwinService(world, BOT)
    bot = RunningBot(
        "support_bot",
        unhurried({"handover": {"enabled": True}, **(definition or {})}),
        service,
        ScriptedAgent(),
        handovers=world.handovers,
        approvals=world.approvals,
    )
    local = engine or LocalEngine(concurrency=4, now=clock.now)
    parts = ConsoleParts(lambda: [bot], local, storage, timing=timing)
    async with served(parts, reach) as url:
        made = Stand(world, clock, parts, bot, service, url)
        try:
            yield made
        finally:
            for session in made.stack:
                await session.close()
            storage.close()
