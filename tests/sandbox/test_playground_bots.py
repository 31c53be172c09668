"""The playground offers the bots that run, makes channels that are theirs, and lets people in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
import pytest_asyncio
import stream_chat
from pydantic import SecretStr

from framework.app.presented import present
from framework.definition.model import BotDefinition
from framework.sandbox.dev.server import Running, serving
from framework.sandbox.kernel.config import SandboxConfig
from framework.settings import Settings
from tests.support.chromium import Browser, Page, chromium, find_chromium

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on this machine: install the package chromium to run this"
    ),
]
BIKES: dict[str, Any] = {
    "identity": {"name": "Bikes", "user_id": "bike-bot"},
    "description": "Rents <b>bikes</b>.",
    "starters": ["How much is a day?"],
    "channels": {"join": ["messaging:ride-?-*"], "create": ["messaging:bike-club"], "open_to": ["ann", "guest-*"]},
}
BOATS: dict[str, Any] = {
    "identity": {"name": "Boats", "user_id": "boat-bot"},
    "channels": {"join": ["messaging:boat-*"], "automatic": False, "where": {"desk": "north"}},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(CHROMIUM or "") as started:
        yield started
        assert started.complaints == [], "scripts on the page failed"


@pytest_asyncio.fixture(loop_scope="module")
async def running() -> AsyncIterator[Running]:
    async with serving(SandboxConfig(port=0)) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def server(running: Running) -> AsyncIterator[Any]:
    config = running.config
    async with stream_chat.StreamChatAsync(config.api_key, config.api_secret, base_url=running.url) as client:
        await client.upsert_users([{"id": id_} for id_ in ("bike-bot", "boat-bot", "bike-bot-owner")])
        yield client


async def tell(running: Running, *specs: dict[str, Any]) -> None:
    """Tell the sandbox of bots, as `run` does."""
    settings = Settings(
        stream_api_key=running.config.api_key,
        stream_api_secret=SecretStr(running.config.api_secret),
        stream_base_url=running.url,
    )
    await present([BotDefinition.model_validate(spec) for spec in specs], settings)


async def signed_in(browser: Browser, running: Running, user: str) -> Page:
    page = await browser.open(f"{running.url}/?user={user}")
    await page.click("#asked")
    await page.shows(".me-state", "Online")
    return page


async def cid(page: Page) -> str:
    """The address of the conversation that is open."""
    return str(await page.until("new URLSearchParams(location.search).get('channel')"))


async def test_one_bot_is_talked_to_at_once_and_what_is_typed_goes_into_the_box(
    browser: Browser, running: Running, server: Any
) -> None:
    await tell(running, BIKES)
    page = await signed_in(browser, running, "ann")
    await browser.command("Emulation.setFocusEmulationEnabled", page.session, enabled=True)
    await page.shows(".start-bot", "Rents <b>bikes</b>.")
    await page.click(".new-button")
    await page.until("document.activeElement.id === 'composer'")
    await browser.command("Input.insertText", page.session, text="Hello")
    await page.press_enter()
    await page.shows(".message.is-mine:not(.is-unsent)", "Hello")
    made = await cid(page)
    assert fnmatchcase(made, "messaging:ride-?-*")
    assert len((await server.query_channels({"cid": made}))["channels"]) == 1


async def test_a_starter_is_the_first_message_of_a_conversation(
    browser: Browser, running: Running, server: Any
) -> None:
    await tell(running, BIKES)
    page = await signed_in(browser, running, "ann")
    await page.click(".suggestion", "How much is a day?")
    await page.shows(".message.is-mine:not(.is-unsent)", "How much is a day?")
    assert (await cid(page)).startswith("messaging:ride-")


async def test_of_several_bots_one_is_picked_also_of_a_process_that_started_later(
    browser: Browser, running: Running, server: Any
) -> None:
    await tell(running, BIKES)
    page = await signed_in(browser, running, "ann")
    await page.shows(".start-bot", "Bikes")
    await tell(running, BOATS)
    await page.shows(".start-bot", "Boats")
    await page.click(".new-button")
    await page.click(".start-bot .button", "Talk to Boats")
    await page.shows("#composer")
    (channel,) = (await server.query_channels({"cid": await cid(page)}, state=True))["channels"]
    assert channel["channel"]["desk"] == "north"
    assert {member["user_id"] for member in channel["members"]} == {"ann", "boat-bot"}


async def test_a_channel_of_the_definition_is_joined_by_those_it_is_open_to(
    browser: Browser, running: Running, server: Any
) -> None:
    await server.channel("messaging", "bike-club", {"members": ["bike-bot"]}).create("bike-bot")
    await tell(running, BIKES)
    eve = await signed_in(browser, running, "eve")
    await eve.shows(".start-bot", "Bikes")
    assert not await eve.js("document.querySelector('.start-rooms')")
    ann = await signed_in(browser, running, "ann")
    await ann.click(".start-rooms button", "Join Bike club")
    await ann.shows(".header-title", "Bike club")
    await ann.write("#composer", "I am in")
    await ann.shows(".message.is-mine:not(.is-unsent)", "I am in")


async def test_people_are_found_added_and_invited_and_their_roles_are_shown(
    browser: Browser, running: Running, server: Any
) -> None:
    await tell(running, BIKES)
    await server.upsert_users([{"id": "bob", "name": "Bob Miller"}, {"id": "mo", "name": "Mo", "role": "moderator"}])
    ann = await signed_in(browser, running, "ann")
    await ann.click(".new-button")
    made = await cid(ann)
    await server.channel("messaging", made.partition(":")[2]).add_members(["bike-bot", "mo"])
    await ann.shows(".header-people", "Mo")
    await ann.click("[aria-label='People']")
    await ann.shows(".people-row", "Bikes")
    await ann.type_into("[aria-label='Add people by name']", "mill")
    await ann.click("[aria-label='Add Bob Miller']")
    await ann.shows("[aria-label='Members'] .people-row", "Bob Miller")
    roles = "Object.fromEntries([...document.querySelectorAll(\"[aria-label='Members'] .people-row\")].map(row =>"
    roles += " [row.querySelector('.people-name').textContent, row.querySelector('.people-role').textContent]))"
    expected = {"Bikes": "Bot", "Mo": "Team", "Bob Miller": "Member", "ann (you)": "Started it"}
    assert await ann.js(roles) == expected
    await ann.js("Object.defineProperty(navigator, 'clipboard', {value: {writeText: async t => {window.copied = t}}})")
    await ann.click(".people-add button", "Copy an invite link")
    link = await ann.until("window.copied")
    guest = await browser.open(link)
    await guest.shows("h1", "You are invited to a conversation")
    await guest.type_into("#name", "Gül Ünal")
    await guest.click(".link-button", "Join as a guest")
    await guest.write("#composer", "Hello from a guest")
    await guest.shows(".message.is-mine:not(.is-unsent)", "Hello from a guest")
    assert "invite" not in await guest.js("location.search")
    await ann.shows(".message", "Hello from a guest")
    await ann.shows("[aria-label='Members'] .people-row", "Guest")


async def test_long_names_stay_in_their_places(browser: Browser, running: Running, server: Any) -> None:
    long = "Maximiliane" * 18
    await server.upsert_users([{"id": "max", "name": long}])
    await tell(running, {**BIKES, "identity": {"name": long, "user_id": "bike-bot"}, "description": long})
    page = await signed_in(browser, running, "ann")
    await page.shows(".start-bot", long)
    assert await page.js("document.documentElement.scrollWidth <= innerWidth")
    await page.click(".new-button")
    made = await cid(page)
    await server.channel("messaging", made.partition(":")[2]).add_members(["bike-bot", "max"])
    await page.shows(".header-people", long)
    await page.click("[aria-label='People']")
    await page.shows(".people-row", long)
    places = "[...document.querySelectorAll('.header-bar, .people-row, .sidebar')]"
    assert await page.js(f"{places}.every(e => e.scrollWidth <= e.clientWidth)")
