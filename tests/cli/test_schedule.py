"""`schedule`: what is listed, paused and run, on the database that a running bot uses."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from framework.app.schedules import run_now
from framework.app.serving import open_database
from framework.cli.main import app
from framework.definition.loader import load_bot
from framework.engine.port import Done, Execution, Job, JobResult
from framework.errors import UsageError
from framework.settings import load_settings
from tests.support.sandbox import start_sandbox

BOT = """
description: Says the time.
identity: {user_id: clock-bot, name: Clock}
channels: ["messaging:clock-*"]
triggers:
  - schedule: {name: tick, every: 1h, timezone: Europe/Berlin, say: Tick.}
  - schedule: {name: once, at: "2020-03-29T02:30", timezone: Europe/Berlin, say: Once.}
model: embedded
prompt: prompt.md.j2
"""


@pytest.fixture
def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("STREAM_API_KEY", "STREAM_API_SECRET", "OPENAI_API_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("FRAMEWORK_DATA", str(tmp_path / "data"))
    folder = tmp_path / "clock_bot"
    folder.mkdir()
    (folder / "bot.yaml").write_text(BOT)
    (folder / "prompt.md.j2").write_text("You are {{ bot_name }}.")
    return str(folder)


def schedule(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["schedule", *arguments])


def listed(bot: str) -> dict[str, dict[str, Any]]:
    return {one["schedule"]: one for one in json.loads(schedule("list", "--bot", bot, "--json").stdout)}


def test_the_list_has_the_next_five_times_in_the_zone(bot: str) -> None:
    found = listed(bot)
    dues = [datetime.fromisoformat(one) for one in found["tick"]["next"]]
    assert len(dues) == 5
    assert all(one > datetime.now(UTC) and one.minute == 0 and one.utcoffset() for one in dues)
    assert found["once"]["next"] == []
    assert found["tick"]["last"] is None
    assert "never: its time is over" in schedule("list", "--bot", bot).stdout


def test_pause_is_kept_until_resume(bot: str) -> None:
    assert schedule("pause", "tick", "--bot", bot).stdout == "tick of clock_bot is paused.\n"
    assert listed(bot)["tick"]["paused_by"]
    assert listed(bot)["once"]["paused_by"] is None
    assert json.loads(schedule("resume", "tick", "--bot", bot, "--json").stdout)["paused"] is False
    assert listed(bot)["tick"]["paused_by"] is None
    with pytest.raises(UsageError, match="not paused"):
        raise schedule("resume", "tick", "--bot", bot).exception or AssertionError


def test_a_name_that_does_not_exist_is_told_with_those_that_do(bot: str) -> None:
    error = schedule("pause", "tik", "--bot", bot).exception
    assert isinstance(error, UsageError)
    assert "tick (clock_bot)" in str(error)


async def test_run_hands_one_turn_to_whoever_runs_the_bot(bot: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_bot(bot)
    trigger = loaded.definition.triggers[0]
    async with start_sandbox() as sandbox:
        monkeypatch.setenv("STREAM_API_KEY", sandbox.api_key)
        monkeypatch.setenv("STREAM_API_SECRET", sandbox.api_secret)
        monkeypatch.setenv("STREAM_BASE_URL", sandbox.url)
        settings = load_settings()
        with pytest.raises(UsageError, match="met no channel"):
            await run_now(loaded, trigger, settings)
        keys = await run_now(loaded, trigger, settings, channel="messaging:clock-1")
    done: list[Job] = []
    taken = asyncio.Event()

    async def handle(job: Job, _: Execution) -> JobResult:
        done.append(job)
        taken.set()
        return Done("replied")

    engine = await asyncio.to_thread(open_database, settings)
    try:
        await engine.start(handle)
        await asyncio.wait_for(taken.wait(), 60)
        await engine.settled()
    finally:
        await engine.close()
    assert [job.key for job in done] == list(keys.values())
    assert done[0].payload["cause"]["say"] == "Tick."
    last = (await asyncio.to_thread(listed, bot))["tick"]["last"]
    assert (last["state"], last["outcome"], last["turn"]) == ("settled", "replied", done[0].key)
