"""How fast the console's pages are, with many conversations: `python -m tests.benchmarks.console [CONVERSATIONS]`."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.support.console import LINE, NOON, Browser, Stand, stand

_TURNS = 10
_TIMES = 30


async def measure(conversations: int) -> None:
    """Print how long pages take and how large they are."""
    with tempfile.TemporaryDirectory() as folder:
        async with stand(Path(folder)) as at:
            await fill(at, conversations)
            browser = await at.signed_in("root")
            load = os.getloadavg()[0]
            print(f"{conversations} conversations, {conversations * _TURNS} turns, load {load:.1f}")
            first = await browser.get("/console/")
            rows = first.text.partition('hx-get="')[2].partition('"')[0].replace("&amp;", "&")
            page_500 = await _far(browser, first.text)
            for name, path in (
                ("first page", "/console/"),
                ("rows, unchanged", rows),
                ("a page far back", page_500),
                ("filter by outcome", "/console/?outcome=failed"),
                ("search by channel", "/console/?words=support-77"),
                ("turns by time", "/console/turns?since=2026-01-01T12:05"),
                ("one conversation", "/console/conversation?bot=support_bot&channel=messaging:support-7"),
                ("audit log", "/console/audit"),
            ):
                await tell(browser, name, path)


async def fill(at: Stand, conversations: int) -> None:
    """Make turns, a second after each other, one conversation after the other."""
    for turn in range(_TURNS):
        for start in range(0, conversations, 5_000):
            lines = [
                replace(
                    LINE,
                    key=f"{turn}-{number}",
                    channel=f"messaging:support-{number}",
                    received_at=NOON + timedelta(seconds=turn * conversations + number),
                    outcome="failed" if number % 1000 == 0 else "answered",
                )
                for number in range(start, min(start + 5_000, conversations))
            ]
            await at.turns(*lines)


async def _far(browser: Browser, text: str) -> str:
    """The address of the tenth page."""
    path = ""
    for _ in range(10):
        path = "/console/?" + text.rpartition('href="/console/?')[2].partition('"')[0].replace("&amp;", "&")
        text = (await browser.get(path)).text
    return path


async def tell(browser: Browser, name: str, path: str) -> None:
    """Print the median and the slowest of some requests."""
    took, size = [], 0
    for _ in range(_TIMES):
        began = time.perf_counter()
        answer = await browser.get(path)
        took.append((time.perf_counter() - began) * 1000)
        size = len(answer.text.encode())
    print(f"{name:20} median {statistics.median(took):7.1f} ms, slowest {max(took):7.1f} ms, {size / 1000:6.1f} kB")


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
