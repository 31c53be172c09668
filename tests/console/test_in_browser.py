"""The console in a browser: nothing for axe to find, light, dark and on a phone, and nothing wider than the window."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.clients.javascript import PACKAGES, missing
from tests.support.bots import CID
from tests.support.chromium import chromium, find_chromium
from tests.support.console import LINE, handed_over, stand
from tests.support.waiting import until

CHROMIUM, WITHOUT_AXE = find_chromium(), missing("axe-core")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install the package chromium to run this"),
    pytest.mark.skipif(WITHOUT_AXE is not None, reason=WITHOUT_AXE or ""),
]
PATHS = (
    *("", "handovers", "reviews", "moderation", "campaigns", "bots"),
    *("dead", "turns", "audit", "report", "turn?key=turn-1"),
    f"conversation?bot=support_bot&channel={CID}",
)
AXE = (
    "axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations.map("
    "({id, nodes}) => `${id}: ${nodes[0].html.slice(0, 200)}`))"
)


async def test_every_page_is_accessible_fits_and_shows_a_new_turn_by_itself(tmp_path: Path) -> None:
    script = await asyncio.to_thread((PACKAGES / "axe-core" / "axe.min.js").read_text, encoding="utf-8")
    long = "Wolfeschlegelsteinhausenbergerdorff" * 6
    async with stand(tmp_path) as at, chromium(CHROMIUM or "") as browser:
        asked = [at.world.post(CID, text) for text in ("Where is it?", long)]
        turns = [replace(LINE, key=f"turn-{n}", message=one.id, reason=long) for n, one in enumerate(asked)]
        await at.turns(*turns, replace(LINE, key="turn-2", channel=f"messaging:{long}", reason=long))
        await handed_over(at, f"messaging:{long}", reason=long)
        await at.parts.pauses.pause("support_bot", f"messaging:{long}", "mo")
        page = await browser.open(f"{at.url}/console/sign-in?token={await at.link('root', 'admin')}")
        await page.click("button.main")
        await page.shows("h1", "Conversations")
        await at.turns(replace(LINE, key="turn-3", channel="messaging:support-new"))
        await page.shows("#rows", "support-new")
        for path in PATHS:
            await browser.command("Page.navigate", page.session, url=f"{at.url}/console/{path}")
            await page.shows("main h1")
            await until(lambda: page.js("document.readyState === 'complete'"))
            await page.js(f"{script};0")
            for scheme, width in (("light", 1280), ("dark", 1280), ("light", 390)):
                features = [{"name": "prefers-color-scheme", "value": scheme}]
                await browser.command("Emulation.setEmulatedMedia", page.session, features=features)
                size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
                await browser.command("Emulation.setDeviceMetricsOverride", page.session, **size)
                assert await page.js(AXE) == [], (path, scheme, width)
                root = "document.documentElement"
                assert not await page.js(f"{root}.scrollWidth > {root}.clientWidth"), (path, width)
        assert browser.complaints == []
