"""`turns`: dead letters are found, understood and tried again, while a bot runs and while none does."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from framework.cli.main import app
from framework.cli.screen import out
from framework.definition.model import BotDefinition
from framework.engine.opening import open_engine
from framework.engine.port import DeadLetter, Done, Execution, Job, JobResult
from framework.errors import UsageError
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.job import TurnRequest
from framework.stream.model import ChannelRef, Message, User
from framework.stream.timing import Timing
from framework.testing.memory.memory_service import MemoryChatService
from tests.support.agent import ScriptedAgent
from tests.support.chat import World
from tests.support.person import person
from tests.support.sandbox import start_sandbox

YAML = "bots/support_bot/bot.yaml"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("STREAM_API_KEY", "STREAM_API_SECRET", "OPENAI_API_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("FRAMEWORK_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    out.cache_clear()  # it keeps the width that it found first
    yield tmp_path
    out.cache_clear()


def turns(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["turns", *arguments])


def listed(*arguments: str) -> list[dict[str, Any]]:
    return list(json.loads(turns("list", "--json", *arguments).stdout))


def job(text: str) -> Job:
    timing = Timing()
    service = MemoryChatService(World(timing), User("agent-bot", "Bot", is_bot=True))
    bot = RunningBot("support_bot", BotDefinition(), service, ScriptedAgent())
    message = Message(
        id=f"id-of-{text}",
        channel=ChannelRef("messaging", "support-1"),
        user=User("ann", "Ann \x1b[31m"),
        text=text,
        created_at=timing.now(),
    )
    return TurnRequest(bot, message, "live").job(now=timing.now())


def work(data: Path, *jobs: Job, verdict: JobResult) -> list[str]:
    """What an engine with this verdict for everything executes, with these jobs added."""
    done: list[str] = []

    async def handle(job: Job, execution: Execution) -> JobResult:
        done.append(job.payload["trigger"]["text"])
        await execution.save("answer", {"text": "kept"})
        return verdict

    async def run() -> None:
        engine = await asyncio.to_thread(open_engine, f"sqlite:///{data / 'engine.db'}")
        for one in jobs:
            await engine.enqueue(one)
        await engine.start(handle)
        await engine.settled()
        await engine.close()

    asyncio.run(run())
    return done


def test_where_nothing_ever_ran_there_is_nothing_and_nothing_is_made(data: Path) -> None:
    result = turns()
    assert (result.exit_code, result.stdout) == (0, "No dead letters.\n")
    assert listed() == []
    assert list(data.iterdir()) == []


def test_dead_letters_are_listed_and_the_others_on_demand(data: Path) -> None:
    work(data, job("poison"), verdict=DeadLetter("the channel is frozen"))
    work(data, job("fine"), verdict=Done("replied"))
    shown = turns().stdout
    assert "poison" in shown
    assert "messaging:support-1" in shown
    assert "the channel is frozen" in shown
    assert "fine" not in shown
    assert "\x1b[31m" not in shown
    (settled,) = listed("--state", "settled")
    assert (settled["state"], settled["text"]) == ("settled", None)  # what was said is not kept once it is answered
    assert json.loads(turns("--load", "--json").stdout) == {"waiting": 0, "running": 0, "dead": 1, "oldest": 0.0}


def test_a_turn_is_shown_by_the_first_letters_of_its_key(data: Path) -> None:
    dead = job("poison")
    work(data, dead, verdict=DeadLetter("the channel is frozen"))
    shown = turns("show", dead.key[:8]).stdout
    for wanted in (dead.key, "poison", "id-of-poison", "the channel is frozen", "answer", "retry"):
        assert wanted in shown
    facts = json.loads(turns("show", dead.key, "--json").stdout)
    assert (facts["attempts"], facts["steps"], facts["error"]) == (1, ["answer"], "the channel is frozen")


def test_a_turn_is_found_by_the_id_of_its_reply(data: Path) -> None:
    dead = job("poison")
    reply = dead.payload["reply"]
    assert reply != dead.key
    work(data, dead, job("other"), verdict=DeadLetter("the channel is frozen"))
    for name in (reply, reply[:8]):
        assert json.loads(turns("show", name, "--json").stdout)["key"] == dead.key
    assert turns("retry", reply[:8]).exit_code == 0
    assert turns("show", reply[:7]).exit_code != 0


def test_what_is_retried_is_executed_by_whoever_runs_next(data: Path) -> None:
    dead = [job("one"), job("two"), job("three")]
    work(data, *dead, verdict=DeadLetter("down"))
    assert turns("retry", dead[0].key[:8]).exit_code == 0
    assert sorted(turn["text"] for turn in listed()) == ["three", "two"]
    assert work(data, verdict=Done("replied")) == ["one"]
    assert sorted(json.loads(turns("retry", "--all", "--json").stdout)) == sorted(one.key for one in dead[1:])
    assert sorted(work(data, verdict=Done("replied"))) == ["three", "two"]


async def test_what_is_retried_is_executed_at_once_by_a_bot_that_runs(data: Path) -> None:
    dead = job("poison")
    verdicts: Iterator[JobResult] = iter([DeadLetter("down"), Done("replied")])
    again = asyncio.Event()

    async def handle(_: Job, execution: Execution) -> JobResult:
        if execution.saved("seen"):
            again.set()
        await execution.save("seen", True)
        return next(verdicts)

    engine = await asyncio.to_thread(open_engine, f"sqlite:///{data / 'engine.db'}")
    await engine.start(handle)
    await engine.enqueue(dead)
    await engine.settled()
    command = [sys.executable, "-m", "framework", "turns", "retry", dead.key]
    result = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert dead.key[:8] in result.stdout
    await again.wait()
    await engine.close()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show", "00000000"], 2, "There is no turn"),
        (["retry", "00000000"], 2, "There is no turn"),
        (["retry"], 2, "Which ones?"),
        (["list", "--state", "asleep"], 2, "'asleep' is not a state"),
        (["--json", "list"], 2, "behind it"),
    ],
)
def test_a_wrong_usage_is_said(arguments: list[str], code: int, words: str, data: Path) -> None:
    work(data, job("fine"), verdict=Done("replied"))
    result = subprocess.run(
        [sys.executable, "-m", "framework", "turns", *arguments], capture_output=True, text=True, check=False
    )
    assert (result.returncode, words in result.stderr) == (code, True), result.stderr


def test_what_is_done_is_not_tried_again(data: Path) -> None:
    fine = job("fine")
    work(data, fine, verdict=Done("replied"))
    error = turns("retry", fine.key).exception
    assert "only what is dead is tried again" in str(error)
    assert work(data, verdict=Done("replied")) == []


def test_a_database_that_is_none_is_said(data: Path) -> None:
    (data / "engine.db").write_text("no database at all, but a text that is long enough")
    result = subprocess.run([sys.executable, "-m", "framework", "turns"], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "engine.db" in result.stderr
    assert "Traceback" not in result.stderr
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(data / "engine.db").execute("SELECT 1 FROM x")


def test_the_key_is_whole_at_any_width(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [job("x" * 300), job("short")]
    work(data, *jobs, verdict=DeadLetter("the model is gone " * 20))
    for width in (12, 30, 60, 80, 100, 160):
        monkeypatch.setenv("COLUMNS", str(width))
        out.cache_clear()
        shown = turns().stdout
        assert all(one.key[:8] in shown for one in jobs), width


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (Done("replied"), ["answered", "at the first try"]),
        (
            Done("silent: ann is of the team"),
            ["not answered", "ann is of the team", f"team.roles {YAML}:", "channels.join"],
        ),
        (Done("handed off: the customer asked for a person ('human')"), ["handed over", f"handover.enabled {YAML}:"]),
        (Done("silent: already answered"), ["not answered", "already answered"]),
        (DeadLetter("the model is gone"), ["given up", "the model is gone", "turns retry"]),
    ],
)
def test_the_story_of_a_message_names_the_lines_behind_it(data: Path, result: JobResult, words: list[str]) -> None:
    work(data, job("hello"), verdict=result)
    shown = turns("why", "id-of-hello", "--bot", "support_bot").stdout
    assert [word for word in words if word not in shown] == [], shown


def test_a_story_is_found_by_message_reply_and_key(data: Path) -> None:
    one = job("hello")
    work(data, one, verdict=Done("replied"))
    for name in ("id-of-hello", one.payload["reply"], one.key):
        (told,) = json.loads(turns("why", name, "--bot", "support_bot", "--json").stdout)
        assert told["bot"] == "support_bot"
        assert told["lines"][0]["what"] == "written"


def test_a_message_that_nobody_knows_is_said(data: Path) -> None:
    done = turns("why", "nothing")
    assert isinstance(done.exception, UsageError)
    assert "'nothing'" in str(done.exception)


async def test_the_story_of_a_message_without_a_turn_says_why_there_is_none(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start_sandbox() as sandbox:
        for name, value in (
            ("STREAM_API_KEY", sandbox.api_key),
            ("STREAM_API_SECRET", sandbox.api_secret),
            ("STREAM_BASE_URL", sandbox.url),
        ):
            monkeypatch.setenv(name, value)
        stream = (sandbox.url, sandbox.api_key, sandbox.api_secret)
        async with person(*stream, channel="messaging:elsewhere") as eva, person(*stream) as tom:
            strange, early = await eva.say("hello?"), await tom.say("Is it there?")
        told = await asyncio.to_thread(turns, "why", strange, "--bot", "support_bot")
        assert "not in it" in told.stdout
        assert f"channels.join {YAML}:" in told.stdout
        told = await asyncio.to_thread(turns, "why", early, "--bot", "support_bot")
        assert "Is it there?" in told.stdout
        assert "no process with this bot has taken it in" in told.stdout
