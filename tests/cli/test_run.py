"""`run`, as a process: ready, answering, stopped, killed and started again."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from stream_chat import StreamChatAsync

from framework.app.sandbox_files import is_claimed
from tests.support.log import log_entries
from tests.support.person import person
from tests.support.ports import free_port
from tests.support.process import Process
from tests.support.queue import CREDENTIALS, local_queue
from tests.support.sandbox import RunningSandbox, start_sandbox
from tests.support.waiting import until

QUESTION = "How long is the warranty?"


@pytest.fixture
def started() -> Iterator[list[Process]]:
    """Processes that a test started; none outlives it."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.kill()


@pytest.fixture
def own(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Variables for a data folder of the test's own. The index is taken from the shared one: nothing is read again."""
    shared = Path(environment["FRAMEWORK_DATA"]) / "knowledge"
    shared.mkdir(exist_ok=True)
    (tmp_path / "knowledge").symlink_to(shared)
    return {**environment, "FRAMEWORK_DATA": str(tmp_path)}


def credentials(data: Path) -> tuple[str, str, str]:
    """Address, key and secret of the sandbox of a data folder."""
    found = dict(re.findall(r"^(\w+)=(.+)$", (data / "sandbox.env").read_text(), re.MULTILINE))
    return found["STREAM_BASE_URL"], found["STREAM_API_KEY"], found["STREAM_API_SECRET"]


async def run_bot(environment: dict[str, str], log: Path) -> Process:
    with log.open("a") as handle:
        return await asyncio.to_thread(
            Process.start, ["run", "support_bot"], ready="ready", environment=environment, log=handle
        )


def pointed_at(sandbox: RunningSandbox, environment: dict[str, str]) -> dict[str, str]:
    return {
        **environment,
        "STREAM_BASE_URL": sandbox.url,
        "STREAM_API_KEY": sandbox.api_key,
        "STREAM_API_SECRET": sandbox.api_secret,
    }


def events(log: Path) -> list[str]:
    return [entry["event"] for entry in log_entries(log)]


async def test_without_any_key_it_brings_its_own_chat_server_and_answers(
    own: dict[str, str], tmp_path: Path, started: list[Process]
) -> None:
    started.append(await run_bot(own, tmp_path / "log"))
    stream = credentials(tmp_path)
    assert (tmp_path / "sandbox.env").stat().st_mode & 0o777 == 0o600
    async with person(*stream) as maria:
        reply = await maria.reply(await maria.say(QUESTION))
    assert "three years" in reply["text"]
    assert reply["user"]["id"] == "agent-bot"
    assert reply["sources"][0]["title"] == "Warranty and repairs"
    started[0].stop()
    assert started[0].child.returncode == 0
    log = (tmp_path / "log").read_text()
    assert stream[2] not in log
    story = [event for event in events(tmp_path / "log") if event.startswith("turn.")]
    assert story == ["turn.received", "turn.decided", "turn.context", "turn.answered", "turn.posted"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_stop_signal_ends_it_cleanly(
    number: signal.Signals, environment: dict[str, str], tmp_path: Path, started: list[Process]
) -> None:
    async with start_sandbox() as sandbox:
        started.append(await run_bot(pointed_at(sandbox, environment), tmp_path / "log"))
        await asyncio.to_thread(started[0].stop, number)
    assert started[0].child.returncode == 0
    assert events(tmp_path / "log")[-1] == "run.stopped"


async def test_its_sandbox_is_started_again_where_it_crashes(
    own: dict[str, str], tmp_path: Path, started: list[Process]
) -> None:
    started.append(await run_bot(own, tmp_path / "log"))
    stream = credentials(tmp_path)
    async with person(*stream) as maria:
        first = await maria.say(QUESTION)
        await maria.reply(first)
        for child in started[0].tree()[1:]:
            os.kill(child, signal.SIGKILL)
        await until(lambda: "sandbox.back" in events(tmp_path / "log"), otherwise=(tmp_path / "log").read_text)
        assert len(await maria.replies(first)) == 1
        assert "three years" in (await maria.reply(await maria.say(QUESTION)))["text"]
    assert credentials(tmp_path) == stream


@pytest.mark.parametrize("reached", ["pydantic_core", "sandbox.env", "engine.db"])
async def test_a_stop_during_the_start_is_obeyed(
    own: dict[str, str], tmp_path: Path, started: list[Process], reached: str
) -> None:
    """While modules are imported, while the sandbox starts, and once the database is there."""
    with (tmp_path / "log").open("w") as log:
        started.append(Process.launch(["run", "support_bot"], environment=own, log=log))
    mapped = Path(f"/proc/{started[0].child.pid}/maps")
    await until(lambda: reached in mapped.read_text() or (tmp_path / reached).exists())
    await asyncio.to_thread(started[0].stop)
    assert "Traceback" not in (tmp_path / "log").read_text()
    await until(lambda: not is_claimed(tmp_path / "sandbox.sqlite"))  # the sandbox ends after the one that started it


async def test_what_was_asked_while_it_was_dead_is_answered_once(
    environment: dict[str, str], tmp_path: Path, started: list[Process]
) -> None:
    async with start_sandbox() as sandbox:
        variables = pointed_at(sandbox, environment)
        started.append(await run_bot(variables, tmp_path / "log"))
        async with person(sandbox.url, sandbox.api_key, sandbox.api_secret) as maria:
            await maria.reply(await maria.say(QUESTION))
            started[0].kill()
            asked = [await maria.say(text) for text in ("Which payment methods are there?", "And vouchers?")]
            started.append(await run_bot(variables, tmp_path / "log"))
            for message in asked:
                await maria.reply(message)
            assert [len(await maria.replies(message)) for message in asked] == [1, 1]


async def test_a_new_support_channel_is_found_and_answered(
    environment: dict[str, str], tmp_path: Path, started: list[Process]
) -> None:
    async with start_sandbox() as sandbox:
        started.append(await run_bot(pointed_at(sandbox, environment), tmp_path / "log"))
        stream = (sandbox.url, sandbox.api_key, sandbox.api_secret)
        async with (
            person(*stream, channel="messaging:support-new") as tom,
            person(*stream, channel="messaging:lobby") as eva,
        ):
            asked, elsewhere = await tom.say(QUESTION), await eva.say(QUESTION)
            assert "three years" in (await tom.reply(asked))["text"]
            assert await eva.replies(elsewhere) == []


async def test_with_webhooks_alone_it_answers_without_a_connection(
    environment: dict[str, str], tmp_path: Path, started: list[Process]
) -> None:
    address = f"127.0.0.1:{free_port()}"
    async with start_sandbox() as sandbox:
        stream = (sandbox.url, sandbox.api_key, sandbox.api_secret)
        async with StreamChatAsync(*stream[1:], base_url=sandbox.url) as app:
            hook = {"hook_type": "webhook", "webhook_url": f"http://{address}/webhooks/stream", "event_types": []}
            await app.update_app_settings(event_hooks=[{**hook, "enabled": True}])
        async with person(*stream) as maria:
            before = await maria.say(QUESTION)
            variables = {"FRAMEWORK_INGRESS": "webhook", "FRAMEWORK_WEBHOOK": address}
            started.append(await run_bot(pointed_at(sandbox, {**environment, **variables}), tmp_path / "log"))
            assert "three years" in (await maria.reply(before))["text"]
            assert "three years" in (await maria.reply(await maria.say(QUESTION)))["text"]
            async with aiohttp.ClientSession() as http, http.get(f"http://{address}/readyz") as answer:
                assert (answer.status, await answer.json()) == (200, {"status": "ready"})
            signature = hmac.new(sandbox.api_secret.encode(), b"/readyz", hashlib.sha256).hexdigest()
            headers = {"X-Signature": signature}
            async with aiohttp.ClientSession(headers=headers) as http, http.get(f"http://{address}/readyz") as answer:
                told = await answer.json()
                assert (told["status"], told["bots"]) == ("ready", {"support_bot": True})
                assert (told["turns"]["dead"], told["breakers"][sandbox.url]) == (0, "closed")
        await asyncio.to_thread(started[0].stop, signal.SIGTERM)
    assert started[0].child.returncode == 0
    assert "connection.up" not in events(tmp_path / "log")


async def test_with_a_queue_alone_it_answers_what_is_put_there_and_deletes_it(
    environment: dict[str, str], tmp_path: Path, started: list[Process]
) -> None:
    async with start_sandbox() as sandbox, local_queue() as queue:
        stream = (sandbox.url, sandbox.api_key, sandbox.api_secret)
        variables = {"FRAMEWORK_INGRESS": "webhook", "FRAMEWORK_SQS_QUEUE_URL": queue.url, **CREDENTIALS}
        log = tmp_path / "log"
        started.append(await run_bot(pointed_at(sandbox, {**environment, **variables}), log))
        async with person(*stream) as maria, StreamChatAsync(*stream[1:], base_url=sandbox.url) as app:
            asked = await maria.say(QUESTION)
            message = (await app.get_message(asked))["message"]
            event = {"type": "message.new", "cid": message["cid"], "message": message}
            await queue.put(base64.b64encode(gzip.compress(json.dumps(event).encode())).decode())
            assert "three years" in (await maria.reply(asked))["text"]
            await queue.wait(lambda: not queue.messages)
        await asyncio.to_thread(started[0].stop, signal.SIGTERM)
    assert started[0].child.returncode == 0
    assert [one["origin"] for one in log_entries(log) if one["event"] == "turn.received"] == ["live"]
    assert "connection.up" not in events(log)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"STREAM_API_KEY": "key"}, "STREAM_API_SECRET is not set"),
        (
            {"STREAM_API_KEY": "k", "STREAM_API_SECRET": "s" * 32, "STREAM_BASE_URL": "http://127.0.0.1:9"},
            "127.0.0.1:9",
        ),
        ({"FRAMEWORK_DATA": "/proc/nowhere"}, "FRAMEWORK_DATA"),
        ({"FRAMEWORK_LOG_LEVEL": "loud"}, "loud"),
        ({"DATABASE_URL": "mysql://u:hush@h/d"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://u:hush@127.0.0.1:9/d"}, "127.0.0.1:9"),
        ({"FRAMEWORK_INGRESS": "webhook"}, "FRAMEWORK_WEBHOOK"),
    ],
)
def test_a_wrong_environment_is_said_without_a_traceback(
    variables: dict[str, str], words: str, environment: dict[str, str]
) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "framework", "run", "support_bot"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment, **variables},
        timeout=100,
    )
    assert result.returncode == 1
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert "hush" not in result.stderr
