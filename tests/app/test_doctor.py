"""The doctor: what is wrong is named with its remedy, and a sound set-up has nothing wrong."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from stream_chat.async_chat import StreamChatAsync

from framework.app.doctor.chat import NEEDED, chat_findings
from framework.app.doctor.finding import HealthFinding
from framework.app.doctor.machine import machine_findings
from framework.app.doctor.turns import turn_findings
from framework.definition.loader import load_bot
from framework.definition.model import Bot
from framework.engine.opening import open_engine
from framework.engine.port import Job
from framework.settings import Settings, load_settings
from framework.stream.app_settings import AppFacts
from tests.support.sandbox import RunningSandbox, start_sandbox

HOOK = "https://bots.example/webhooks/stream"


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with start_sandbox() as running:
        yield running


@pytest.fixture
async def server(sandbox: RunningSandbox) -> AsyncIterator[StreamChatAsync]:
    async with StreamChatAsync(sandbox.api_key, sandbox.api_secret, base_url=sandbox.url) as client:
        yield client


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    folder = tmp_path / "my_bot"
    folder.mkdir()
    (folder / "bot.yaml").write_text(
        'identity: {user_id: my-bot, name: My}\nchannels: {join: ["messaging:support-*"]}\nprompt: prompt.md.j2\n'
    )
    (folder / "prompt.md.j2").write_text("Be kind.")
    return load_bot(str(folder))


def settings(sandbox: RunningSandbox | None = None, **more: Any) -> Settings:
    if sandbox is not None:
        more = {
            "stream_api_key": sandbox.api_key,
            "stream_api_secret": SecretStr(sandbox.api_secret),
            "stream_base_url": sandbox.url,
            **more,
        }
    return load_settings().model_copy(update=more)


def named(findings: Sequence[HealthFinding], part: str) -> HealthFinding:
    (one,) = [finding for finding in findings if finding.part == part]
    return one


async def chat(settings: Settings, *bots: Bot) -> list[HealthFinding]:
    return [one async for one in chat_findings(settings, bots)]


async def test_a_sound_app_has_nothing_wrong(sandbox: RunningSandbox, bot: Bot) -> None:
    findings = await chat(settings(sandbox), bot)
    assert {one.state for one in findings} == {"ok"}
    assert [one.part for one in findings] == ["credentials", "clock", "user my-bot", "event hooks", "types of my_bot"]


async def test_without_an_app_the_sandbox_is_the_chat_and_production_wants_one(bot: Bot) -> None:
    (one,) = await chat(settings(stream_api_key=None), bot)
    assert (one.state, "sandbox" in one.detail) == ("ok", True)
    (one,) = await chat(settings(stream_api_key=None, environment="production"), bot)
    assert (one.state, "STREAM_API_KEY" in f"{one.detail}{one.hint}") == ("wrong", True)


@pytest.mark.parametrize(
    "more",
    [
        {"stream_api_secret": SecretStr("another-secret-of-thirty-two-characters")},
        {"stream_api_key": "another"},
        {"stream_base_url": "http://127.0.0.1:9"},
    ],
    ids=["secret", "key", "address"],
)
async def test_an_app_that_refuses_or_is_not_there(sandbox: RunningSandbox, more: dict[str, Any]) -> None:
    (one,) = await chat(settings(sandbox, **more))
    assert (one.part, one.state) == ("credentials", "wrong")
    assert one.hint
    assert "another-secret" not in f"{one.detail}{one.hint}"


@pytest.mark.parametrize(("minutes", "way"), [(10, "behind"), (-10, "ahead of")])
async def test_a_clock_that_is_wrong(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, minutes: int, way: str
) -> None:
    from framework.stream.app_settings import AppReader

    read = AppReader.settings

    async def elsewhen(self: AppReader) -> AppFacts:
        return replace(await read(self), time=datetime.now(UTC) + timedelta(minutes=minutes))

    monkeypatch.setattr(AppReader, "settings", elsewhen)
    one = named(await chat(settings(sandbox)), "clock")
    assert (one.state, way in one.detail, "NTP" in one.hint) == ("wrong", True, True)


async def test_a_bot_that_is_banned_or_deactivated(sandbox: RunningSandbox, server: StreamChatAsync, bot: Bot) -> None:
    await server.upsert_users([{"id": "my-bot"}, {"id": "mo", "role": "admin"}])
    await server.ban_user("my-bot", banned_by_id="mo")
    assert "banned" in named(await chat(settings(sandbox), bot), "user my-bot").detail
    await server.unban_user("my-bot")
    assert named(await chat(settings(sandbox), bot), "user my-bot").state == "ok"
    await server.deactivate_user("my-bot")
    assert "deactivated" in named(await chat(settings(sandbox), bot), "user my-bot").detail


def hook(**more: Any) -> dict[str, Any]:
    return {"hook_type": "webhook", "enabled": True, "webhook_url": HOOK, "event_types": [], **more}


@pytest.mark.parametrize(
    ("hooks", "state", "words"),
    [
        ([], "wrong", "none leads to this process"),
        ([hook(webhook_url="https://other.example/elsewhere")], "wrong", "none leads to this process"),
        ([hook(enabled=False)], "wrong", "switched off"),
        ([hook(event_types=["message.new"])], "wrong", "leaves out message.updated"),
        ([hook(event_types=list(NEEDED))], "ok", "gets what the bots need"),
        ([hook()], "ok", "gets what the bots need"),
    ],
    ids=["none", "elsewhere", "off", "events", "named", "all"],
)
async def test_hooks_of_the_app(
    sandbox: RunningSandbox, server: StreamChatAsync, hooks: list[dict[str, Any]], state: str, words: str
) -> None:
    await server.update_app_settings(event_hooks=hooks)
    one = named(await chat(settings(sandbox, webhook="127.0.0.1:0", ingress="webhook")), "event hooks")
    assert (one.state, words in one.detail) == (state, True), one.detail


async def test_without_a_hook_the_websocket_brings_the_events(sandbox: RunningSandbox) -> None:
    one = named(await chat(settings(sandbox, webhook="127.0.0.1:0")), "event hooks")
    assert (one.state, "events come by WebSocket" in one.detail) == ("doubtful", True), one.detail


async def test_a_channel_type_that_the_app_does_not_have(sandbox: RunningSandbox, bot: Bot) -> None:
    channels = bot.definition.channels.model_copy(update={"join": ("desk:*", "messaging:*")})
    other = replace(bot, definition=bot.definition.model_copy(update={"channels": channels}))
    one = named(await chat(settings(sandbox), other), "types of my_bot")
    assert (one.state, one.detail) == ("wrong", "the app has no channel type desk")


async def test_a_guard_that_nobody_asks(sandbox: RunningSandbox, server: StreamChatAsync, bot: Bot) -> None:
    (bot.folder / "moderation.yaml").write_text("rules: []\n")
    one = named(await chat(settings(sandbox), bot), "moderation hook")
    assert (one.state, "moderation apply" in one.hint) == ("wrong", True)
    await server.update_app_settings(before_message_send_hook_url="https://bots.example/hooks/before-message-send")
    assert named(await chat(settings(sandbox), bot), "moderation hook").state == "ok"


def test_a_sound_machine(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    findings = list(machine_findings(settings(data=folder), ()))
    assert {one.state for one in findings} <= {"ok", "doubtful"}
    assert named(findings, "data folder").state == "ok"


def test_a_folder_that_others_can_reach_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    one = named(list(machine_findings(settings(data=folder), ())), "data folder")
    assert one.state == "doubtful"
    assert one.remedy is not None
    one.remedy.do()
    assert named(list(machine_findings(settings(data=folder), ())), "data folder").state == "ok"


def test_a_file_in_the_place_of_the_folder_and_a_secret_that_others_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    secret.chmod(0o644)
    findings = list(machine_findings(settings(data=secret, stream_api_secret_file=secret), ()))
    assert named(findings, "data folder").state == "wrong"
    assert named(findings, "file of the secret").state == "doubtful"


@pytest.mark.parametrize(("free", "state"), [(1, "wrong"), (2**30, "doubtful"), (2**40, "ok")])
def test_a_disk_that_fills_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(2**41, 2**41 - free, free))
    assert named(list(machine_findings(settings(data=tmp_path), ())), "disk").state == state


def test_a_port_that_is_taken_by_another_program(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        findings = list(machine_findings(settings(data=tmp_path, admin=where), ()))
    assert named(findings, "port for operators").state == "wrong"
    assert named(list(machine_findings(settings(data=tmp_path, admin="off"), ())), "port for operators").state == "ok"


@pytest.fixture
def database(tmp_path: Path) -> Settings:
    return settings(data=tmp_path, database_url=SecretStr(f"sqlite:///{tmp_path / 'engine.db'}"))


async def test_an_engine_before_its_first_start_and_at_work(database: Settings) -> None:
    assert [one.part for one in await turn_findings(database)] == ["database"]
    engine = open_engine(database.database.get_secret_value())
    try:
        found = await turn_findings(database)
    finally:
        await engine.close()
    assert {one.state for one in found} == {"ok"}
    assert named(found, "replicas").detail.startswith("1 at work")


@pytest.mark.parametrize(
    ("seconds", "state", "told", "remedy"),
    [(-600, "doubtful", "no heartbeat came", "takes over its turns"), (600, "wrong", "clocks are ahead", "NTP")],
)
async def test_a_replica_that_is_silent_or_whose_clock_is_wrong(
    database: Settings, seconds: int, state: str, told: str, remedy: str
) -> None:
    engine = open_engine(database.database.get_secret_value())
    await turn_findings(database)
    await engine.close()
    row = (
        "INSERT INTO engine_replicas (id, name, host, pid, beat, seen) VALUES ('r', 'r', 'other-host', 7, 1, :now + {})"
    )
    _changed(row.format(seconds))(database)
    found = named(await turn_findings(database), "replicas")
    assert found.state == state
    assert "other-host (process 7)" in found.detail
    assert told in found.detail
    assert remedy in found.hint


def _changed(sql: str) -> Callable[[Settings], None]:
    def change(database: Settings) -> None:
        engine = create_engine(database.database.get_secret_value())
        with engine.begin() as connection:
            connection.execute(text(sql), {"now": time.time()})
        engine.dispose()

    return change


@pytest.mark.parametrize(
    ("change", "part", "state"),
    [
        (_changed("update engine_jobs set state = 'dead'"), "dead letters", "doubtful"),
        (_changed("update engine_jobs set state = 'waiting', due = :now - 600"), "backlog", "wrong"),
        (_changed("drop table engine_jobs"), "database", "wrong"),
    ],
    ids=["dead", "waiting", "broken"],
)
async def test_turns_that_nobody_runs(
    database: Settings, change: Callable[[Settings], None], part: str, state: str
) -> None:
    engine = open_engine(database.database.get_secret_value())
    await engine.enqueue(Job(key="1", lane="a", order="1"))
    await engine.close()
    change(database)
    assert named(await turn_findings(database), part).state == state


async def test_a_database_that_is_away() -> None:
    away = settings(database_url=SecretStr("postgresql://u:hidden@127.0.0.1:9/x"))
    (one,) = await turn_findings(away)
    assert one.state == "wrong"
    assert "hidden" not in f"{one.detail}{one.hint}"
