"""A headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-port=0",
)
START_S = 60.0
WAIT_S = 45.0
POLL_S = 0.03


def find_chromium() -> str | None:
    """The path of a browser to drive, or None where the machine has none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class PageError(AssertionError):
    """JavaScript on the page failed, or what was waited for did not come."""


@dataclass
class Browser:
    """The DevTools connection; every page has its own session on it."""

    socket: aiohttp.ClientWebSocketResponse
    last_id: int = 0
    waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    async def listen(self) -> None:
        """Hand answers to those who wait for them, and note what the page complains about."""
        async for frame in self.socket:
            message = json.loads(frame.data)
            if "id" in message:
                self.waiting.pop(message["id"]).set_result(message)
            elif message["method"] == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(message["params"]["exceptionDetails"])[:800])

    async def command(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send one command and wait for its result."""
        self.last_id += 1
        self.waiting[self.last_id] = answer = asyncio.get_running_loop().create_future()
        message = {"id": self.last_id, "method": method, "params": params}
        await self.socket.send_json(message | ({"sessionId": session} if session else {}))
        result = await asyncio.wait_for(answer, WAIT_S)
        if "error" in result:
            raise PageError(f"{method}: {result['error']}")
        found: dict[str, Any] = result["result"]
        return found

    async def open(self, url: str) -> Page:
        """A page with cookies and storage of its own."""
        context = await self.command("Target.createBrowserContext")
        target = await self.command(
            "Target.createTarget", url="about:blank", browserContextId=context["browserContextId"]
        )
        attached = await self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"])
        await self.command("Runtime.enable", page.session)
        await page.go(url)
        return page


@dataclass
class Page:
    """One tab."""

    browser: Browser
    session: str

    async def go(self, url: str) -> None:
        """Load an address."""
        await self.browser.command("Page.navigate", self.session, url=url)

    async def close(self) -> None:
        """Close the tab."""
        await self.browser.command("Page.close", self.session)

    async def js(self, expression: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        answer = await self.browser.command(
            "Runtime.evaluate", self.session, expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise PageError(json.dumps(answer["exceptionDetails"])[:800])
        return answer["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Wait for an expression to become true, and return its value."""
        deadline = asyncio.get_running_loop().time() + WAIT_S
        while not (value := await self._value_or_none(expression)):
            if asyncio.get_running_loop().time() > deadline:
                text = await self.js("document.body.innerText")
                raise PageError(f"waited in vain for {expression}\n{self.browser.complaints}\n{text}")
            await asyncio.sleep(POLL_S)
        return value

    async def _value_or_none(self, expression: str) -> Any:
        try:
            return await self.js(expression)
        except PageError:
            return None  # the page is being replaced, or what the expression looks into is not there yet

    async def shows(self, selector: str, text: str = "") -> None:
        """Wait for a visible element that contains a text."""
        await self.until(
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            f".some(e => e.checkVisibility() && e.textContent.includes({json.dumps(text)}))"
        )

    async def click(self, selector: str, text: str = "") -> None:
        """Click the first element that contains a text, as soon as there is one."""
        await self.until(
            f"(() => {{ const e = [...document.querySelectorAll({json.dumps(selector)})]"
            f".find(e => !e.disabled && e.textContent.includes({json.dumps(text)}));"
            " if (e) e.click(); return Boolean(e); })()"
        )

    async def type_into(self, selector: str, text: str) -> None:
        """Type into a box, as soon as there is one."""
        box = f"document.querySelector({json.dumps(selector)})"
        await self.until(f"{box}?.focus(), document.activeElement === {box} && {box} !== null")
        await self.browser.command("Input.insertText", self.session, text=text)

    async def write(self, selector: str, text: str) -> None:
        """Type into a box, with real input events, and press Enter."""
        await self.type_into(selector, text)
        await self.press_enter()

    async def press_enter(self) -> None:
        """Press Enter where the focus is."""
        for kind in ("keyDown", "keyUp"):
            await self.browser.command(
                "Input.dispatchKeyEvent",
                self.session,
                type=kind,
                key="Enter",
                code="Enter",
                windowsVirtualKeyCode=13,
                text="\r" if kind == "keyDown" else "",
            )

    async def attach(self, selector: str, *files: Path) -> None:
        """Choose files in a file input, as a person does in its dialogue."""
        found = await self.browser.command(
            "Runtime.evaluate", self.session, expression=f"document.querySelector({json.dumps(selector)})"
        )
        await self.browser.command(
            "DOM.setFileInputFiles",
            self.session,
            objectId=found["result"]["objectId"],
            files=[str(file) for file in files],
        )

    async def screenshot(self, width: int = 1280, height: int = 800) -> bytes:
        """What the page looks like, as a PNG for people to look at; the page keeps this size."""
        await self.browser.command(
            "Emulation.setDeviceMetricsOverride",
            self.session,
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        shot = await self.browser.command("Page.captureScreenshot", self.session, format="png")
        return base64.b64decode(shot["data"])


@asynccontextmanager
async def chromium(path: str) -> AsyncIterator[Browser]:
    """A browser with an empty profile, for as long as the block lasts."""
    profile = Path(tempfile.mkdtemp(prefix="chromium-"))
    process = await asyncio.create_subprocess_exec(
        path,
        *FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        address = await asyncio.wait_for(_devtools_address(profile), START_S)
        async with aiohttp.ClientSession() as client, client.ws_connect(address, max_msg_size=0) as socket:
            browser = Browser(socket)
            listening = asyncio.create_task(browser.listen())
            yield browser
            listening.cancel()
    finally:
        process.terminate()
        await process.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def _devtools_address(profile: Path) -> str:
    """The address that Chromium writes to its profile once it listens: a port, then a path."""
    file = profile / "DevToolsActivePort"
    while True:
        found = file.read_text().split() if file.is_file() else []
        if len(found) == 2:
            return f"ws://127.0.0.1:{found[0]}{found[1]}"
        await asyncio.sleep(POLL_S)
