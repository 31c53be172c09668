"""The page in ten states, with long names and many people: nothing for axe to find, nothing wider than the window; and
each view while the server is away.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import stream_chat

from framework.sandbox.dev.server import Running, serving
from framework.sandbox.kernel.config import SandboxConfig
from tests.clients.javascript import PACKAGES, missing
from tests.support.chromium import Browser, Page, chromium, find_chromium
from tests.support.ports import free_port

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on this machine: install the package chromium to run this"
    ),
]
LONG = "Wolfeschlegelsteinhausenbergerdorff" * 5 + "שרה כהן " * 3
PEOPLE = 300
WITHOUT_AXE = missing("axe-core")
PANELS = ("People", "Events on the wire", "Search")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(CHROMIUM or "") as started:
        yield started
        assert started.complaints == [], "scripts on the page failed"


class Restartable:
    """A sandbox on a file and a port, which goes away and comes back."""

    def __init__(self, data: Path) -> None:
        self._config = SandboxConfig(port=free_port(), data=str(data))
        self._stack = AsyncExitStack()
        self.running: Running

    async def start(self) -> None:
        """Serve."""
        self.running = await self._stack.enter_async_context(serving(self._config))

    async def stop(self) -> None:
        """Go away."""
        await self._stack.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Restartable]:
    made = Restartable(tmp_path_factory.mktemp("states") / "sandbox.sqlite")
    await made.start()
    await fill(made.running)
    yield made
    await made.stop()


async def fill(running: Running) -> None:
    """Make a bot with an article, and a channel of 300 people with long names and an answer."""
    config = running.config
    async with stream_chat.StreamChatAsync(config.api_key, config.api_secret, base_url=running.url) as server:
        ids = [f"person-{n}" for n in range(PEOPLE)]
        users = [{"id": id_, "name": LONG if n % 50 == 0 else f"Person {n}"} for n, id_ in enumerate(ids)]
        people = [*users, {"id": "bot", "name": "Bot"}, {"id": "ann", "name": "Ann"}]
        for start in range(0, len(people), 100):
            await server.upsert_users(people[start : start + 100])
        bot = {"user_id": "bot", "name": "Bot", "description": LONG, "conversations": ["messaging:help-*"]}
        await server.put("sandbox/bots", data={"bots": [bot | {"starters": ["How?"]}]})
        section = {"heading": LONG, "text": f"{LONG}\n\n| A | B |\n| --- | --- |\n| {LONG} | 2 |", "line": 3}
        article = {"file": f"kb/{LONG}.md", "title": LONG, "sections": [section]}
        await server.put("sandbox/articles", data={"bot": "bot", "articles": [article]})
        channel = server.channel("messaging", "crowd", {"name": LONG, "members": ["ann", "bot", "person-0"]})
        await channel.create("ann")
        for start in range(0, PEOPLE, 100):
            some: Any = ids[start : start + 100]  # the SDK's types know members as objects alone
            await channel.add_members(some)
        for n in range(30):
            await channel.send_message({"text": f"Message {n} {LONG}"}, ids[n * 10])
        source = {"title": LONG, "file": f"kb/{LONG}.md", "heading": LONG, "line": 3}
        text = f"**Yes**\n\n```python\nprint({LONG!r})\n```\n\n| A | B |\n| --- | --- |\n| 1 | {LONG} |"
        answer = {"id": "answer", "text": text, "ai_generated": True, "sources": [source], "suggestions": ["And now?"]}
        await channel.send_message(answer, "bot")


async def signed_in(browser: Browser, sandbox: Restartable) -> Page:
    page = await browser.open(f"{sandbox.running.url}/?user=ann&channel=messaging:crowd")
    await browser.command("Emulation.setFocusEmulationEnabled", page.session, enabled=True)
    await page.click("#asked")
    await page.shows("[data-id='answer']", "Yes")
    return page


async def panel(page: Page, name: str) -> None:
    """Open a side panel by the name of its button."""
    await page.click(f"button[aria-label='{name}'][aria-expanded='false']")
    await page.shows(f"button[aria-label='{name}'][aria-expanded='true']")


async def sound(page: Page, state: str) -> None:
    """Check a state by axe, and that nothing is wider than the window."""
    found = await page.js(
        "axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations.map("
        "({id, nodes}) => `${id}: ${nodes[0].html.slice(0, 200)}`))"
    )
    assert found == [], state
    places = "['html', '.panel', '.sidebar', '#conversation'].map(name => document.querySelector(name)).filter(Boolean)"
    assert await page.js(f"{places}.filter(e => e.scrollWidth > e.clientWidth).map(e => e.className)") == [], state


@pytest.mark.skipif(WITHOUT_AXE is not None, reason=WITHOUT_AXE or "")
async def test_ten_states_have_nothing_for_axe_to_find(browser: Browser, sandbox: Restartable) -> None:
    script = (PACKAGES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    strangers = await browser.open(sandbox.running.url)
    await strangers.shows("h1")
    await strangers.js(f"{script};0")
    await sound(strangers, "sign in")
    page = await signed_in(browser, sandbox)
    await page.js(f"{script};0")
    await sound(page, "conversation")
    await page.click("[data-id='answer'] button.chip:not(.chip-toggle)")
    await page.shows(".article .is-quoted")
    await sound(page, "article")
    await panel(page, "People")
    await page.shows(".people-row")
    await sound(page, "people")
    await panel(page, "Search")
    await page.type_into("input[type=search]", "Message 3")
    await page.shows(".panel li", "Message 3")
    await sound(page, "search")
    await panel(page, "Events on the wire")
    await sound(page, "wire")
    await page.js("document.querySelector('[data-id=answer] .chip-toggle').click()")
    await page.shows("[data-id='answer'] .source-list")
    await sound(page, "sources")
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    await browser.command("Emulation.setEmulatedMedia", page.session, features=[dark])
    await sound(page, "dark")
    await page.screenshot(390, 844)
    await page.click("button[aria-label^='Close']")
    await sound(page, "phone")
    await page.click("button[aria-label='All conversations']")
    await page.shows(".channel")
    await sound(page, "phone, list")
    await page.click(".new-button")
    await page.shows("#composer")
    await sound(page, "phone, new conversation")


async def test_all_people_of_a_large_channel_can_be_seen(browser: Browser, sandbox: Restartable) -> None:
    page = await signed_in(browser, sandbox)
    await panel(page, "People")
    await page.shows(".people-panel h3", str(PEOPLE + 2))
    for shown in (200, 300, PEOPLE + 2):
        await page.click(".people-panel button", "Show more")
        await page.until(f"document.querySelectorAll('.people-panel .people-row').length === {shown}")


async def test_each_view_says_that_the_server_is_away_and_goes_on_when_it_is_back(
    browser: Browser, sandbox: Restartable
) -> None:
    pages = {name: await signed_in(browser, sandbox) for name in ("article", "thread", *PANELS)}
    await pages["article"].click("[data-id='answer'] button.chip:not(.chip-toggle)")
    await pages["article"].shows(".article .is-quoted")
    await pages["thread"].js("document.querySelector('[data-id=answer]').focus()")
    views = ["article", "people-panel", "search", "wire"]  # loaded when the page has nothing else to do
    loaded = "performance.getEntriesByType('resource').map(({name}) => name)"
    for page in pages.values():
        await page.until(f"{json.dumps(views)}.every(view => {loaded}.some(name => name.includes(`/${{view}}.js`)))")
    await sandbox.stop()
    for page in pages.values():
        await page.shows(".banner", "")
    for name in PANELS:
        await panel(pages[name], name)
    await pages["Search"].type_into("input[type=search]", "Message 7")
    await pages["Search"].shows(".toast", "The search failed")
    await pages["thread"].write("#composer", "Written while you were away")
    await pages["thread"].shows(".is-unsent", "Written while you were away")
    assert await pages["article"].js("document.querySelector('.article .is-quoted') !== null")
    await sandbox.start()
    await pages["thread"].shows(".is-mine:not(.is-unsent)", "Written while you were away")
    await pages["People"].shows(".people-row", "Person 1")
    await pages["Search"].shows(".panel li", "Message 7")
    await pages["article"].shows(".article .is-quoted", "Wolfe")
    for page in pages.values():
        await page.shows(".me-state", "Online")
        await page.shows(".message", "Written while you were away")
        await page.close()
