"""What customers and the team see of a handover and of drafts, in a real browser, with the bot at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from framework.app.presented import present
from framework.definition.model import BotDefinition
from framework.runtime.core.bot import RunningBot
from framework.runtime.process import run_bots
from framework.sandbox.dev.server import Running, serving
from framework.sandbox.kernel.config import SandboxConfig
from framework.settings import Settings
from framework.stream.factory import open_chat_service
from framework.stream.model import ChannelRef
from tests.support.agent import ScriptedAgent
from tests.support.chromium import Browser, Page, chromium, find_chromium
from tests.support.waiting import until

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on this machine: install the package chromium to run this"
    ),
]
LINK = "messaging%3Asupport-1"


@pytest.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with serving(SandboxConfig(port=0)) as started:
        yield started


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium(CHROMIUM or "") as started:
        yield started
        assert started.complaints == [], "scripts on the page failed"


@asynccontextmanager
async def running(sandbox: Running, *, told: bool = False, **spec: Any) -> AsyncIterator[RunningBot]:
    settings = Settings(
        stream_api_key=sandbox.config.api_key,
        stream_api_secret=SecretStr(sandbox.config.api_secret),
        stream_base_url=sandbox.url,
    )
    team = {"users": ["carl"]}
    definition = BotDefinition.model_validate({"channels": ["messaging:support-*"], "team": team, **spec})
    bot = RunningBot("support_bot", definition, open_chat_service(settings, definition.identity), ScriptedAgent())
    if told:
        await present([definition], settings)
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run_bots([bot], stop=stop, ready=ready.set))
    try:
        await until(lambda: ready.is_set() or task.done())
        yield bot
    finally:
        stop.set()
        await task


async def signed_in(browser: Browser, sandbox: Running, user: str, channel: str = "") -> Page:
    page = await browser.open(f"{sandbox.url}/?user={user}" + (f"&channel={channel}" if channel else ""))
    await page.click("#asked")
    await page.shows(".me-state", "Online")
    if channel:
        await page.click("#offered, .channel")
        await page.shows("#composer")
    return page


async def test_a_handover_as_the_customer_and_the_team_see_it(sandbox: Running, browser: Browser) -> None:
    reply = {"suggestions": ["Where is my parcel?", "Talk to a human"], "feedback": ["thumbs_up", "thumbs_down"]}
    async with running(sandbox, handover={"enabled": True}, reply=reply):
        carl = await signed_in(browser, sandbox, "carl")
        ann = await signed_in(browser, sandbox, "ann", LINK)
        await ann.write("#composer", "Hello")
        await ann.shows(".message.is-bot", "You said: Hello")
        await ann.click(".reaction[aria-label='thumbs up']")
        await ann.shows(".reaction[aria-label='thumbs up, 1'][aria-pressed='true']")
        await ann.click(".suggestion", "Talk to a human")
        await ann.shows(".handover", "carl has been asked to join.")
        await ann.shows(".message.is-bot", "I am handing over to a person")
        await carl.click(".channel:not(.queue-button)")
        await carl.shows(".message", "For the team.")
        await carl.shows(".message-note", "Only the team sees this.")
        assert not await ann.js("document.body.innerText.includes('For the team.')")
        await carl.write("#composer", "Carl here, how can I help?")
        await ann.shows(".handover[data-state='human']", "carl has taken over this conversation.")
        await carl.write("#composer", "/bot resume")
        await ann.shows(".message.is-bot", "I am back, and read along again.")
        await ann.until("document.querySelector('.handover').hidden")


async def test_a_draft_is_sent_by_its_button_and_the_customer_sees_the_answer_alone(
    sandbox: Running, browser: Browser
) -> None:
    async with running(sandbox, drafts={"enabled": True}) as bot:
        carl = await signed_in(browser, sandbox, "carl")
        ann = await signed_in(browser, sandbox, "ann", LINK)
        await bot.service.add_members(ChannelRef("messaging", "support-1"), ["carl"])
        await carl.click(".channel:not(.queue-button)")
        await ann.write("#composer", "Hello")
        await carl.shows(".card-title", "Draft for ann")
        assert not await ann.js("document.body.innerText.includes('You said')")
        await carl.click(".card-actions .suggestion", "Send")
        await ann.shows(".message.is-bot", "You said: Hello")
        await carl.shows(".card-text", "Sent by carl.")
        assert await ann.js("document.querySelectorAll('.message').length") == 2


async def test_the_queue_shows_who_waits_and_takes_over_and_hands_back(sandbox: Running, browser: Browser) -> None:
    async with running(sandbox, told=True, handover={"enabled": True}) as bot:
        carl = await signed_in(browser, sandbox, "carl")
        ann = await signed_in(browser, sandbox, "ann", LINK)
        await ann.write("#composer", "Talk to a human")
        await ann.shows(".handover", "carl has been asked to join.")
        await carl.click(".queue-button")
        await carl.shows(".queue-summary", "1 person waits")
        await carl.shows(".queue-row", "A person was asked for.")
        await carl.click(".queue-row .button", "Take over")
        await ann.shows(".handover[data-state='human']", "carl has taken over this conversation.")
        await carl.click(".queue-button")
        await carl.shows(".queue-summary", "0 people wait")
        await carl.shows(".queue-row", "carl has it")
        await carl.click(".queue-row .button", "Open")
        await carl.write("#composer", "/bot resum")
        await carl.shows(".toast", "Did you mean /bot resume?")
        await carl.click(".handover .button", "Hand back")
        await ann.shows(".message.is-bot", "I am back, and read along again.")
        await ann.until("document.querySelector('.handover').hidden")
        assert not await ann.js("document.body.innerText.includes('/bot resum')")
        seen = await bot.service.recent(ChannelRef("messaging", "support-1"), limit=30)
        assert [message.text for message in seen].count("/bot resum") == 0
        await carl.click(".queue-button")
        await carl.shows(".queue-none", "You have no conversation.")


async def test_a_private_note_stays_with_the_team(sandbox: Running, browser: Browser) -> None:
    async with running(sandbox, told=True, handover={"enabled": True}):
        carl = await signed_in(browser, sandbox, "carl")
        ann = await signed_in(browser, sandbox, "ann", LINK)
        await ann.write("#composer", "Talk to a human")
        await ann.shows(".handover", "carl has been asked to join.")
        await carl.click(".queue-button")
        await carl.click(".queue-row .button", "Open")
        await carl.click(".note-switch button", "Private note")
        await carl.write("#composer", "She is a regular.")
        await carl.shows(".message.is-note", "She is a regular.")
        await carl.shows(".message.is-note .message-author", "carl")
        await carl.shows(".message.is-note .message-note", "Private note. Only the team sees this.")
        await carl.click(".note-switch button", "Reply")
        await carl.write("#composer", "Carl here, how can I help?")
        await ann.shows(".message", "Carl here, how can I help?")
        assert not await ann.js("document.body.innerText.includes('She is a regular')")
        assert await ann.js("document.querySelector('.note-switch') === null")
        later = await signed_in(browser, sandbox, "carl")
        await later.click(".channel:not(.queue-button)")
        await later.shows(".message.is-note", "She is a regular.")


async def test_a_customer_has_no_queue_and_their_words_are_not_held_back(sandbox: Running, browser: Browser) -> None:
    async with running(sandbox, told=True, handover={"enabled": True}):
        ann = await signed_in(browser, sandbox, "ann", LINK)
        await ann.write("#composer", "/bot resum")
        await ann.shows(".message.is-bot", "You said: /bot resum")
        assert not await ann.js("document.querySelector('.queue-button')")


async def test_a_draft_is_changed_and_sent_from_the_queue(sandbox: Running, browser: Browser) -> None:
    drafts = {"enabled": True, "channel": "team:desk"}
    async with running(sandbox, told=True, drafts=drafts):
        carl = await signed_in(browser, sandbox, "carl")
        ann = await signed_in(browser, sandbox, "ann", LINK)
        await ann.write("#composer", "Hello")
        await carl.click(".queue-button")
        await carl.shows(".queue-summary", "1 draft")
        await carl.shows(".queue-text", "You said: Hello")
        await carl.click(".queue-row .button", "Edit draft")
        await carl.js("document.querySelector('.editor-box').select()")
        await carl.type_into(".editor-box", "Better words")
        await carl.click(".queue-row .button", "Send the changed draft")
        await ann.shows(".message.is-bot", "Better words")
        await carl.shows(".queue-none", "No draft waits.")
        await carl.click(".channel", "Desk")
        await carl.shows(".card-text", "Edited by carl.")
        await carl.click(".message .link-button", "Open the conversation")
        await carl.shows(".header-title", "Hello")
        assert await carl.js("new URLSearchParams(location.search).get('channel')") == "messaging:support-1"
