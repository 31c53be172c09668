"""A tick of two replicas, one of which is killed in it: each message stands once, and no tool runs twice.

The tick is past when the processes are up, so both hand it to the engine at once, and no test waits for a clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
from pydantic import SecretStr

from framework.definition.loader import load_bot
from framework.runtime.state.schedule_book import ScheduleBook
from framework.settings import Settings
from framework.storage import Storage
from framework.stream.factory import open_chat_service
from tests.chaos.app import BOT, App
from tests.support.replicas import Replica, Sandbox
from tests.support.waiting import until

CHANNELS = [f"clock-{number}" for number in range(4)]
TOOL = Path(__file__).parents[1] / "chaos" / "bot" / "tools.py"
SCHEDULES = ("says", "runs")
BOT_FILE = f"""
identity: {{user_id: {BOT}, name: Clock}}
channels: ["messaging:clock-*"]
triggers:
  - schedule: {{name: says, at: "TICK", say: Tick.}}
  - schedule: {{name: runs, at: "TICK", run: {{tool: note, arguments: {{entry: tick}}}}}}
model: embedded
tools: [note]
prompt: prompt.md.j2
"""


@asynccontextmanager
async def two_replicas(folder: Path) -> AsyncIterator[tuple[App, Sequence[Replica]]]:
    """A sandbox, and two processes on one database in which the schedules are known since before their tick."""
    sandbox, database = Sandbox(folder), f"sqlite:///{folder / 'engine.db'}"
    bot = folder / "clock_bot"
    replicas = [
        Replica(
            name,
            bot,
            folder,
            sandbox=sandbox,
            model="http://127.0.0.1:9",
            database=database,
            environment={"CHAOS_EFFECTS": str(folder / "effects"), "OPENAI_API_KEY": ""},
        )
        for name in ("one", "two")
    ]
    try:
        sandbox.start()
        await sandbox.until_ready()
        async with aiohttp.ClientSession() as session:
            app = App(sandbox, session)
            await app.prepare(CHANNELS)
            known, tick = datetime.now(UTC), (datetime.now(UTC) + timedelta(seconds=1)).replace(microsecond=0)
            bot.mkdir()
            (bot / "bot.yaml").write_text(BOT_FILE.replace("TICK", tick.isoformat()))
            (bot / "prompt.md.j2").write_text("You are {{ bot_name }}.\n")
            (bot / "tools.py").write_text(TOOL.read_text(encoding="utf-8"))
            await _make_known(bot, sandbox, database, known)
            for one in replicas:
                one.start()
            yield app, replicas
    finally:
        for program in (*replicas, sandbox):
            program.kill()


async def _make_known(bot: Path, sandbox: Sandbox, database: str, since: datetime) -> None:
    """Write the schedules into the book, as a process that ran before has done."""
    settings = Settings(
        stream_api_key=sandbox.KEY,
        stream_api_secret=SecretStr(sandbox.SECRET),
        stream_base_url=sandbox.url,
    )
    service = open_chat_service(settings, load_bot(str(bot)).definition.identity)
    storage = Storage(database)
    book = ScheduleBook(storage, now=lambda: since)
    for channel in CHANNELS:
        for schedule in SCHEDULES:
            await book.entry(f"{BOT}@{service.app}", schedule, f"messaging:{channel}")
    storage.close()
    await service.close()


def runs(folder: Path) -> Counter[str]:
    """How often the tool ran, by the key of its call."""
    file = folder / "effects"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return Counter(line.split("\t")[0] for line in lines)


async def posted(app: App) -> Counter[tuple[str, str]]:
    """How many finished answers of the bot each channel has, by schedule."""
    found: Counter[tuple[str, str]] = Counter()
    for channel, messages in (await app.messages(CHANNELS)).items():
        for one in messages:
            if one["user"]["id"] == BOT and not one.get("generating"):
                found[channel, str(one.get("reply_to")).split(":")[1]] += 1
    return found


async def test_a_tick_is_done_once_though_a_replica_is_killed_in_it(tmp_path: Path) -> None:
    async with two_replicas(tmp_path) as (app, replicas):
        await until(lambda: bool(runs(tmp_path)))
        for one in replicas:
            one.kill()
        replicas[0].start()

        async def everywhere() -> bool:
            return len(await posted(app)) == len(CHANNELS) * len(SCHEDULES)

        await until(everywhere)
        replicas[1].start()
        await replicas[1].until_ready()
        assert set((await posted(app)).values()) == {1}
        assert set(runs(tmp_path).values()) == {1}
