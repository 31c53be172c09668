"""Stream's own React kit, in a real browser, cannot tell the sandbox from the service."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
import stream_chat
from aiohttp import web

from framework.sandbox.kernel.realtime.event import Event
from tests.clients.javascript import HERE, NODE, PACKAGES, Restartable, missing, restartable
from tests.support.chromium import Browser, Page, chromium, find_chromium
from tests.support.waiting import until

CHROMIUM = find_chromium()
NO_CHROMIUM = "no Chromium on this machine: install the package chromium to run this"
WHY_NOT = missing("stream-chat-react", "esbuild") or (None if CHROMIUM else NO_CHROMIUM)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or ""),
]
BOT = "agent-bot"
MESSAGES = ".str-chat__main-panel"
THREAD = ".str-chat__thread"
INPUT = f"{MESSAGES} textarea"
LISTED = ".str-chat__channel-list"
READ_BY_OTHERS = f"{MESSAGES} [data-testid=message-status-read-by]"
BUNDLE = ("--bundle", "--format=esm", "--target=es2022", "--jsx=automatic", "--log-level=error")


@dataclass
class Desk:
    """A page on which Ana has the channel `help` open, and the bot that she shares it with."""

    page: Page
    bot: Any
    channel: Any
    sandbox: Restartable

    async def say(self, text: str, **fields: Any) -> None:
        """Send a message as the bot."""
        await self.channel.send_message({"text": text, **fields}, BOT)

    async def state(self, kind: str, **fields: Any) -> None:
        """Send an event as the bot."""
        await self.channel.send_event({"type": kind, **fields}, BOT)

    async def send(self, text: str, panel: str = MESSAGES) -> None:
        """Write and send a message as Ana, and wait until the server has it: the page shows it before that."""
        await self.page.type_into(f"{panel} textarea", text)
        await self.page.shows(f"{panel} [data-testid=send-button]:not([disabled])")
        sent = asyncio.create_task(self.hears("message.new", self.page.press_enter))
        await self.page.shows(f"{panel} .str-chat__message--me", text)
        assert (await sent)["message"].fields["text"] == text

    async def stored(self) -> list[dict[str, Any]]:
        """The messages of the channel."""
        found = await self.channel.query(state=True, messages={"limit": 50})
        return list(found["messages"])

    async def ana_has_read_the_greeting(self) -> bool:
        """Whether her page told the server so."""
        found = await self.channel.query(state=True)
        return any(one["user"]["id"] == "ana" and one.get("last_read_message_id") == "hello" for one in found["read"])

    async def hears(self, kind: str, act: Callable[[], Awaitable[None]]) -> dict[str, Any]:
        """The next event of a type that the sandbox sends after an act."""
        events: list[Event] = []
        self.sandbox.running.sandbox.publishers.append(events.append)
        await act()

        async def heard() -> dict[str, Any] | None:
            return next((event.payload for event in events if event.type == kind), None)

        found: dict[str, Any] = await until(heard)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The bundled page, on an origin of its own."""
    folder = tmp_path_factory.mktemp("site")
    esbuild = PACKAGES / "esbuild" / "bin" / "esbuild"
    command = [NODE or "node", str(esbuild), "app.jsx", *BUNDLE, f"--outdir={folder}"]
    process = await asyncio.create_subprocess_exec(*command, cwd=HERE / "page")
    assert await process.wait() == 0
    shutil.copy(HERE / "page" / "index.html", folder)
    app = web.Application()
    app.router.add_static("/", folder)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/index.html"
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(CHROMIUM or "") as started:
        yield started
        assert started.complaints == [], "scripts on the page failed"


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser, site: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with restartable(tmp_path) as sandbox:
        running = sandbox.running
        async with stream_chat.StreamChatAsync(running.api_key, running.api_secret, base_url=running.url) as bot:
            await bot.upsert_users([{"id": "ana", "name": "Ana"}, {"id": BOT, "name": "Agent"}])
            channel = bot.channel("messaging", "help", {"members": ["ana", BOT], "name": "Help desk"})
            await channel.create("ana")
            await channel.send_message({"id": "hello", "text": "How can I help?"}, BOT)
            about = {"url": running.url, "key": running.api_key, "user": "ana", "token": bot.create_token("ana")}
            page = await browser.open(f"{site}?{urlencode(about)}")
            await page.shows(MESSAGES, "How can I help?")
            yield Desk(page, bot, channel, sandbox)
            await page.close()


def message(message_id: str, inside: str = "") -> str:
    """The selector of a message in the channel, or of something inside it."""
    return f'{MESSAGES} [data-message-id="{message_id}"] {inside}'.strip()


async def test_lists_channels_and_exchanges_messages(desk: Desk) -> None:
    page = desk.page
    await page.shows(LISTED, "Help desk")
    await desk.send("Where is my parcel?")
    await desk.say("On its way.")
    await page.shows(f"{MESSAGES} .str-chat__message--other", "On its way.")
    await page.shows(LISTED, "On its way.")
    stored = [(one["user"]["id"], one["text"]) for one in await desk.stored()]
    assert stored == [(BOT, "How can I help?"), ("ana", "Where is my parcel?"), (BOT, "On its way.")]
    other = desk.bot.channel("messaging", "news", {"members": ["ana", BOT], "name": "News"})
    await other.create(BOT)
    await other.send_message({"text": "We are open on Sunday."}, BOT)
    await page.shows(LISTED, "We are open on Sunday.")
    await page.click(f"{LISTED} button", "News")
    await page.shows(MESSAGES, "We are open on Sunday.")
    await page.until(f"document.querySelector({MESSAGES!r}).innerText.includes('On its way.') === false")


async def test_shows_and_tells_who_types(desk: Desk) -> None:
    await desk.state("typing.start")
    await desk.page.shows(f"{MESSAGES} .str-chat__typing-indicator", "Agent is typing")
    await desk.state("typing.stop")
    await desk.page.until(f"!document.querySelector('{MESSAGES} .str-chat__typing-indicator')")
    heard = await desk.hears("typing.start", lambda: desk.page.type_into(INPUT, "Hm"))
    assert heard["user"].fields["id"] == "ana"


async def test_replies_in_a_thread(desk: Desk) -> None:
    page = desk.page
    await page.click(message("hello", "[data-testid=thread-action]"))
    await desk.send("By post, please", THREAD)
    await desk.say("As you like.", parent_id="hello")
    await page.shows(f"{THREAD} .str-chat__message--other", "As you like.")
    await page.shows(message("hello", "[data-testid=replies-count-button]"), "2 replies")
    replies = await desk.bot.get("messages/hello/replies")
    assert [one["text"] for one in replies["messages"]] == ["By post, please", "As you like."]


async def test_reacts_and_shows_the_reactions_of_others(desk: Desk) -> None:
    page = desk.page
    await page.click(message("hello", "[data-testid=message-reaction-action]"))
    pick = "[data-testid=select-reaction-button]"
    heard = await desk.hears("reaction.new", lambda: page.click(pick))
    await page.shows(message("hello", "[data-testid=message-reactions-list-item]"))
    mine = heard["reaction"].fields
    assert mine["user"].fields["id"] == "ana"
    await desk.channel.send_reaction("hello", {"type": mine["type"]}, BOT)
    await page.until(f"document.querySelector({message('hello')!r}).innerText.includes('2')")
    await desk.channel.delete_reaction("hello", mine["type"], BOT)
    await desk.channel.delete_reaction("hello", mine["type"], "ana")
    await page.until(f"!document.querySelector({message('hello', '[data-testid=message-reactions-list-item]')!r})")


async def test_uploads_a_picture_and_a_file(desk: Desk, tmp_path: Path) -> None:
    page = desk.page
    picture, note = tmp_path / "dot.png", tmp_path / "note.txt"
    picture.write_bytes(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da63fccf500f000385"
            "018064e3b94a0000000049454e44ae426082"
        )
    )
    note.write_text("hello")
    await page.attach(f"{MESSAGES} [data-testid=file-input]", picture, note)
    await page.shows(".str-chat__attachment-preview-list", "note.txt")
    await page.until("!document.querySelector('.str-chat__attachment-preview-list .str-chat__loading-indicator')")
    await desk.send("Here they are")
    await page.shows(f"{MESSAGES} .str-chat__message--me", "note.txt")
    await page.until(f"document.querySelector('{MESSAGES} .str-chat__message--me img').naturalWidth > 0")
    attachments = (await desk.stored())[-1]["attachments"]
    assert {one["type"] for one in attachments} == {"image", "file"}


async def test_shows_an_answer_that_streams_in_and_what_the_bot_does(desk: Desk) -> None:
    page = desk.page
    await desk.say("", id="answer", ai_generated=True, generating=True)
    await desk.state("ai_indicator.update", ai_state="AI_STATE_THINKING", message_id="answer")
    await page.shows(".str-chat__ai-state-indicator-text", "Thinking...")
    await desk.state("ai_indicator.update", ai_state="AI_STATE_GENERATING", message_id="answer")
    await page.shows(".str-chat__ai-state-indicator-text", "Generating...")
    for text in ("It takes", "It takes **three"):
        change = {"set": {"text": text}, "user_id": BOT}
        await desk.bot.patch("messages/answer/ephemeral", data=change)
        await page.shows(message("answer"), text)
    await desk.bot.update_message_partial("answer", {"set": {"text": "It takes **three days**."}}, BOT)
    await page.shows(message("answer", "strong"), "three days")
    final = {"id": "answer", "text": "It takes **three days** by post.", "ai_generated": True, "user_id": BOT}
    await desk.bot.update_message(final)
    await desk.state("ai_indicator.clear")
    await page.shows(message("answer"), "It takes three days by post.")
    await page.until("!document.querySelector('.str-chat__ai-state-indicator-text')")
    assert (await desk.stored())[-1]["text"] == "It takes **three days** by post."


async def test_the_stop_button_sends_the_stop_event(desk: Desk) -> None:
    await desk.say("", id="answer", ai_generated=True, generating=True)
    await desk.state("ai_indicator.update", ai_state="AI_STATE_GENERATING", message_id="answer")
    stop = await desk.hears("ai_indicator.stop", lambda: desk.page.click("[data-testid=stop-ai-generation-button]"))
    assert stop["user"].fields["id"] == "ana"
    assert stop["cid"] == "messaging:help"


async def test_marks_what_is_shown_as_read_and_shows_that_others_read(desk: Desk) -> None:
    await until(desk.ana_has_read_the_greeting)
    await desk.send("Read that")
    await desk.page.shows(f"{MESSAGES} [data-testid=message-status-sent]")
    assert not await desk.page.js(f"Boolean(document.querySelector('{READ_BY_OTHERS}'))")
    await desk.channel.mark_read(BOT)
    await desk.page.shows(READ_BY_OTHERS)


async def test_comes_back_after_the_server_restarts(desk: Desk) -> None:
    page = desk.page
    await desk.sandbox.restart()
    await desk.say("While you were away", id="missed")
    await page.shows(message("missed"), "While you were away")
    await desk.say("And live again", id="live")
    await page.shows(message("live"), "And live again")
    await desk.send("Back, too")
    assert [one["text"] for one in await desk.stored()][-1] == "Back, too"
