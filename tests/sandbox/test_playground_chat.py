"""What people expect of a chat, in a real browser: search, completion, quotes, pins, languages, long channels."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import stream_chat

from framework.sandbox.dev.routes import PLAYGROUND
from framework.sandbox.dev.server import Running, serving
from framework.sandbox.kernel.config import SandboxConfig
from tests.support.chromium import Browser, Page, chromium, find_chromium

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on this machine: install the package chromium to run this"
    ),
]
KEY_VALUE = re.compile(r'^  ("(?:[^"\\]|\\.)*"): ("(?:[^"\\]|\\.)*"),$', re.MULTILINE)
SAID = re.compile(r'\b(?:t|attempt)\(\s*"((?:[^"\\]|\\.)*)"|\btn\(\s*"([^"]*)",\s*"([^"]*)"')
SHOWN = "document.querySelectorAll('.message-list > .message').length"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(CHROMIUM or "") as started:
        yield started
        assert started.complaints == [], "scripts on the page failed"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Running]:
    async with serving(SandboxConfig(port=0)) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(running: Running) -> AsyncIterator[Any]:
    config = running.config
    async with stream_chat.StreamChatAsync(config.api_key, config.api_secret, base_url=running.url) as client:
        people = [{"id": "ann", "name": "Ann"}, {"id": "zoe", "name": "Zoë Miller"}, {"id": "helper", "name": "Helper"}]
        await client.upsert_users(people)
        yield client


async def opened(browser: Browser, running: Running, server: Any, channel_id: str, *texts: str) -> Page:
    """Ann's page, with a channel open that has some messages of Zoë's."""
    channel = server.channel("messaging", channel_id, {"members": ["ann", "zoe", "helper"]})
    await channel.create("ann")
    for text in texts:
        await channel.send_message({"text": text}, "zoe")
    page = await browser.open(f"{running.url}/?user=ann&channel=messaging:{channel_id}")
    await browser.command("Emulation.setFocusEmulationEnabled", page.session, enabled=True)
    await page.click("#asked")
    await page.shows("#composer")
    return page


async def key(page: Page, name: str) -> None:
    """Press a key that writes nothing."""
    for kind in ("rawKeyDown", "keyUp"):
        await page.browser.command("Input.dispatchKeyEvent", page.session, type=kind, key=name, code=name)


async def test_every_sentence_is_translated_and_keeps_its_values() -> None:
    files = [*PLAYGROUND.glob("*.js"), *PLAYGROUND.glob("views/*.js")]
    found = [SAID.findall(file.read_text("utf-8")) for file in files]
    said = {sentence for matches in found for groups in matches for sentence in groups if sentence}
    assert len(said) > 150
    for language in ("de", "es", "fr"):
        text = (PLAYGROUND / "locales" / f"{language}.js").read_text("utf-8")
        words = {json.loads(one): json.loads(other) for one, other in KEY_VALUE.findall(text)}
        same = {"Bot", "Emoji", "Table", "Source", "Suggestions", "Notifications", "Messages", "Conversations"}
        same |= {"Online", "Offline", "online", "offline", "Team", "Moderator", "Thread"}
        same |= {"{n} vote", "{n} votes", "{n} source", "{n} sources"}
        assert said - words.keys() - same == set(), language
        for sentence, translation in words.items():
            assert set(re.findall(r"\{\w+\}", sentence)) == set(re.findall(r"\{\w+\}", translation)), translation


@pytest.mark.parametrize(
    ("accepted", "lang", "dir_", "heading"),
    [
        ("de-AT,en", "de", "ltr", "Sprechen Sie mit Ihrem Bot"),
        ("es", "es", "ltr", "Hable con su bot"),
        ("fr-CA", "fr", "ltr", "Parlez à votre bot"),
        ("nl,de", "en", "ltr", "Talk to your bot"),
        ("ar", "en", "rtl", "Talk to your bot"),
    ],
)
async def test_the_page_speaks_the_language_of_the_browser(
    browser: Browser, running: Running, accepted: str, lang: str, dir_: str, heading: str
) -> None:
    page = await browser.open("about:blank")
    await browser.command("Emulation.setUserAgentOverride", page.session, userAgent="test", acceptLanguage=accepted)
    await page.go(running.url)
    await page.shows("h1", heading)
    assert await page.js("[document.documentElement.lang, document.documentElement.dir]") == [lang, dir_]
    assert await page.js("document.documentElement.scrollWidth <= innerWidth")


async def test_of_a_long_channel_a_part_is_drawn_and_all_of_it_can_be_reached(
    browser: Browser, running: Running, server: Any
) -> None:
    channel = server.channel("messaging", "long", {"members": ["ann", "zoe"]})
    await channel.create("ann")
    for start in range(0, 400, 50):
        await asyncio.gather(
            *(channel.send_message({"id": f"n-{n}", "text": f"Number {n}"}, "zoe") for n in range(start, start + 50))
        )
    page = await opened(browser, running, server, "long")
    await page.shows(".message", "Number 399")
    first = "document.querySelector('.message-list .message').innerText"
    seen = await page.js(first)
    while await page.js(
        "document.querySelectorAll('.list-top').length && !document.body.innerText.includes('Number 0\\n')"
    ):
        await page.js("document.querySelector('.scroller').scrollTo({top: 0, behavior: 'instant'})")
        await page.until(f"{first} !== {json.dumps(seen)} || document.body.innerText.includes('Number 0\\n')")
        seen = await page.js(first)
        assert await page.js(SHOWN) <= 120
    await page.click(".jump", "To the newest")
    await page.shows(".message", "Number 399")
    assert await page.js(SHOWN) <= 120


async def test_the_place_of_a_reader_stays_while_older_messages_come(
    browser: Browser, running: Running, server: Any
) -> None:
    channel = server.channel("messaging", "stays", {"members": ["ann", "zoe"]})
    await channel.create("ann")
    for n in range(90):
        await channel.send_message({"id": f"s-{n}", "text": f"Line {n}"}, "zoe")
    page = await opened(browser, running, server, "stays")
    await page.shows(".message", "Line 89")
    await page.until("document.querySelector('[data-id=s-60]') !== null")
    await page.js("document.querySelector('.scroller').scrollTo({top: 0, behavior: 'instant'})")
    await page.until("document.querySelector('[data-id=s-59]') !== null")
    top = "Math.round(document.querySelector('[data-id=s-60]').getBoundingClientRect().top)"
    assert 0 < await page.js(top) < 400, "the message that was at the top is still in sight"
    before = await page.js(top)
    await channel.send_message({"text": "One more"}, "zoe")
    await page.shows(".jump", "New messages")
    assert abs(await page.js(top) - before) <= 2


async def test_a_search_leads_to_an_old_message_and_the_newest_are_one_click_away(
    browser: Browser, running: Running, server: Any
) -> None:
    channel = server.channel("messaging", "found", {"members": ["ann", "zoe"]})
    await channel.create("ann")
    for n in range(120):
        await channel.send_message({"id": f"f-{n}", "text": "A walrus, seen" if n == 5 else f"Plain {n}"}, "zoe")
    page = await opened(browser, running, server, "found")
    await page.shows(".message", "Plain 119")
    await page.click("[aria-label='Search']")
    await page.type_into("[aria-label='Search messages and people']", "walrus")
    await page.click(".search-text", "A walrus, seen")
    await page.until("document.activeElement.dataset.id === 'f-5'")
    assert not await page.js("document.querySelector('[data-id=f-119]')")
    await channel.send_message({"id": "f-new", "text": "Just now"}, "zoe")
    await page.click(".jump")
    await page.shows("[data-id='f-new']", "Just now")
    await page.js("document.querySelector('.wire-filter').select()")
    await page.type_into("[aria-label='Search messages and people']", "Zo")
    await page.shows(".panel .people-row", "Zoë Miller")


async def test_names_and_commands_are_completed_by_the_keyboard(
    browser: Browser, running: Running, server: Any
) -> None:
    page = await opened(browser, running, server, "complete")
    await page.type_into("#composer", "Ask @mil")
    await page.shows(".completion [role=option][aria-selected=true]", "Zoë Miller")
    assert await page.js(
        "document.getElementById(document.activeElement.getAttribute('aria-activedescendant')) !== null"
    )
    await page.press_enter()
    await page.until("document.querySelector('#composer').value === 'Ask @Zoë Miller '")
    await page.press_enter()
    await page.shows(".message.is-mine:not(.is-unsent)", "Ask @Zoë Miller")
    found = await server.channel("messaging", "complete").query(messages={"limit": 1})
    assert [user["id"] for user in found["messages"][0]["mentioned_users"]] == ["zoe"]
    await page.type_into("#composer", "/gi")
    await page.shows(".completion [role=option]", "/giphy")
    await key(page, "Escape")
    await page.until("!document.querySelector('.completion')")
    assert await page.js("document.querySelector('#composer').value") == "/gi"


async def test_a_message_is_quoted_and_pinned(browser: Browser, running: Running, server: Any) -> None:
    page = await opened(browser, running, server, "quotes", "The **first** word")
    await page.click(".message [aria-label='Quote']")
    await page.shows(".quoting", "The first word")
    await page.write("#composer", "I agree")
    await page.shows(".message.is-mine:not(.is-unsent) .quote", "The first word")
    assert not await page.js("document.querySelector('.quoting')")
    await page.click(".message [aria-label='Pin']")
    await page.shows(".pinned", "The first word")
    await page.shows(".message-note", "Pinned")
    await page.click(".message [aria-label='Unpin']")
    await page.until("!document.querySelector('.pinned')")


async def test_an_answer_is_asked_for_again_and_the_old_one_folded(
    browser: Browser, running: Running, server: Any
) -> None:
    page = await opened(browser, running, server, "again")
    channel = server.channel("messaging", "again")
    await page.write("#composer", "How long?")
    await page.shows(".message.is-mine:not(.is-unsent)", "How long?")
    await channel.send_message({"id": "answer-1", "text": "Two years", "ai_generated": True}, "helper")
    await page.click("[data-id='answer-1'] [aria-label='Ask again']")
    await page.until("document.querySelectorAll('.message.is-mine:not(.is-unsent)').length === 2")
    await page.shows("[data-id='answer-1'].is-folded", "Earlier answer")
    await page.click("[data-id='answer-1'] .link-button", "Earlier answer")
    await page.shows("[data-id='answer-1']", "Two years")
    found = await channel.query(messages={"limit": 1})
    assert (found["messages"][0]["text"], found["messages"][0]["asks_again"]) == ("How long?", "answer-1")


async def test_emoji_are_chosen_by_the_keyboard(browser: Browser, running: Running, server: Any) -> None:
    page = await opened(browser, running, server, "emoji")
    await page.type_into("#composer", "Hi ")
    await page.click(".composer [aria-label='Emoji']")
    await page.until("document.activeElement.parentElement.className === 'emoji'")
    await key(page, "ArrowRight")
    await page.press_enter()
    await page.until("document.activeElement.id === 'composer' && document.activeElement.value === 'Hi 😃'")


async def test_a_conversation_without_a_name_is_called_by_its_first_question(
    browser: Browser, running: Running, server: Any
) -> None:
    page = await opened(browser, running, server, "support-3ubk5h")
    await page.shows(".header-title", "Support 3ubk5h")
    await page.write("#composer", "Where is **my** parcel?")
    await page.shows(".header-title", "Where is my parcel?")
    await page.shows(".channel-title", "Where is my parcel?")


async def test_two_tabs_of_one_person_are_in_step(browser: Browser, running: Running, server: Any) -> None:
    one = await opened(browser, running, server, "tabs", "Hello")
    two = await opened(browser, running, server, "tabs")
    await one.write("#composer", "From the first tab")
    await two.shows(".message.is-mine", "From the first tab")
    await two.write("#composer", "From the second tab")
    await one.shows(".message.is-mine", "From the second tab")
    texts = "[...document.querySelectorAll('.message-body')].map(e => e.innerText)"
    assert await one.js(texts) == await two.js(texts) == ["Hello", "From the first tab", "From the second tab"]


async def test_an_expired_token_is_renewed_without_a_word(browser: Browser, running: Running, server: Any) -> None:
    page = await opened(browser, running, server, "expired", "Hello")
    expired = running.sandbox.auth.token_for("ann", -10)
    await page.js(
        "(({fetch}) => { window.fetch = (to, how) => { if (how?.headers?.Authorization && !window.renewed)"
        f" how = {{...how, headers: {{...how.headers, Authorization: {json.dumps(expired)}}}}};"
        " if (to === '/sandbox/token') window.renewed = true; return fetch(to, how); } })(window)"
    )
    await page.write("#composer", "Still here")
    await page.shows(".message.is-mine:not(.is-unsent)", "Still here")
    assert await page.js("window.renewed")
    assert not await page.js("document.querySelector('.toast')")


async def test_a_picture_in_an_answer_is_shown_and_one_of_strangers_asked_for(
    browser: Browser, running: Running, server: Any
) -> None:
    text = (
        f"![ours]({running.url}/playground/mark.svg) ![theirs](http://other.invalid/p.png) ![bad](javascript:alert(1))"
    )
    page = await opened(browser, running, server, "pictures", text)
    await page.shows(".attachment-hidden", "Show the picture from other.invalid")
    assert await page.js("[...document.querySelectorAll('.message img')].map(e => e.alt)") == ["ours"]
    await page.shows(".message", "![bad](javascript:alert(1))")
