"""Make the pictures of the chat page for README and docs: `python -m scripts.pictures [FOLDER]`.

Starts the support bot with a sandbox of its own, talks to it in a headless Chromium as a customer and as the team,
and takes each picture in the light and in the dark. Writes `docs/pictures/*.webp`, or into another folder. Needs
Chromium, takes a minute, and leaves nothing running.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.chromium import Browser, Page, chromium, find_chromium

CHECKOUT = Path(__file__).resolve().parents[1]
PICTURES = CHECKOUT / "docs" / "pictures"
WIDTH, HEIGHT = 1180, 760
QUALITY = 82
MOST_BYTES = 100_000
_ADDRESS = re.compile(rb"http://127\.0\.0\.1:\d+")
_START_S = 120


@asynccontextmanager
async def running(bot: str, data: Path) -> AsyncIterator[str]:
    """Run a bot with a sandbox on a free port; gives the page's address."""
    hidden = ("STREAM_", "OPENAI_", "FRAMEWORK_", "DATABASE_")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "framework", "run", bot, "--port", "0", "--data", str(data)),
        cwd=CHECKOUT,
        env={name: value for name, value in os.environ.items() if not name.startswith(hidden)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield await asyncio.wait_for(_address(process), _START_S)
    finally:
        process.terminate()
        await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    lines = process.stdout
    if lines is None:
        raise AssertionError("its output is a pipe, as asked for above")
    async for line in lines:
        if b"Talk to" in line and (found := _ADDRESS.search(line)):
            return found[0].decode()
    raise SystemExit("The bot did not start. Run `python -m framework run support_bot` and see.")


async def take(page: Page, folder: Path, name: str) -> None:
    """Take a picture in the light and in the dark."""
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await page.browser.command("Emulation.setEmulatedMedia", page.session, features=[feature])
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        await page.browser.command("Emulation.setDeviceMetricsOverride", page.session, **size)
        await page.js("document.activeElement?.blur(), new Promise(done => setTimeout(done, 300))")
        shot = await page.browser.command("Page.captureScreenshot", page.session, format="webp", quality=QUALITY)
        picture = base64.b64decode(shot["data"])
        if len(picture) > MOST_BYTES:
            raise SystemExit(f"{name}-{scheme} has {len(picture)} bytes, more than {MOST_BYTES}.")
        (folder / f"{name}-{scheme}.webp").write_bytes(picture)


async def pictures(browser: Browser, url: str, folder: Path) -> None:
    """Talk as a customer and as the team, and take the pictures."""
    maria = await browser.open(f"{url}/?user=maria")
    await browser.command("Emulation.setFocusEmulationEnabled", maria.session, enabled=True)
    await maria.click("#asked")
    await maria.shows(".me-state", "Online")
    await maria.click(".new-button")
    await maria.shows("#composer")
    await ask(maria, "How long is the warranty?", "Warranty")
    await ask(maria, "Was kostet der Versand nach Österreich?", "Shipping")
    await take(maria, folder, "chat")
    await maria.click(".message.is-bot button.chip:not(.chip-toggle)", "Shipping")
    await maria.shows(".article .is-quoted")
    await take(maria, folder, "source")
    await maria.click(".article .panel-head button")
    await maria.write("#composer", "Can I talk to a human?")
    await maria.shows(".handover")
    team = await browser.open(f"{url}/?user=teammate")
    await team.click("#asked")
    await team.shows(".me-state", "Online")
    await team.click("button", "Queue")
    await team.shows("main button", "Take over")
    await take(team, folder, "team")


async def ask(page: Page, question: str, title: str) -> None:
    """Ask, and wait for the answer's source."""
    await page.write("#composer", question)
    await page.shows(".message.is-bot:last-child .chip", title)


async def main(folder: Path) -> None:
    """Make all pictures."""
    path = find_chromium()
    if path is None:
        raise SystemExit("There is no Chromium on this machine. Install the package chromium.")
    with tempfile.TemporaryDirectory() as data:
        async with running("support_bot", Path(data)) as url, chromium(path) as browser:
            await pictures(browser, url, folder)
            if browser.complaints:
                raise SystemExit(f"Scripts on the page failed: {browser.complaints}")


if __name__ == "__main__":
    wanted = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    wanted.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(wanted))
