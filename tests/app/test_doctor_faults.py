"""A whole set-up in which one thing is wrong: `doctor` names that thing with its remedy, and nothing else."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import create_engine, text
from stream_chat.async_chat import StreamChatAsync
from typer.testing import CliRunner

from framework.agent.build.factory import load_knowledge
from framework.app.doctor.finding import HealthFinding
from framework.app.doctor.stores import STORES
from framework.cli.doctor import _findings
from framework.cli.main import app
from framework.definition.loader import load_bot
from framework.engine.opening import open_engine
from framework.engine.port import Job
from framework.settings import load_settings
from framework.stream.app_settings import AppFacts, AppReader
from tests.support.nats import free_port
from tests.support.openai_server import MODEL, ScriptedServer, Stream, fail, say, scripted_server
from tests.support.sandbox import RunningSandbox, start_sandbox

HOOK = "https://bots.example/webhooks/stream"
GUARD = "/hooks/before-message-send"
BOT = """
identity: {user_id: my-bot, name: My}
channels: {join: ["messaging:support-*"]}
prompt: prompt.md.j2
model: openai:scripted-1
"""
SERVER = Path(__file__).parent.parent / "support" / "odd_mcp_server.py"


@dataclass
class SetUp:
    """A set-up that is sound, until a fault is planted."""

    sandbox: RunningSandbox
    app: StreamChatAsync
    model: ScriptedServer
    folder: Path
    data: Path
    patch: pytest.MonkeyPatch
    wait: float = 0.0
    stack: list[Callable[[], object]] = field(default_factory=list)

    @property
    def bot(self) -> Path:
        return self.folder / "my_bot"

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self.patch.setenv(name, value)

    def database(self, statement: str) -> None:
        engine = create_engine(f"sqlite:///{self.data / 'engine.db'}")
        with engine.begin() as connection:
            connection.execute(text(statement), {"now": time.time()})
        engine.dispose()

    async def look(self) -> list[HealthFinding]:
        return await _findings([str(self.bot)])

    async def healthy(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def answer(self, _request: web.Request) -> web.Response:
        await asyncio.sleep(self.wait)
        return web.json_response({})


@asynccontextmanager
async def endpoint(made: SetUp) -> AsyncIterator[str]:
    site = web.Application()
    site.router.add_post(GUARD, made.answer)
    site.router.add_get("/healthz", made.healthy)
    runner = web.AppRunner(site, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{GUARD}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SetUp]:
    data, bot = tmp_path / "data", tmp_path / "my_bot"
    data.mkdir(mode=0o700)
    (bot / "knowledge").mkdir(parents=True)
    (bot / "bot.yaml").write_text(BOT)
    (bot / "prompt.md.j2").write_text("Be kind.")
    (bot / "knowledge" / "hours.md").write_text("# Opening hours\n\nWe are open from nine to five.\n")
    (bot / "moderation.yaml").write_text(
        'channels: ["messaging:*"]\nrules:\n  - {name: words, when: {words: [zorbax]}, do: reject}\n'
    )
    monkeypatch.chdir(tmp_path)
    async with (
        start_sandbox() as sandbox,
        scripted_server() as model,
        StreamChatAsync(sandbox.api_key, sandbox.api_secret, base_url=sandbox.url) as server,
    ):
        model.brain = lambda _asked: say("ok")
        made = SetUp(sandbox, server, model, tmp_path, data, monkeypatch)
        made.set(
            STREAM_API_KEY=sandbox.api_key,
            STREAM_API_SECRET=sandbox.api_secret,
            STREAM_BASE_URL=sandbox.url,
            OPENAI_API_KEY="sk-test",
            OPENAI_BASE_URL=model.url,
            FRAMEWORK_WEBHOOK="127.0.0.1:0",
            FRAMEWORK_DATA=str(data),
            FRAMEWORK_ADMIN=f"127.0.0.1:{free_port()}",
            FRAMEWORK_INGRESS="webhook",
        )
        await server.upsert_users([{"id": "my-bot"}, {"id": "mo", "role": "admin"}])
        channel = server.channel("messaging", "support-1", {"members": ["my-bot", "mo"]})
        await channel.create("mo")
        settings = load_settings()
        load_knowledge(load_bot(str(bot)), settings)
        engine = open_engine(settings.database.get_secret_value())
        await engine.enqueue(Job(key="1", lane="a", order="1"))
        await engine.close()
        made.database("delete from engine_jobs")
        async with endpoint(made) as url:
            made.set(FRAMEWORK_WEBHOOK=url.removeprefix("http://").removesuffix(GUARD))
            await server.update_app_settings(
                event_hooks=[hook()], before_message_send_hook_url=url, before_message_send_hook_attempt_timeout_ms=1500
            )
            yield made
        for end in made.stack:
            end()


def hook(**more: Any) -> dict[str, Any]:
    return {"hook_type": "webhook", "enabled": True, "webhook_url": HOOK, "event_types": [], **more}


async def test_a_sound_set_up_has_nothing_wrong(sound: SetUp) -> None:
    assert [one for one in await sound.look() if one.state != "ok"] == []


def settings_of_app(**changed: Any) -> Callable[[SetUp], Awaitable[None]]:
    async def plant(made: SetUp) -> None:
        await made.app.update_app_settings(**changed)

    return plant


def variables(**given: str) -> Callable[[SetUp], Awaitable[None]]:
    async def plant(made: SetUp) -> None:
        made.set(**given)

    return plant


def type_with(**changed: Any) -> Callable[[SetUp], Awaitable[None]]:
    async def plant(made: SetUp) -> None:
        await made.app.update_channel_type("messaging", **changed)

    return plant


def rows(statement: str) -> Callable[[SetUp], Awaitable[None]]:
    async def plant(made: SetUp) -> None:
        made.database(statement)

    return plant


def line(text_: str, old: str = "") -> Callable[[SetUp], Awaitable[None]]:
    async def plant(made: SetUp) -> None:
        file = made.bot / "bot.yaml"
        said = file.read_text()
        file.write_text(said.replace(old, text_) if old else said + text_)

    return plant


async def clock(made: SetUp) -> None:
    read = AppReader.settings

    async def elsewhen(self: AppReader) -> AppFacts:
        return replace(await read(self), time=datetime.now(UTC) + timedelta(minutes=10))

    made.patch.setattr(AppReader, "settings", elsewhen)


async def newer_store(made: SetUp) -> None:
    made.database("create table storage_versions (name text primary key, version integer not null)")
    made.database("insert into storage_versions values ('usage', 99)")


async def banned(made: SetUp) -> None:
    await made.app.ban_user("my-bot", banned_by_id="mo")


async def deactivated(made: SetUp) -> None:
    await made.app.deactivate_user("my-bot")


async def no_member(made: SetUp) -> None:
    await made.app.channel("messaging", "support-1").remove_members(["my-bot"])


async def slow_hook(made: SetUp) -> None:
    made.wait = 6.0


async def no_permission(made: SetUp) -> None:
    kind = await made.app.get_channel_type("messaging")
    grants = [one for one in kind["grants"]["channel_member"] if one != "read-channel"]
    await made.app.update_channel_type("messaging", grants={"channel_member": grants})


async def slow_model(made: SetUp) -> None:
    async def late(stream: Stream) -> None:
        await asyncio.sleep(2.5)
        await say("ok")(stream)

    made.model.brain = lambda _asked: late


async def wrong_model_key(made: SetUp) -> None:
    made.model.listing = fail(401, "Incorrect API key provided")
    made.model.brain = lambda _asked: fail(401, "Incorrect API key provided")


async def unknown_model(made: SetUp) -> None:
    made.model.models = ("another-model",)
    made.model.brain = lambda _asked: fail(404, "The model does not exist")


async def stale_index(made: SetUp) -> None:
    (made.bot / "knowledge" / "hours.md").write_text("# Opening hours\n\nWe are open on Sundays, too.\n")


async def full_disk(made: SetUp) -> None:
    made.patch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(2**41, 2**41 - 9, 9))


async def open_folder(made: SetUp) -> None:
    made.data.chmod(0o755)


async def open_secret(made: SetUp) -> None:
    file = made.folder / "secret"
    file.write_text(made.sandbox.api_secret)
    file.chmod(0o644)
    made.patch.delenv("STREAM_API_SECRET")
    made.set(STREAM_API_SECRET_FILE=str(file))


async def file_for_folder(made: SetUp) -> None:
    (made.folder / "file").write_text("")
    made.set(FRAMEWORK_DATA=str(made.folder / "file"), DATABASE_URL=f"sqlite:///{made.data / 'engine.db'}")


async def taken_port(made: SetUp) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    made.stack.append(taken.close)
    made.set(FRAMEWORK_WEBHOOK=f"127.0.0.1:{taken.getsockname()[1]}")


async def old_sqlite(made: SetUp) -> None:
    made.patch.setattr("framework.app.doctor.machine.OLDEST_SQLITE", (99, 0))


async def changed_pins(made: SetUp) -> None:
    command = json.dumps([sys.executable, str(SERVER)])
    await line(f"mcp_servers:\n  odd: {{command: {command}}}\n")(made)
    await made.look()
    (pins,) = [file for file in made.data.rglob("*") if file.is_file() and "pin" in file.name]
    said = json.loads(pins.read_text())
    pins.write_text(json.dumps(said).replace(next(iter(hashes(said))), "0" * 64, 1))


def hashes(value: Any) -> list[str]:
    """All digests in a JSON value."""
    if isinstance(value, str):
        return [value] if len(value) >= 32 and all(letter in "0123456789abcdef" for letter in value) else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for one in inner for found in hashes(one)]


NEWER = "update {} set version = 99"
MISSING_EVENTS = {"event_hooks": [hook(event_types=["message.new"])]}
OTHER = hook(webhook_url="https://x.example/y")
SHORT = {"before_message_send_hook_attempt_timeout_ms": 300}
AWAY = "http://127.0.0.1:9"
FAULTS: list[tuple[str, Callable[[SetUp], Awaitable[None]], str, str, str]] = [
    ("secret", variables(STREAM_API_SECRET="another-secret-of-thirty-two-characters"), "credentials", "", "SECRET"),
    ("service", variables(STREAM_BASE_URL=AWAY), "credentials", "127.0.0.1:9", ""),
    ("clock", clock, "clock", "600 s behind", "NTP"),
    ("banned", banned, "user my-bot", "banned", "Unban"),
    ("deactivated", deactivated, "user my-bot", "deactivated", "ReactivateUser"),
    ("member", no_member, "channels of my_bot", "no member of 1", "add_members"),
    ("permission", no_permission, "types of my_bot", "may not read", "read-channel"),
    ("reactions", type_with(reactions=False), "types of my_bot", "reactions switched off", "UpdateChannelType"),
    ("type", line('"desk:*"', '"messaging:support-*"'), "types of my_bot", "no channel type desk", "channels.join"),
    ("no hook", settings_of_app(event_hooks=[]), "event hooks", "none leads to this process", "Add one to"),
    (
        "other hook",
        settings_of_app(event_hooks=[hook(webhook_url="https://x.example/y")]),
        "event hooks",
        "none",
        "Add",
    ),
    ("hook off", settings_of_app(event_hooks=[hook(enabled=False)]), "event hooks", "switched off", "enabled"),
    ("events", settings_of_app(**MISSING_EVENTS), "event hooks", "leaves out message.updated", "Add them"),
    ("no guard", settings_of_app(before_message_send_hook_url=""), "moderation hook", "asks nobody", "apply"),
    ("other guard", settings_of_app(before_message_send_hook_url=HOOK), "moderation hook", "is not ours", "apply"),
    ("slow guard", slow_hook, "moderation", "does not answer within 5 s", "FRAMEWORK_WEBHOOK"),
    (
        "short wait",
        settings_of_app(before_message_send_hook_attempt_timeout_ms=300),
        "moderation hook",
        "300 ms",
        "1000",
    ),
    ("schema", rows(NEWER.format("engine_schema")), "database", "newer version", "Install the newer"),
    ("store", newer_store, "database", "usage", "Install the newer"),
    (
        "replica",
        rows(
            "INSERT INTO engine_replicas (id, name, host, pid, beat, seen) VALUES ('r','r','other',7,1,:now - 600)",
        ),
        "replicas",
        "no heartbeat came: other",
        "takes over",
    ),
    ("Postgres", variables(DATABASE_URL="postgresql://u:hidden@127.0.0.1:9/x"), "database", "127.0.0.1", ""),
    ("model away", variables(OPENAI_BASE_URL=f"{AWAY}/v1"), "model", "127.0.0.1:9", ""),
    ("model slow", slow_model, "model", "is slow", "faster model"),
    ("model key", wrong_model_key, "model", "key", ""),
    ("model name", unknown_model, "model", MODEL, "another-model"),
    ("index", stale_index, "knowledge index", "changed since the index", "check my_bot"),
    ("disk", full_disk, "disk", "0.0 GB free", "Free some space"),
    ("folder", open_folder, "data folder", "mode 755", "chmod 700"),
    ("secret file", open_secret, "file of the secret", "mode 644", "chmod 600"),
    ("no folder", file_for_folder, "data folder", "is no folder", "FRAMEWORK_DATA"),
    ("port", taken_port, "port for webhooks", "taken by another program", "another port"),
    ("SQLite", old_sqlite, "versions", "too old", "newer SQLite"),
    ("zone", line("conditions: {hours: {timezone: Mars/Base, open: {mon: 9-17}}}\n"), "definition", "Mars/Base", ""),
    ("NATS", variables(FRAMEWORK_JOURNAL="nats://127.0.0.1:9"), "nats", "cannot be reached", "FRAMEWORK_JOURNAL"),
    ("pins", changed_pins, "mcp servers", "tells other things than before", "--accept-tools"),
]
BESIDE = {
    "credentials": {"moderation"},  # the same key is refused there as well
    "moderation hook": {"moderation"},
    "port for webhooks": {"moderation"},  # the hook leads to the old port
    "database": {"moderation"},  # the pending messages are looked up there
    "data folder": {"moderation", "mcp servers"},
}


@pytest.mark.parametrize(
    ("plant", "part", "told", "remedy"), [one[1:] for one in FAULTS], ids=[one[0] for one in FAULTS]
)
async def test_a_planted_fault_is_named_with_its_remedy_and_nothing_else(
    sound: SetUp, plant: Callable[[SetUp], Awaitable[None]], part: str, told: str, remedy: str
) -> None:
    await plant(sound)
    found = [one for one in await sound.look() if one.state != "ok"]
    named = [one for one in found if one.part == part]
    assert named, found
    assert any(told in one.detail and remedy in f"{one.detail}{one.hint}" for one in named), named
    assert all(one.hint for one in named), named
    assert {one.part for one in found} - {part} <= BESIDE.get(part, set()), found
    shown = f"{found}"
    assert "hidden" not in shown
    assert sound.sandbox.api_secret not in shown


def test_every_store_is_looked_at() -> None:
    made = {str(file) for file in Path("framework").rglob("*.py") if "\nSCHEMA = Schema(" in file.read_text()}
    listed = {f"{name.replace('.', '/')}.py" for name in STORES}
    assert made == listed


async def test_fix_shows_first_does_what_is_safe_and_leaves_the_rest(sound: SetUp) -> None:
    (sound.bot / "moderation.yaml").unlink()
    await sound.app.update_app_settings(before_message_send_hook_url="")
    sound.data.chmod(0o755)
    runner = CliRunner()
    refused = await asyncio.to_thread(runner.invoke, app, ["doctor", str(sound.bot), "--fix"], input="n\n")
    assert "chmod 700" in refused.output
    assert sound.data.stat().st_mode & 0o777 == 0o755
    done = await asyncio.to_thread(runner.invoke, app, ["doctor", str(sound.bot), "--fix", "--yes"])
    assert done.exit_code == 0, done.output
    assert sound.data.stat().st_mode & 0o777 == 0o700


async def test_json_is_for_programs_and_what_is_wrong_ends_with_1(sound: SetUp) -> None:
    await sound.app.update_app_settings(event_hooks=[])
    done = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", str(sound.bot), "--json"])
    assert done.exit_code == 1
    (one,) = [one for one in json.loads(done.stdout) if one["state"] == "wrong"]
    assert (one["part"], one["group"], one["fixable"]) == ("event hooks", "chat service", False)
