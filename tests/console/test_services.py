"""Moderation and campaigns in the console, against the real sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from framework.console.parts import ConsoleParts
from framework.definition.model import BotDefinition
from framework.engine.local import LocalEngine
from framework.runtime.core.bot import RunningBot
from framework.storage import Storage
from framework.stream.factory import open_chat_service, open_moderation
from tests.sandbox.conftest import World, world
from tests.support.agent import ScriptedAgent
from tests.support.bots import unhurried
from tests.support.campaigns import Market, open_market
from tests.support.console import Browser, served
from tests.support.guarded import Guarded, guarded
from tests.support.waiting import until

__all__ = ["world"]
NEWS = "audience: {filter: {customer: true}}\ntext: Hello!\nthrottle: 1 per 1h\n"


@asynccontextmanager
async def browser_of(parts: ConsoleParts, user: str, role: str) -> AsyncIterator[Browser]:
    """Somebody who is signed in."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with served(parts) as url, aiohttp.ClientSession(cookie_jar=jar) as session:
        browser = Browser(url, session)
        await browser.post("/console/sign-in", token=await asyncio.to_thread(parts.sign_ins.issue, user, role))
        await browser.get("/console/bots")
        yield browser
    for bot in parts.bots():
        await bot.service.close()
    parts.storage.close()


@pytest_asyncio.fixture
async def room(world: World, tmp_path: Path) -> AsyncIterator[Guarded]:
    async with guarded(world, tmp_path) as made:
        yield made


def parts_of(room: Guarded) -> ConsoleParts:
    spec = {"channels": ["messaging:room"], "team": {"roles": ["moderator"], "channels": ["team:desk"]}}
    definition = BotDefinition.model_validate(spec)
    service = open_chat_service(room.settings, definition.identity)
    bot = RunningBot("moderator_bot", definition, service, ScriptedAgent())
    storage = Storage(room.settings.database.get_secret_value())
    return ConsoleParts(
        lambda: [bot],
        LocalEngine(concurrency=1),
        storage,
        moderation=lambda one: open_moderation(room.settings, one.user_id),
    )


async def test_a_held_message_is_let_through_a_hidden_one_restored_and_its_author_banned(room: Guarded) -> None:
    parts = parts_of(room)
    held, hidden = await room.say("bob", "what a plorfen"), await room.say("bob", "quibnor here")
    await room.until_done(hidden["id"])
    about: Any = {"bot": "moderator_bot", "message": held["id"]}
    async with browser_of(parts, "eve", "agent") as eve:
        for act in ("pass", "delete", "ban"):
            assert (await eve.post(f"/console/moderation/{act}", **about, hours="1")).status == 409
    assert "what a plorfen" not in await room.sees("eve")
    async with browser_of(parts, "mo", "agent") as mo:
        page = await until(lambda: _page(mo, "plorfen"))
        assert "held moderation.yaml" in " ".join(page.said.split())
        assert (await mo.post("/console/moderation/pass", **about)).status == 303
        await room.until_sees("eve", lambda texts: "what a plorfen" in texts)
        assert "quibnor here" not in await room.sees("eve")
        restored = await mo.post("/console/moderation/pass", bot="moderator_bot", message=hidden["id"])
        assert restored.status == 303, restored.said
        await room.until_sees("eve", lambda texts: "quibnor here" in texts)
        assert (await mo.post("/console/moderation/ban", **about, hours="24")).status == 303
        status, _ = await room.call("bob", "POST", "/channels/messaging/room/message", {"message": {"text": "hi"}})
        assert status == 403
        assert (await mo.post("/console/moderation/delete", **about)).status == 303
        await room.until_sees("eve", lambda texts: "what a plorfen" not in texts)


async def test_a_pending_message_waits_at_the_top_until_somebody_decides(room: Guarded) -> None:
    await room.world.server.update_channel_type("messaging", mark_messages_pending=True)
    parts = parts_of(room)
    held = await room.say("bob", "what a plorfen")
    async with browser_of(parts, "mo", "agent") as mo:
        await until(lambda: _page(mo, "1 wait"))
        about: Any = {"bot": "moderator_bot", "message": held["id"]}
        assert (await mo.post("/console/moderation/pass", **about)).status == 303
        await room.until_sees("eve", lambda texts: "what a plorfen" in texts)
        assert "0 wait" in (await mo.get("/console/moderation")).said


async def _page(browser: Browser, text: str) -> Any:
    page = await browser.get("/console/moderation")
    return page if text in page.said else None


async def test_a_campaign_is_stopped_in_the_middle_and_goes_on(tmp_path: Path) -> None:
    async with open_market(tmp_path, {"news": NEWS}) as market:
        await market.people([{"id": "ann"}, {"id": "ben"}])
        parts, campaigns = campaign_parts(market)
        run, _ = await campaigns.start(campaigns.file("news"))
        about: Any = {"bot": "market", "run": run.id}
        async with browser_of(parts, "root", "admin") as root:
            assert "2" in (await root.get("/console/campaigns")).said
            assert (await root.post("/console/campaigns/go-on", **about)).status == 409
            assert (await root.post("/console/campaigns/stop", **about)).status == 303
            assert (await campaigns.ledger.run(run.id)).state == "stopped"
            assert (await root.post("/console/campaigns/go-on", **about)).status == 303
            assert (await campaigns.ledger.run(run.id)).state == "running"


def campaign_parts(market: Market) -> tuple[ConsoleParts, Any]:
    campaigns = market.process()
    definition = unhurried({"channels": ["messaging:*"]})
    service = open_chat_service(market.settings, definition.identity)
    bot = RunningBot("market", definition, service, ScriptedAgent(), campaigns=campaigns)
    return ConsoleParts(lambda: [bot], LocalEngine(concurrency=1), Storage(market.url)), campaigns
