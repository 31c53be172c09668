"""The playground in a real browser, on a real sandbox, with a bot that follows the test's script."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from framework.sandbox.dev.routes import PLAYGROUND
from framework.sandbox.dev.server import Running, serving
from framework.sandbox.kernel.config import SandboxConfig
from tests.support.chromium import Browser, Page, chromium, find_chromium
from tests.support.waiting import PATIENCE

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on this machine: install the package chromium to run this"
    ),
]
VENDOR = PLAYGROUND / "vendor"
BOT = "agent-bot"
ANSWER = "It takes **three days**.\n\n- Card\n- Invoice"


@dataclass
class Bot:
    """A user of the REST API and the WebSocket who answers as a bot does."""

    running: Running
    client: aiohttp.ClientSession
    channel: str = ""

    async def call(self, method: str, path: str, body: dict[str, Any], *, user: str | None = BOT) -> dict[str, Any]:
        """One call, as the bot, or with `user=None` as the server."""
        async with self.client.request(
            method, path, json=body, params=self._key, headers=self._headers(user)
        ) as answer:
            found: dict[str, Any] = await answer.json()
            assert answer.status < 300, found
            return found

    @property
    def _key(self) -> dict[str, str]:
        return {"api_key": self.running.config.api_key}

    def _headers(self, user: str | None) -> dict[str, str]:
        import jwt

        claims = {"user_id": user} if user else {"server": True}
        token = jwt.encode(claims, self.running.config.api_secret, algorithm="HS256")
        return {"Authorization": token, "stream-auth-type": "jwt"}

    async def join(self, page: Page) -> None:
        """Become a member of the conversation that is open on a page."""
        cid = await page.until("new URLSearchParams(location.search).get('channel')")
        self.channel = f"/channels/{cid.replace(':', '/')}"
        await self.call("POST", "/users", {"users": {BOT: {"id": BOT, "name": "Agent"}}}, user=None)
        await self.call("POST", self.channel, {"add_members": [BOT]}, user=None)
        await page.shows(".header-people", "Agent")

    async def post(self, **message: Any) -> None:
        """Send a message."""
        await self.call("POST", f"{self.channel}/message", {"message": message})

    async def state(self, state: str, message_id: str) -> None:
        """Say what the bot does."""
        event = {"type": "ai_indicator.update", "ai_state": state, "message_id": message_id}
        await self.call("POST", f"{self.channel}/event", {"event": event})

    async def show(self, message_id: str, text: str) -> None:
        """Let a text grow, without storing it."""
        await self.call("PATCH", f"/messages/{message_id}/ephemeral", {"set": {"text": text}})

    async def finish(self, message_id: str, text: str, **fields: Any) -> None:
        """Store the whole answer."""
        message = {"id": message_id, "text": text, "ai_generated": True, "generating": False, **fields}
        await self.call("POST", f"/messages/{message_id}", {"message": message})

    async def listen(self) -> aiohttp.ClientWebSocketResponse:
        """Watch the channel over a WebSocket."""
        details = json.dumps({"user_id": BOT, "user_details": {"id": BOT}})
        query = self._key | {"json": details, "authorization": self._headers(BOT)["Authorization"]}
        socket = await self.client.ws_connect("/connect", params=query | {"stream-auth-type": "jwt"})
        hello = await socket.receive_json(timeout=PATIENCE)
        watch = self._key | {"connection_id": hello["connection_id"]}
        path, body = f"{self.channel}/query", {"watch": True, "state": True}
        async with self.client.post(path, json=body, params=watch, headers=self._headers(BOT)) as answer:
            assert answer.status < 300, await answer.text()
        return socket


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(CHROMIUM or "") as started:
        yield started
        assert started.complaints == [], "scripts on the page failed"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Running]:
    async with serving(SandboxConfig(port=0)) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def bot(running: Running) -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession(running.url) as client:
        yield Bot(running, client)


async def start_conversation(browser: Browser, running: Running, user: str) -> Page:
    """A page on which a person has a new conversation open."""
    page = await browser.open(f"{running.url}/?user={user}")
    await page.click("#asked", f"Continue as {user}")
    await page.shows(".me-state", "Online")
    await page.click(".new-button")
    await page.shows(".list-empty h2", "Ask anything")
    return page


async def test_a_person_picks_a_name_and_their_message_is_stored(browser: Browser, running: Running, bot: Bot) -> None:
    page = await browser.open(running.url)
    await page.click(".person", "Maria")
    await page.shows(".blank h2", "Start your first conversation")
    await page.click(".new-button")
    await page.shows(".list-empty h2", "Ask anything")
    await page.write("#composer", "Where is my parcel?")
    await page.shows(".message.is-mine:not(.is-unsent)", "Where is my parcel?")
    await page.shows(".channel[aria-current]", "Where is my parcel?")
    await bot.join(page)
    stored = await bot.call("POST", f"{bot.channel}/query", {"state": True, "messages": {"limit": 5}})
    assert [message["text"] for message in stored["messages"]] == ["Where is my parcel?"]
    assert stored["messages"][0]["user"]["id"] == "maria"


async def test_an_answer_grows_in_place_then_cites_and_offers_replies(
    browser: Browser, running: Running, bot: Bot
) -> None:
    page = await start_conversation(browser, running, "jonas")
    await bot.join(page)
    await bot.post(id="grows-1", text="", ai_generated=True, generating=True)
    await bot.state("AI_STATE_THINKING", "grows-1")
    await page.shows(".activity", "Agent is thinking")
    await page.shows("[data-id='grows-1'] .dots")
    await page.js("document.querySelector('[data-id=\"grows-1\"]').witness = true")
    await bot.state("AI_STATE_GENERATING", "grows-1")
    await bot.show("grows-1", "It takes **thr")
    await page.shows("[data-id='grows-1'] strong", "thr")
    await bot.show("grows-1", "It takes **three days**.")
    await page.shows("[data-id='grows-1'] strong", "three days")
    assert not await page.js("document.querySelector('#announcer').textContent.includes('It takes')")
    sources = [{"title": "Delivery times", "file": "kb/delivery.md", "heading": "Europe"}]
    await bot.finish("grows-1", ANSWER, sources=sources, suggestions=["And by invoice?"])
    await page.shows("[data-id='grows-1'] li", "Invoice")
    assert await page.js("document.querySelector('[data-id=\"grows-1\"]').witness"), "the message was replaced"
    await page.until("document.querySelector('#announcer').textContent === 'Agent: It takes three days. Card Invoice'")
    await page.click(".chip-toggle", "1 source")
    await page.shows(".source-list", "Europe")
    await page.until("document.querySelector('.stop-button').hidden")
    await page.click(".suggestion", "And by invoice?")
    await page.shows(".message.is-mine:not(.is-unsent)", "And by invoice?")
    await page.until("!document.querySelector('.suggestion')")


async def test_the_stop_button_sends_the_stop_event_for_the_message(
    browser: Browser, running: Running, bot: Bot
) -> None:
    page = await start_conversation(browser, running, "amara")
    await bot.join(page)
    async with await bot.listen() as socket:
        await bot.post(id="stop-1", text="", ai_generated=True, generating=True)
        await bot.state("AI_STATE_GENERATING", "stop-1")
        await page.shows(".activity", "Agent is writing")
        await page.click(".stop-button")
        while (event := await socket.receive_json(timeout=PATIENCE))["type"] != "ai_indicator.stop":
            pass
    assert event["message_id"] == "stop-1"
    assert event["user"]["id"] == "amara"
    await page.shows(".activity", "Stopping")
    await bot.finish("stop-1", "It takes", stopped=True)
    await page.shows("[data-id='stop-1'] .message-note", "Stopped before the end")


async def test_markup_in_messages_stays_text(browser: Browser, running: Running, bot: Bot) -> None:
    page = await start_conversation(browser, running, "kenji")
    await bot.join(page)
    attack = (
        '<img src=x onerror="window.hacked=1"> <script>window.hacked=1</script> '
        "[click](javascript:window.hacked=1) [data](data:text/html,x) **bold** https://example.com/a_b."
    )
    evil = {"title": "<b onclick=alert(1)>t</b>", "url": "javascript:window.hacked=1"}
    await page.write("#composer", attack)
    await page.shows(".message.is-mine:not(.is-unsent)", '<img src=x onerror="window.hacked=1">')
    await bot.post(id="attack-1", text=attack, ai_generated=True, sources=[evil], suggestions=["<i>x</i>"])
    await page.shows(".suggestion", "<i>x</i>")
    await page.shows("[data-id='attack-1'] .chip", "<b onclick=alert(1)>t</b>")
    found = await page.js(
        "[...document.querySelectorAll('.message-list img, .message-list script, .message-list a')].map(e => e.href)"
    )
    assert found == ["https://example.com/a_b"] * 2
    assert await page.js("window.hacked") is None


async def test_comes_back_after_a_cut_connection_with_what_was_missed(
    browser: Browser, running: Running, bot: Bot
) -> None:
    page = await start_conversation(browser, running, "olu")
    await bot.join(page)
    # The page must not come back before the message is there to be missed.
    await page.js("(window.RealSocket = WebSocket, window.WebSocket = class { close() {} }, 0)")
    for connection in running.sandbox.hub.of_user("olu"):
        connection.close()
    await page.until("document.querySelector('.me-state').textContent !== 'Online'")
    await bot.post(id="missed-1", text="While you were away")
    await page.write("#composer", "Written while away")
    await page.js("(window.WebSocket = window.RealSocket, window.dispatchEvent(new Event('offline')), 0)")
    await page.shows(".banner", "You are offline")
    await page.js("window.dispatchEvent(new Event('online'))")
    await page.shows(".me-state", "Online")
    await page.shows("[data-id='missed-1']", "While you were away")
    await page.shows(".message.is-mine:not(.is-unsent)", "Written while away")
    await bot.post(id="live-1", text="And live again")
    await page.shows("[data-id='live-1']", "And live again")


async def test_says_why_a_conversation_of_others_cannot_be_opened(browser: Browser, running: Running, bot: Bot) -> None:
    page = await start_conversation(browser, running, "priya")
    await bot.join(page)
    cid = bot.channel.removeprefix("/channels/").replace("/", ":")
    other = await browser.open(f"{running.url}/?user=stranger&channel={cid}")
    await other.click("#asked")
    await other.click("#offered")
    await other.shows(".empty", "stranger is not a member of this conversation")


async def test_a_message_does_not_overtake_one_that_needs_a_second_try(
    browser: Browser, running: Running, bot: Bot
) -> None:
    page = await start_conversation(browser, running, "ines")
    await bot.join(page)
    await page.js(
        "(({fetch}, cut = 1) => { window.fetch = (to, how) => to.includes('/message?') && cut-- > 0"
        " ? Promise.reject(new TypeError('no network')) : fetch(to, how) })(window)"
    )
    await page.write("#composer", "First")
    await page.shows(".message.is-unsent", "Not sent yet")
    await page.write("#composer", "Second")
    await page.until("document.querySelectorAll('.message.is-mine:not(.is-unsent)').length === 2")
    stored = await bot.call("POST", f"{bot.channel}/query", {"state": True, "messages": {"limit": 5}})
    assert [message["text"] for message in stored["messages"]] == ["First", "Second"]


async def test_the_keyboard_reaches_the_reactions_and_comes_back(browser: Browser, running: Running, bot: Bot) -> None:
    page = await start_conversation(browser, running, "noor")
    await browser.command("Emulation.setFocusEmulationEnabled", page.session, enabled=True)
    await bot.join(page)
    await bot.post(id="react-1", text="Did this help?", ai_generated=True)
    await page.until("document.querySelector('[data-id=\"react-1\"] [aria-label=React]') !== null")
    await page.js("document.querySelector('[data-id=\"react-1\"]').focus()")
    await page.js("document.querySelector('[data-id=\"react-1\"] [aria-label=React]').focus()")
    await page.press_enter()
    await page.until("document.activeElement.getAttribute('aria-label') === 'Like'")
    await page.press_enter()
    await page.shows("[data-id='react-1'] .reaction[aria-pressed=true]", "1")
    assert await page.js("document.activeElement.dataset.id") == "react-1"
    await page.click("[data-id='react-1'] [aria-label='Reply in thread']")
    await page.write("#thread-composer", "Yes, a lot")
    await page.shows(".panel .message.is-mine:not(.is-unsent)", "Yes, a lot")
    await page.click("[aria-label='Close the thread']")
    await page.until("document.activeElement.dataset.id === 'react-1'")
    await page.shows("[data-id='react-1']", "1 reply")


async def test_a_tap_on_a_message_offers_its_actions_and_starts_none(
    browser: Browser, running: Running, bot: Bot
) -> None:
    page = await start_conversation(browser, running, "tomas")
    await page.write("#composer", "Tap me")
    await page.shows(".message.is-mine:not(.is-unsent)", "Tap me")
    await browser.command("Emulation.setTouchEmulationEnabled", page.session, enabled=True)
    await browser.command(
        "Emulation.setDeviceMetricsOverride", page.session, width=360, height=740, deviceScaleFactor=1, mobile=True
    )
    await page.until("matchMedia('(hover: none) and (pointer: coarse)').matches")
    spot = await page.js(
        "(({x, y}) => ({x: x + 9, y: y + 9}))(document.querySelector('.is-mine .message-body').getBoundingClientRect())"
    )
    await browser.command("Input.dispatchTouchEvent", page.session, type="touchStart", touchPoints=[spot])
    await browser.command("Input.dispatchTouchEvent", page.session, type="touchEnd", touchPoints=[])
    await page.shows(".is-mine .tools")
    assert await page.js("document.querySelector('.editor-box, .tools-question') === null")
    assert await page.js("document.documentElement.scrollWidth") == 360


async def test_files_reach_the_others(browser: Browser, running: Running, bot: Bot, tmp_path: Path) -> None:
    page = await start_conversation(browser, running, "lena")
    await bot.join(page)
    (tmp_path / "größe 1.txt").write_text("12 cm")
    (tmp_path / "dot.gif").write_bytes(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;")
    async with bot.client.post(
        "/sandbox/faults", json={"pattern": "POST /channels/*/file", "status": 500, "message": "disk full"}
    ) as answer:
        assert answer.status == 200, await answer.text()
    await page.attach("#conversation input[type=file]", tmp_path / "größe 1.txt", tmp_path / "dot.gif")
    await page.shows(".upload[data-state=failed]", "disk full")
    await page.click(".upload .link-button", "Try again")
    await page.until("document.querySelectorAll('.upload[data-state=ready]').length === 2")
    await page.write("#composer", "See these")
    await page.shows(".message.is-mine:not(.is-unsent)", "See these")
    stored = await bot.call("POST", f"{bot.channel}/query", {"state": True, "messages": {"limit": 1}})
    text, picture = stored["messages"][0]["attachments"]
    assert (text["title"], text["type"], picture["type"]) == ("größe 1.txt", "file", "image")
    async with bot.client.get(text["asset_url"]) as file:
        assert await file.text() == "12 cm"
    await page.shows(".message .attachment-file", "größe 1.txt")


async def test_a_message_too_long_is_kept_and_the_writer_told(browser: Browser, running: Running, bot: Bot) -> None:
    page = await start_conversation(browser, running, "yusuf")
    await page.write("#composer", "x" * 5_003)
    await page.shows(".toast", "too long by 3 characters")
    assert await page.js("document.querySelector('#composer').value.length") == 5_003


async def test_all_modules_of_the_first_screen_are_asked_for_at_once() -> None:
    page = (PLAYGROUND / "index.html").read_text(encoding="utf-8")
    files = [file for file in PLAYGROUND.rglob("*.js") if file.parent.name != "locales"]
    modules = {file.relative_to(PLAYGROUND).as_posix() for file in files}
    later = {
        (file.parent / name).resolve().relative_to(PLAYGROUND.resolve()).as_posix()
        for file in files
        for name in re.findall(r'lazy\(\(\) => import\("(.*?)"\)', file.read_text(encoding="utf-8"))
    }
    assert later
    assert set(re.findall(r'<link rel="modulepreload" href="/playground/(.*?)">', page)) == modules - later


async def test_the_libraries_are_those_that_were_published() -> None:
    rows = re.findall(
        r"^\| `(\w+\.js)` \|.*`([0-9a-f]{64})` \|$", (VENDOR / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert {name for name, _ in rows} == {file.name for file in VENDOR.glob("*.js")}
    for name, digest in rows:
        text = (VENDOR / name).read_text("utf-8").replace('from"./preact.js"', 'from"preact"')
        source_map = {"preact.js": "preact.mjs.map", "hooks.js": "hooks.mjs.map"}.get(name)
        published = text + (f"//# sourceMappingURL={source_map}\n" if source_map else "")
        assert hashlib.sha256(published.encode()).hexdigest() == digest, name


async def test_the_page_weighs_less_than_100_kb_on_the_wire(browser: Browser, running: Running) -> None:
    page = await start_conversation(browser, running, "weight")
    weight = await page.js(
        "performance.getEntriesByType('navigation')[0].encodedBodySize"
        " + performance.getEntriesByType('resource').filter(({name}) => name.includes('/playground/'))"
        ".reduce((sum, {encodedBodySize}) => sum + encodedBodySize, 0)"
    )
    assert 20_000 < weight < 100_000


async def test_a_source_opens_its_article_at_the_passage_and_says_when_it_is_gone(
    browser: Browser, running: Running, bot: Bot
) -> None:
    page = await start_conversation(browser, running, "reader")
    await bot.join(page)
    await bot.call("PUT", "/sandbox/bots", {"bots": [{"user_id": BOT, "name": "Agent"}]}, user=None)
    many = [{"heading": "", "text": f"Paragraph {n}. " + "word " * 80, "line": n} for n in range(30)]
    hot = {"heading": "Hot days", "text": "| When | How |\n| --- | --- |\n| June | <b>twice</b> |", "line": 90}
    told = {"bot": BOT, "articles": [{"file": "kb/water.md", "title": "Watering", "sections": [*many, hot]}]}
    await bot.call("PUT", "/sandbox/articles", told, user=None)
    sources = [
        {"title": "Watering", "file": "kb/water.md", "heading": "Hot days", "line": 90},
        {"title": "Watering", "file": "kb/water.md", "heading": "Cold days", "line": 20},
        {"title": "Online", "file": "kb/online.md", "url": "https://help.example.com/online"},
    ]
    await bot.post(id="sourced-1", text="Twice.", ai_generated=True, sources=sources)
    await page.shows("[data-id='sourced-1'] .chip-toggle", "2 sources")
    await page.shows("[data-id='sourced-1'] a.chip[href='https://help.example.com/online'][rel~=noopener]", "Online")
    await page.click("[data-id='sourced-1'] button.chip", "Watering")
    await page.shows(".article h2", "Watering")
    await page.shows(".article .is-quoted td", "<b>twice</b>")
    at = "document.querySelector('.is-quoted').getBoundingClientRect()"
    await page.until(f"{at}.top >= 0 && {at}.top < innerHeight && document.activeElement.matches('.is-quoted')")
    await bot.call("PUT", "/sandbox/articles", {"bot": BOT, "files": []}, user=None)
    await page.shows(".article [role=status]", "This article is gone")
    await page.click(".article .panel-head button")
    await page.until("document.querySelector('.article') === null")


async def test_a_poll_is_drawn_and_voted_in_by_two_people(browser: Browser, running: Running, bot: Bot) -> None:
    page = await start_conversation(browser, running, "poll-ann")
    await bot.join(page)
    options = [{"text": "Pizza"}, {"text": "Soup"}]
    made = await bot.call("POST", "/polls", {"name": "Lunch?", "options": options, "enforce_unique_vote": True})
    poll = made["poll"]["id"]
    await bot.post(id="poll-1", text="Lunch?", poll_id=poll, ai_generated=True)
    await page.click(".poll-option", "Pizza")
    await page.shows(".poll-option[aria-pressed='true'][aria-label='Pizza, 1 vote']")
    soup = next(option["id"] for option in made["poll"]["options"] if option["text"] == "Soup")
    await bot.call("POST", f"/messages/poll-1/polls/{poll}/vote", {"vote": {"option_id": soup}})
    await page.shows(".poll-option[aria-label='Soup, 1 vote'][aria-pressed='false']")
    await page.shows(".poll-option[aria-pressed='true'][aria-label='Pizza, 1 vote']")
    await page.click(".poll-option", "Soup")
    await page.shows(".poll-option[aria-pressed='true'][aria-label='Soup, 2 votes']")
    await page.click(".poll-option", "Soup")
    await page.shows(".poll-option[aria-pressed='false'][aria-label='Soup, 1 vote']")
    await bot.call("PATCH", f"/polls/{poll}", {"set": {"is_closed": True}})
    await page.until("[...document.querySelectorAll('.poll-option')].every(option => option.disabled)")
    assert await page.js("document.querySelector('[data-id=\"poll-1\"] .message-body').hidden")
