"""Who is erased is in no table and no file any more, in every store, and turns that run meanwhile are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection

from framework.agent.prompt.facts import Facts
from framework.approvals import ApprovalStore, Request
from framework.audit import AuditLog
from framework.audit.entry import Entry
from framework.budget.database import DatabaseUsageBook
from framework.budget.usage import Usage
from framework.definition.expressions.approval_conditions import Sum
from framework.definition.loader import load_bot
from framework.definition.parts.memory import Memory
from framework.engine.durable import DurableEngine
from framework.engine.opening import open_engine
from framework.engine.port import Done, Execution, Job, JobResult
from framework.runtime.erasure import Eraser
from framework.runtime.handover.database import DatabaseHandovers
from framework.runtime.state.feedback import Feedback
from framework.runtime.state.feedback_database import DatabaseFeedback
from framework.runtime.state.handover import Act, Handover, opening
from framework.settings import Settings
from framework.storage import Storage
from framework.tools.approval.sums import Amount, Payer, SumBook
from framework.tools.database import Database
from tests.support.postgres import Postgres, unavailable

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOT = "support_bot"
TOOLS = """
from pathlib import Path

from langchain.tools import tool


@tool
def look() -> str:
    "Look something up."
    return "nothing"


def forget(user_id: str, data: Path) -> int:
    lines = (data / "notes.txt").read_text().splitlines()
    (data / "notes.txt").write_text("\\n".join(line for line in lines if not line.startswith(f"{user_id}:")))
    return 1
"""
STORES = ("memory", "tools", "approvals", "audit", "sums", "feedback", "handovers", "usage", "jobs")


def words_of(user: str) -> str:
    return f"{user}-whispers-about-a-gnomon"


def now() -> datetime:
    return NOW


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    if reason := unavailable():
        pytest.skip(reason)
    with Postgres.running() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = None
    if request.param == "postgres":
        url = SecretStr(request.getfixturevalue("server").database())
    return Settings(data=tmp_path / "data", database_url=url, _env_file=None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / BOT
    folder.mkdir()
    (folder / "bot.yaml").write_text("identity: {user_id: fern, name: Fern}\nprompt: prompt.md.j2\ntools: [look]\n")
    (folder / "prompt.md.j2").write_text("Be kind.")
    (folder / "tools.py").write_text(TOOLS)
    return folder


@asynccontextmanager
async def working(settings: Settings, handle: Any) -> AsyncIterator[DurableEngine]:
    """An engine whose jobs this handler executes, as a bot that runs meanwhile has it."""
    engine = await asyncio.to_thread(open_engine, settings.database.get_secret_value(), concurrency=4)
    await engine.start(handle)
    try:
        yield engine
    finally:
        await engine.close()


def job(user: str, said: Sequence[str] = ()) -> Job:
    trigger = {"id": f"m-{user}", "user": {"id": user}, "text": words_of(user)}
    payload = {"trigger": trigger, "said": list(said), "kept": {"trigger": {"id": f"m-{user}", "user": {"id": user}}}}
    return Job(key=f"job-{user}", lane=f"lane-{user}", order="1", payload=payload)


async def quoting(one: Job, execution: Execution) -> JobResult:
    """Keeps what was said in the channel, as a turn's conversation is kept."""
    await execution.save("conversation", [one.payload["trigger"]["text"], *one.payload["said"]])
    return Done(f"said {one.key}")


async def plant(user: str, storage: Storage, settings: Settings, memory: Database) -> None:
    said = words_of(user)
    channel = f"messaging:of-{user}"
    approvals = ApprovalStore(storage, now=now)
    shown = (f"note: {said}",)
    asked = Request("tool", BOT, "refund", {"note": said}, shown, timedelta(hours=1), user, user, channel, user, {})
    await approvals.ask(asked)
    await approvals.ask(replace(asked, kind="draft", key=f"{user}-draft"))
    entry = Entry(NOW.isoformat(), BOT, user, channel, "app", "SendMessage", said, "started")
    log = AuditLog(storage)
    await log.end(await log.begin(entry), "done", said, 1.0)
    payer = Payer(BOT, "refund", user)
    await SumBook(storage, now=now).count(payer, f"sum-{user}", [Amount(Sum(("amount",), "day"), 5.0)])
    feedback = DatabaseFeedback(storage, settings.data / "feedback.jsonl")
    await feedback.record(Feedback(BOT, f"reply-{user}", channel, user, said, NOW))
    opened = Handover("open", NOW, f"job-{user}", f"m-{user}", reason=said, to=(user,), taken=Act(user, "m", user))
    await DatabaseHandovers(storage).change(BOT, channel, opening(opened))
    usage = DatabaseUsageBook(settings.database.get_secret_value())
    await usage.settle(f"turn-{user}", [f"fern|user|{user}"], date(2026, 3, 1), Usage(1, 1.0, 1))
    await usage.close()
    await Facts(BOT, memory, Memory(facts=True), now=now).remember(user, channel, said)
    notes = settings.data / "bots" / BOT / "notes.txt"
    with notes.open("a") as file:
        file.write(f"{user}: {said}\n")


def tables(settings: Settings) -> str:
    """All that stands in the tables, where the database is a server; the files are read where it is not."""
    url = settings.database.get_secret_value()
    if url.startswith("sqlite"):
        return ""
    engine = create_engine(f"postgresql+psycopg://{url.partition('://')[2]}")
    with engine.connect() as connection:
        found = "\n".join(_rows(connection, name) for name in inspect(connection).get_table_names())
    engine.dispose()
    return found


def _rows(connection: Connection, name: str) -> str:
    return "\n".join(repr(tuple(row)) for row in connection.execute(text(f'SELECT * FROM "{name}"')))


def kept(settings: Settings, words: str) -> list[str]:
    """Where these words stand: files, and the tables of a server."""
    files = [file for file in settings.data.rglob("*") if file.is_file() and words.encode() in file.read_bytes()]
    return [*(file.name for file in files), *(["tables"] if words in tables(settings) else [])]


async def test_nothing_of_an_erased_person_is_left_in_any_store(settings: Settings, folder: Path) -> None:
    (settings.data / "bots" / BOT).mkdir(parents=True)
    storage = Storage(settings.database.get_secret_value())
    memory = Database(settings.data / "bots" / BOT, settings.database_url)
    async with working(settings, quoting) as engine:
        await engine.enqueue(job("eve"))
        await engine.enqueue(job("bob", [words_of("eve")]))  # his turn read what she had said in the channel
        await engine.settled()
        for user in ("eve", "bob"):
            await plant(user, storage, settings, memory)
        assert kept(settings, words_of("eve")) != []
        done = await Eraser([load_bot(str(folder))], settings)("eve")
        assert {kind for kind in STORES if done[kind]} == set(STORES)
        assert done["running"] == 0
        # The database is open all the time, by the bot that runs and by the stores.
        assert kept(settings, words_of("eve")) == []
        assert '"eve"' not in tables(settings)
        assert kept(settings, words_of("bob")) != []
        assert not await engine.enqueue(job("eve"))  # and she is not answered once more
    assert kept(settings, words_of("eve")) == []
    again = await Eraser([load_bot(str(folder))], settings)("eve")
    assert {kind: count for kind, count in again.items() if count and kind != "tools"} == {}
    memory.close()
    storage.close()


@pytest.mark.parametrize("ends", [True, False])
async def test_a_turn_that_runs_meanwhile_is_waited_for(settings: Settings, folder: Path, *, ends: bool) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(one: Job, execution: Execution) -> JobResult:
        await execution.save("conversation", [one.payload["trigger"]["text"]])
        begun.set()
        await may_end.wait()
        return Done()

    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if ends:
            may_end.set()
            await engine.settled()

    async with working(settings, slow) as engine:
        await engine.enqueue(job("eve"))
        await begun.wait()
        done = await Eraser([load_bot(str(folder))], settings, sleep=sleep)("eve")
        assert done["running"] == (0 if ends else 1)
        assert len(waits) == (1 if ends else 30)
        assert (kept(settings, words_of("eve")) == []) == ends
        may_end.set()
        await engine.settled()
    await Eraser([load_bot(str(folder))], settings)("eve")
    assert kept(settings, words_of("eve")) == []
