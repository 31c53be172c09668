"""The playground in a real browser, on a real sandbox, with a bot that follows the test's script."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from framework.sandbox.config import SandboxConfig
from framework.sandbox.server import Running, serving
from tests.support.chromium import Browser, Page, chromium, find_chromium

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on this machine: install the package chromium to run this"
    ),
]
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
        hello = await socket.receive_json(timeout=5)
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
    await page.shows(".source-list", "kb/delivery.md")
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
        while (event := await socket.receive_json(timeout=5))["type"] != "ai_indicator.stop":
            pass
    assert event["message_id"] == "stop-1"
    assert event["user"]["id"] == "amara"
    await page.shows(".activity", "Stopping")


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
    await other.shows(".empty", "stranger is not a member of this conversation")
