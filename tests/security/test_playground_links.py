"""What a page of strangers, or a message of theirs, makes the playground do: nothing without a click of the reader."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import stream_chat
from aiohttp import web

from framework.sandbox.dev.server import Running, serving
from framework.sandbox.kernel.config import SandboxConfig
from tests.support.chromium import Browser, chromium, find_chromium

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on this machine: install the package chromium to run this"
    ),
]
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"


@pytest.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with serving(SandboxConfig(port=0)) as started:
        yield started


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium(CHROMIUM or "") as started:
        yield started


@pytest.fixture
async def server(sandbox: Running) -> AsyncIterator[Any]:
    config = sandbox.config
    async with stream_chat.StreamChatAsync(config.api_key, config.api_secret, base_url=sandbox.url) as client:
        yield client


@asynccontextmanager
async def strangers_site(target: str) -> AsyncIterator[tuple[str, list[str]]]:
    """A site on another origin: a page that frames the playground, and pictures; notes what was asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/page":
            return web.Response(text=f'<iframe id="f" src="{target}"></iframe>', content_type="text/html")
        return web.Response(body=GIF, content_type="image/gif")

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    try:
        yield f"http://localhost:{port}", asked
    finally:
        await runner.cleanup()


async def connections(sandbox: Running) -> int:
    """How often somebody connected or opened a channel."""
    async with aiohttp.ClientSession(sandbox.url) as http, http.get("/sandbox/log") as answer:
        calls = (await answer.json())["calls"]
    return sum(call["operation"] in ("Connect", "GetOrCreateChannel") for call in calls)


async def test_a_link_signs_nobody_in_and_makes_no_channel(sandbox: Running, browser: Browser, server: Any) -> None:
    page = await browser.open(f"{sandbox.url}/?user=teammate&channel=messaging:made-by-a-link")
    await page.shows("#asked", "Continue as teammate")
    assert (await server.query_users({"id": "teammate"}))["users"] == []
    await page.click("#asked")
    await page.shows("#offered")
    assert (await server.query_channels({"id": "made-by-a-link"}))["channels"] == []
    await page.click("#offered")
    await page.write("#composer", "Hello")
    await page.shows(".message.is-mine:not(.is-unsent)", "Hello")
    assert len((await server.query_channels({"id": "made-by-a-link"}))["channels"]) == 1
    # The second visit needs no click for the person, and shows the channel that is there.
    await page.go(f"{sandbox.url}/?user=teammate&channel=messaging:made-by-a-link")
    await page.shows(".message", "Hello")
    await page.go(f"{sandbox.url}/?user=teammate&channel=messaging:another-one")
    await page.shows("#offered")
    assert (await server.query_channels({"id": "another-one"}))["channels"] == []


async def test_a_frame_of_another_page_stays_empty(sandbox: Running, browser: Browser, server: Any) -> None:
    await server.upsert_user({"id": "teammate"})
    async with strangers_site(f"{sandbox.url}/?user=teammate&channel=messaging:framed") as (site, asked):
        # The other origin is of the same site, so that the frame is in the same process and can be looked into.
        page = await browser.open(f"{site.replace('localhost', '127.0.0.1')}/page")
        await page.until("document.readyState === 'complete' && document.getElementById('f') !== null")
        assert asked[0] == "/page"
        frames: list[dict[str, Any]] = []
        while not frames or not frames[0]["frame"].get("unreachableUrl"):
            tree = await browser.command("Page.getFrameTree", page.session)
            frames = tree["frameTree"].get("childFrames", [])
        assert frames[0]["frame"]["url"] == "chrome-error://chromewebdata/"
        assert (await server.query_channels({"id": "framed"}))["channels"] == []
        assert await connections(sandbox) == 0


async def test_a_picture_of_another_server_is_not_loaded_without_a_click(
    sandbox: Running, browser: Browser, server: Any
) -> None:
    await server.upsert_users([{"id": "ada"}, {"id": "eve"}])
    channel = server.channel("messaging", "c", {"members": ["ada", "eve"]})
    await channel.create("eve")
    async with strangers_site("") as (site, asked):
        attachments = [
            {"type": "image", "image_url": f"{site}/pixel.gif", "fallback": "pixel"},
            {"type": "image", "thumb_url": f"{site}/thumb.gif", "title": "thumb"},
            {
                "type": "image",
                "image_url": f"http://{site.removeprefix('http://')}@x/".replace("@x", ""),
                "title": "root",
            },
        ]
        markdown = f"![x]({site}/markdown.gif) <img src={site}/html.gif>"
        await channel.send_message({"text": markdown, "attachments": attachments}, "eve")
        page = await browser.open(f"{sandbox.url}/?user=ada")
        await page.click("#asked")
        await page.click(".channel")
        await page.shows(".attachment-hidden", f"Show the picture from {site.removeprefix('http://')}")
        assert await page.js("document.querySelectorAll('.message img').length") == 0
        assert asked == []
        await page.click(".attachment-hidden", "pixel")
        await page.until("document.querySelectorAll('.message img').length === 1")
        await page.until(f"performance.getEntriesByName({json.dumps(site + '/pixel.gif')}).length > 0")
        assert asked == ["/pixel.gif"]
