"""The address for operators: probes that say why, counts, and who may ask."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from framework.app.admin import admin_server
from framework.errors import EngineError, SettingsError
from framework.settings import Settings, load_settings
from tests.support.waiting import until

WELL: dict[str, Any] = {
    "bots": {"support_bot": True},
    "connections": {"support_bot": {"up": True, "since": "2026-01-01T12:00:00+00:00", "why": ""}},
    "turns": {"waiting": 0, "running": 0, "dead": 0},
    "oldest_seconds": 0.0,
    "quiet_seconds": 1.0,
    "breakers": {},
    "calls_left": {},
    "handovers": {},
}


class Process:
    """What the probes ask."""

    def __init__(self) -> None:
        self.ready = True
        self.error: Exception | None = None
        self.more: dict[str, Any] = {}

    async def facts(self) -> Mapping[str, Any]:
        if self.error is not None:
            raise self.error
        return {**WELL, **self.more}


async def no_inbox(_event: object) -> None:
    raise AssertionError


def settings(tmp_path: Path, admin: str | None) -> Settings:
    return load_settings().model_copy(update={"admin": admin, "data": tmp_path})


async def get(url: str, **headers: str) -> tuple[int, str]:
    async def asked() -> tuple[int, str] | None:
        try:
            async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientConnectionError:
            return None  # it is imported still

    found: tuple[int, str] = await until(asked)
    return found


@pytest.fixture
def process() -> Process:
    return Process()


def serve(tmp_path: Path, process: Process, admin: str | None = "127.0.0.1:0") -> Any:
    return admin_server(settings(tmp_path, admin), inbox=no_inbox, ready=lambda: process.ready, facts=process.facts)


async def test_a_process_that_is_well_lives_is_ready_and_counts(tmp_path: Path, process: Process) -> None:
    async with serve(tmp_path, process) as address:
        assert await get(f"{address}/livez") == (200, "ok\n")
        status, body = await get(f"{address}/readyz")
        assert (status, '"status":"ready"' in body) == (200, True)
        status, body = await get(f"{address}/metrics")
        assert (status, "agents_ready 1.0" in body) == (200, True)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"connections": {"support_bot": {"up": False, "since": "s", "why": "cut"}}}, "not connected since s: cut"),
        ({"bots": {"support_bot": False}}, "reads its channels still"),
        ({"breakers": {"https://model": "open"}}, "is not called, open"),
        ({"oldest_seconds": 60.0}, "a turn waits for 60 s"),
    ],
)
async def test_what_is_wrong_is_said(tmp_path: Path, process: Process, more: dict[str, Any], why: str) -> None:
    process.more = more
    async with serve(tmp_path, process) as address:
        status, body = await get(f"{address}/readyz")
        counts = (await get(f"{address}/metrics"))[1]
    assert status == 503
    assert why in body
    assert "agents_ready 0.0" in counts
    if "connections" in more or "bots" in more:
        assert all(line.endswith(" 0.0") for line in counts.splitlines() if line.startswith("agents_bot_ready{"))


@pytest.mark.parametrize("error", [EngineError("The database cannot be reached."), TimeoutError()])
async def test_without_its_database_it_lives_and_is_not_ready(
    tmp_path: Path, process: Process, error: Exception
) -> None:
    process.error = error
    async with serve(tmp_path, process) as address:
        assert (await get(f"{address}/livez"))[0] == 200
        assert (await get(f"{address}/readyz"))[0] == 503
        assert "agents_engine_up 0.0" in (await get(f"{address}/metrics"))[1]


async def test_a_page_of_the_internet_cannot_read_it(tmp_path: Path, process: Process) -> None:
    async with serve(tmp_path, process) as address:
        for path in ("livez", "readyz", "metrics"):
            assert (await get(f"{address}/{path}", Host="rebound.example"))[0] == 421
        assert (await get(f"{address}/livez", Host="localhost"))[0] == 200


async def test_a_second_process_takes_another_port_and_a_taken_one_is_told(tmp_path: Path, process: Process) -> None:
    async with serve(tmp_path, process, None) as first, serve(tmp_path, process, None) as second:
        assert first != second
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match="Operators cannot be served"):
            async with serve(tmp_path, process, f"127.0.0.1:{taken.getsockname()[1]}"):
                raise AssertionError


async def test_it_can_be_off(tmp_path: Path, process: Process) -> None:
    async with serve(tmp_path, process, "off") as address:
        assert address is None
        await asyncio.sleep(0)


async def test_without_its_packages_nothing_listens_and_who_asked_for_it_is_told(
    tmp_path: Path, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("framework.extras.find_spec", lambda name: None if name == "prometheus_client" else name)
    async with serve(tmp_path, process, None) as address:
        assert address is None
    with pytest.raises(SettingsError, match="prometheus"):
        async with serve(tmp_path, process):
            raise AssertionError


@pytest.mark.parametrize("wrong", ["8850", "somewhere", "http://127.0.0.1:8850"])
def test_an_address_of_the_wrong_form_is_refused(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEWORK_ADMIN", wrong)
    with pytest.raises(SettingsError, match="HOST:PORT"):
        load_settings()


async def test_ten_clients_that_scrape_at_once_get_the_same_and_nobody_waits(tmp_path: Path, process: Process) -> None:
    looks = 0
    facts = process.facts

    async def counted() -> Mapping[str, Any]:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return await facts()

    process.facts = counted  # type: ignore[method-assign]
    async with serve(tmp_path, process) as address:
        await get(f"{address}/livez")
        answers = await asyncio.gather(*(get(f"{address}/metrics") for _ in range(10)), get(f"{address}/livez"))
    assert [status for status, _ in answers] == [200] * 11
    assert len({body for _, body in answers[:10]}) == 1
    assert looks <= 10
