"""Commands of the console: links, and what is wrong with the way they are asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from typer.testing import CliRunner

from framework.app.admin import admin_server, read_address
from framework.cli.main import app
from framework.console.parts import ConsoleParts
from framework.engine.local import LocalEngine
from framework.errors import SettingsError, UsageError
from framework.runtime.state.pauses import Pauses
from framework.settings import load_settings
from framework.storage import Storage
from framework.stream.timing import Timing
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEWORK_DATA", str(tmp_path))
    monkeypatch.setenv("FRAMEWORK_ADMIN", "127.0.0.1:0")


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False, standalone_mode=False)
    return done.output.strip()


async def test_a_link_leads_to_the_process_that_runs_and_signs_in_there(tmp_path: Path) -> None:
    settings = load_settings()
    storage = Storage(settings.database.get_secret_value())
    parts = ConsoleParts(list, LocalEngine(concurrency=1), storage)

    async def nothing(_event: object) -> None:
        raise AssertionError

    async def facts() -> dict[str, object]:
        return {}

    async with admin_server(settings, inbox=nothing, ready=lambda: True, facts=facts, console=lambda: parts) as address:
        await until(lambda: read_address(settings) == address)
        link = await asyncio.to_thread(said, "console", "token", "ada", "--role", "viewer")
        assert link.startswith(f"{address}/console/sign-in?token=")
        token = link.partition("token=")[2]
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            headers = {"Origin": str(address)}
            async with browser.post(f"{address}/console/sign-in", data={"token": token}, headers=headers) as answer:
                assert (answer.status, answer.url.path) == (200, "/console/")
            assert await asyncio.to_thread(said, "console", "end", "ada") == "Ended: 1"
            async with browser.get(f"{address}/console") as answer:
                assert answer.status == 401
        evil = {"Host": "evil.example"}
        async with aiohttp.ClientSession(headers=evil) as other, other.get(f"{address}/console/sign-in") as answer:
            assert answer.status == 421
    storage.close()


def test_a_link_behind_a_proxy_has_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEWORK_CONSOLE_URL", "https://console.example.com/")
    assert said("console", "token", "ada").startswith("https://console.example.com/console/sign-in?token=")


@pytest.mark.parametrize(
    "url", ["http://console.example.com", "console.example.com", "https://a.example/path", "ftp://x"]
)
def test_an_address_without_tls_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEWORK_CONSOLE_URL", url)
    with pytest.raises(SettingsError, match="CONSOLE_URL"):
        load_settings()


def test_what_is_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="not a role"):
        said("console", "token", "ada", "--role", "king")
    with pytest.raises(UsageError, match="user id"):
        said("console", "token", " ")
    monkeypatch.setenv("FRAMEWORK_ADMIN", "off")
    with pytest.raises(UsageError, match="there is no console"):
        said("console", "token", "ada")


async def test_pause_and_resume_are_what_the_bots_look_at(tmp_path: Path) -> None:
    storage = Storage(load_settings().database.get_secret_value())
    pauses = Pauses(storage, now=Timing().now, monotonic=Timing().monotonic)
    await asyncio.to_thread(said, "pause", "support_bot", "messaging:support-1")
    (made,) = await pauses.all()
    assert (made.bot, made.channel) == ("support_bot", "messaging:support-1")
    with pytest.raises(UsageError, match="is not paused"):
        await asyncio.to_thread(said, "resume", "support_bot")
    with pytest.raises(UsageError, match="TYPE:ID"):
        await asyncio.to_thread(said, "pause", "support_bot", "support-1")
    await asyncio.to_thread(said, "resume", "support_bot", "messaging:support-1")
    assert await pauses.all() == []
    storage.close()
