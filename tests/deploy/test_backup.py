"""Backup and restore by the commands of deploy/backup.md: made while a bot runs, and the restored bot remembers."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from stream_chat import StreamChatAsync

from tests.support import postgres
from tests.support.postgres import Postgres
from tests.support.replicas import ROOT, Replica, Sandbox
from tests.support.waiting import until

PAGE = Path("deploy/backup.md")
BOT = """
identity: {user_id: fern-bot, name: Fern}
channels: {join: ["messaging:*"]}
model: embedded
prompt: prompt.md.j2
handover: {enabled: true, phrases: [human please]}
knowledge: knowledge
"""
NOT_HERE = "docker compose"
"""Commands that need an engine. What they run inside is what the other blocks run."""


def commands(heading: str) -> str:
    """The first block of commands below a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return str(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[0])


def test_each_block_of_the_page_is_run_here_or_needs_an_engine() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    run = [commands(f"{do} {what}") for what in ("SQLite", "Postgres") for do in ("Restore",)]
    run += [commands(f"Back up {what}, while the bots run") for what in ("SQLite", "Postgres")]
    assert [block for block in blocks if block not in run and not block.startswith(NOT_HERE)] == []


@dataclass
class Place:
    """A machine: the data folder, the folder of backups, and the database's address if it is Postgres."""

    data: Path
    backups: Path
    database: str
    programs: Path | None

    def do(self, block: str, variables: dict[str, str]) -> None:
        """Run commands of the page with this machine's folders. Raises AssertionError where one fails."""
        here = block.replace("/var/lib/agents", str(self.data)).replace("/var/backups", str(self.backups))
        here = re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", here, flags=re.MULTILINE)
        path = f"{self.programs}:{os.environ['PATH']}" if self.programs else os.environ["PATH"]
        environment = {"PATH": path, "PYTHONPATH": str(ROOT), **variables}
        command = ["sh", "-e"]
        done = subprocess.run(
            command, input=here, cwd=self.data.parent, env=environment, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, f"{here}\n{done.stdout}{done.stderr}"


@pytest.fixture(params=["SQLite", "Postgres"])
def kept_in(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(kept_in: str, tmp_path: Path) -> Iterator[Place]:
    backups = tmp_path / "backups"
    backups.mkdir()
    if kept_in == "SQLite":
        yield Place(tmp_path / "bot", backups, "", None)
        return
    if why := postgres.unavailable():
        pytest.skip(why)
    with Postgres.running() as server:
        server.execute("CREATE DATABASE agents")
        yield Place(tmp_path / "bot", backups, server.url("agents"), server.programs)


class Chat:
    """People, and what the bot told them."""

    def __init__(self, server: StreamChatAsync) -> None:
        self._server = server

    async def write(self, channel: str, text: str) -> str:
        """Post as maria; the id of the message."""
        await self._server.upsert_users([{"id": "maria"}])
        place = self._server.channel("messaging", channel)
        await place.create("maria")
        return str((await place.send_message({"text": text}, "maria"))["message"]["id"])

    async def replies(self, channel: str, message: str) -> list[dict[str, Any]]:
        """The bot's complete replies to a message."""
        page = await self._server.channel("messaging", channel).query(messages={"limit": 50})
        return [m for m in page["messages"] if m.get("reply_to") == message and not m.get("generating")]

    async def asked(self, channel: str, text: str) -> str:
        """Ask and wait for the reply; the id of the question."""
        message = await self.write(channel, text)
        await until(lambda: self.replies(channel, message))
        return message


@asynccontextmanager
async def chat(tmp_path: Path) -> AsyncIterator[tuple[Sandbox, Chat]]:
    (tmp_path / "sandbox").mkdir()
    sandbox = Sandbox(tmp_path / "sandbox")
    sandbox.start()
    try:
        await sandbox.until_ready()
        async with StreamChatAsync(sandbox.KEY, sandbox.SECRET, base_url=sandbox.url) as server:
            yield sandbox, Chat(server)
    finally:
        sandbox.kill()


def replica(tmp_path: Path, place: Place, sandbox: Sandbox) -> Replica:
    folder = tmp_path / "bots" / "fern"
    (folder / "knowledge").mkdir(parents=True)
    (folder / "bot.yaml").write_text(BOT)
    (folder / "prompt.md.j2").write_text("You help.")
    (folder / "knowledge" / "returns.md").write_text("# Returns\n\nYou can return a garden within 60 days.\n")
    environment = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", "FRAMEWORK_ADMIN": "off"}
    return Replica(
        *("bot", folder, tmp_path),
        sandbox=sandbox,
        model="http://127.0.0.1:9",
        database=place.database,
        environment=environment,
    )


async def test_the_restored_bot_remembers_and_answers_nothing_twice(kept_in: str, place: Place, tmp_path: Path) -> None:
    async with chat(tmp_path) as (sandbox, people):
        bot = replica(tmp_path, place, sandbox)
        variables = {
            "FRAMEWORK_DATA": str(place.data),
            "STREAM_API_KEY": sandbox.KEY,
            "STREAM_API_SECRET": sandbox.SECRET,
            "STREAM_BASE_URL": sandbox.url,
            "FRAMEWORK_ADMIN": "off",
            **({"DATABASE_URL": place.database} if place.database else {}),
        }
        try:
            bot.start()
            await bot.until_ready()
            before = await people.asked("support-1", "Within how many days can I return a garden?")
            await people.asked("support-2", "A human please!")
            place.do("python -m framework pause fern messaging:support-3", variables)
            (place.data / "notes.txt").write_text("kept by a tool")
            place.do(commands(f"Back up {kept_in}, while the bots run"), variables)
            since = await people.asked("support-1", "How long can I return it?")
            await bot.end(signal.SIGKILL)
            _lose(place)
            place.do(commands(f"Restore {kept_in}"), variables)
            assert (place.data / "notes.txt").read_text() == "kept by a tool"
            bot.start()
            await bot.until_ready()
            of_person = await people.write("support-2", "Within how many days can I return a garden?")
            paused = await people.write("support-3", "Within how many days can I return a garden?")
            await people.asked("support-1", "And within how many days can I return a lamp?")
            for channel, message in (("support-2", of_person), ("support-3", paused)):
                await until(partial(_is_silent, bot, message))
                assert await people.replies(channel, message) == []
            for question in (before, since):
                assert len(await people.replies("support-1", question)) == 1
        finally:
            bot.kill()


def _is_silent(bot: Replica, message: str) -> bool:
    """Whether the log says that the bot stays silent at a message."""
    lines = bot.log.read_text(encoding="utf-8").splitlines()
    return any(message in line and '"answer": false' in line for line in lines)


def _lose(place: Place) -> None:
    """The machine is gone: nothing is left but the backups."""
    shutil.rmtree(place.data)
    place.data.mkdir()
    if place.database:
        import psycopg

        with psycopg.connect(place.database, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")


def test_a_backup_is_for_one_user_only() -> None:
    for what in ("SQLite", "Postgres"):
        assert commands(f"Back up {what}, while the bots run").startswith("umask 077\n")
