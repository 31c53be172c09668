"""No program that a command starts inherits a secret, and nothing is reported to a tracing service unasked."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.openai_server import say, scripted_server
from tests.support.person import person
from tests.support.process import Process
from tests.support.sandbox import start_sandbox
from tests.support.waiting import until

MARK = "8f1c-no-child-may-know"
SECRETS = {
    "DATABASE_URL": "",  # each test names a file of its own
    "AWS_SECRET_ACCESS_KEY": MARK,
    "AWS_SESSION_TOKEN": MARK,
    "ANTHROPIC_API_KEY": MARK,
    "LANGSMITH_API_KEY": MARK,
    "MY_SHOP_TOKEN": MARK,
    "my_shop_password": MARK,
    "REDIS_URL": f"redis://:{MARK}@cache.example/0",
    "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {MARK}",
    "STREAM_API_KEY": "key",
    "STREAM_API_SECRET": MARK,
}
PUBLIC = {"MY_SHOP_ADDRESS": "https://shop.example", "TOKENIZERS_PARALLELISM": "false"}

TOOLS = '''
import os, subprocess
from pathlib import Path

from langchain.tools import tool

FOUND = Path(os.environ["MY_FOUND"])


def look(where):
    """Note what children of all kinds get."""
    with FOUND.open("a") as file:
        file.write(f"== {where}\\n")
        file.write(subprocess.run(["env"], capture_output=True, text=True).stdout)
        file.write(os.popen("env").read())
        file.write(subprocess.run(["env"], capture_output=True, text=True, env={**os.environ}).stdout)
        file.write(subprocess.run(["env"], capture_output=True, text=True, env=os.environ.copy()).stdout)
        file.write(subprocess.run(["/usr/bin/env"], capture_output=True, text=True, close_fds=False).stdout)
        file.write(Path("/proc/self/environ").read_text().replace("\\0", "\\n"))
        file.write(f"own={os.environ.get('ANTHROPIC_API_KEY')}\\n".replace("8f1c", "mine"))


look("import")


@tool(extras={"phrases": ["show it"]})
def show_environment() -> str:
    """Show the environment."""
    look("call")
    return "It is shown."
'''
BOT = """
identity: {user_id: probe-bot, name: Probe}
prompt: prompt.md.j2
channels: {create: ["messaging:probe"]}
tools: [show_environment]
"""
SCENARIO = """
name: it greets
channel: messaging:probe
turns:
  - {user: Hello, expect: {replies: 1}}
"""
# Every Python program that a command starts notes its environment, whatever it is.
SPY = """
import os, sys
with open(os.environ["MY_FOUND"] + ".children", "a") as file:
    file.write(f"== {os.getppid()} {sys.orig_argv[1:4]}\\n" + "".join(f"{k}={v}\\n" for k, v in os.environ.items()))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bot = tmp_path / "probe_bot"
    (bot / "conversations").mkdir(parents=True)
    (bot / "bot.yaml").write_text(BOT)
    (bot / "prompt.md.j2").write_text("Be kind.")
    (bot / "tools.py").write_text(TOOLS)
    (bot / "conversations" / "greets.yaml").write_text(SCENARIO)
    (tmp_path / "spy").mkdir()
    (tmp_path / "spy" / "sitecustomize.py").write_text(SPY)
    return tmp_path


def variables(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    return {
        **environment,
        **SECRETS,
        **PUBLIC,
        "DATABASE_URL": f"sqlite:///{folder}/{MARK}.db",
        "MY_FOUND": str(folder / "found"),
        "PYTHONPATH": str(folder / "spy"),
    }


def run(folder: Path, given: dict[str, str], *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "framework", *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
        env={**os.environ, **given},
    )


def check(folder: Path, *, calls: bool = True) -> None:
    """No secret in what children got; what is no secret is there."""
    found = (folder / "found").read_text()
    assert MARK not in found, [line for line in found.splitlines() if MARK in line]
    assert found.count("MY_SHOP_ADDRESS=https://shop.example") >= 6
    assert "own=mine-no-child-may-know" in found  # this process itself reads it by name
    assert not calls or "== call" in found


def check_python_children(folder: Path) -> list[str]:
    """The first line of each Python child; the command itself is the first and has them."""
    first, *children = (folder / "found.children").read_text().split("== ")[1:]
    assert MARK in first
    for child in children:
        assert MARK not in child, child
    return [child.splitlines()[0] for child in children]


def test_a_tool_of_ask_starts_programs_without_secrets(folder: Path, environment: dict[str, str]) -> None:
    done = run(folder, variables(folder, environment), "ask", str(folder / "probe_bot"), "show it")
    assert "It is shown." in done.stdout, done.stderr
    check(folder)
    check_python_children(folder)


def test_a_tool_of_chat_starts_programs_without_secrets(folder: Path, environment: dict[str, str]) -> None:
    done = run(folder, variables(folder, environment), "chat", str(folder / "probe_bot"), text="show it\n")
    assert "It is shown." in done.stdout, done.stderr
    check(folder)


def test_conversation_tests_start_programs_without_secrets(folder: Path, environment: dict[str, str]) -> None:
    done = run(folder, variables(folder, environment), "test", str(folder / "probe_bot"))
    assert done.returncode == 0, done.stdout + done.stderr
    check(folder, calls=False)
    check_python_children(folder)


def test_a_search_for_operations_starts_programs_without_secrets(folder: Path, environment: dict[str, str]) -> None:
    done = run(folder, variables(folder, environment), "ops", "search", "somebody should stop shouting")
    assert done.returncode == 0, done.stderr
    check_python_children(folder)


def test_what_the_owner_names_is_inherited(folder: Path, environment: dict[str, str]) -> None:
    given = variables(folder, environment) | {"FRAMEWORK_INHERIT": "MY_SHOP_TOKEN"}
    run(folder, given, "ask", str(folder / "probe_bot"), "show it")
    lines = {line for line in (folder / "found").read_text().splitlines() if MARK in line}
    assert lines == {f"MY_SHOP_TOKEN={MARK}"}


async def test_a_bot_at_work_and_one_reply_start_programs_without_secrets(
    folder: Path, environment: dict[str, str]
) -> None:
    async with start_sandbox() as sandbox:
        bot = str(folder / "probe_bot")
        given = variables(folder, environment) | {
            "STREAM_BASE_URL": sandbox.url,
            "STREAM_API_KEY": sandbox.api_key,
            "STREAM_API_SECRET": sandbox.api_secret,
        }
        with (folder / "log").open("w") as log:
            process = await asyncio.to_thread(
                Process.start, ["run", bot], ready="ready", environment=given, log=log, timeout=150
            )
        try:
            async with person(sandbox.url, sandbox.api_key, sandbox.api_secret, channel="messaging:probe") as ann:
                asked = await ann.say("show it")
                answer = await ann.reply(asked)
                assert answer["text"] == "It is shown."
        finally:
            await asyncio.to_thread(process.stop)
        found = (folder / "found").read_text()
        assert sandbox.api_secret not in found
        check(folder)
        (folder / "found").unlink()
        done = await asyncio.to_thread(run, folder, given, "reply", bot, "--channel", "messaging:probe", "--last", "5")
        assert done.returncode == 0, done.stderr
        assert sandbox.api_secret not in (folder / "found").read_text()
        check(folder, calls=False)


async def test_nothing_is_traced_unless_the_setting_says_so(folder: Path, environment: dict[str, str]) -> None:
    heard: list[bytes] = []

    async def hear(request: web.Request) -> web.Response:
        heard.append(await request.read())
        return web.json_response({}, status=202)

    app = web.Application(client_max_size=50_000_000)
    app.router.add_route("*", "/{rest:.*}", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with scripted_server() as model:
        given = variables(folder, environment) | {
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_TRACING_V2": "true",
            "LANGCHAIN_TRACING_V2": "true",
            "LANGCHAIN_TRACING": "true",
            "LANGSMITH_ENDPOINT": f"http://127.0.0.1:{port}",
            "LANGCHAIN_ENDPOINT": f"http://127.0.0.1:{port}",
            "OPENAI_API_KEY": "any",
            "OPENAI_BASE_URL": model.url,
        }
        model.play(say("Hello to you."), say("Hello to you."))
        bot = str(folder / "probe_bot")
        quiet = await asyncio.to_thread(run, folder, given, "ask", bot, "My card is 4111")
        assert "Hello to you." in quiet.stdout, quiet.stderr
        assert not heard
        loud = await asyncio.to_thread(
            run, folder, given | {"FRAMEWORK_TRACING": "langsmith"}, "ask", bot, "My card is 4111"
        )
        assert "Hello to you." in loud.stdout, loud.stderr
        await until(lambda: any(heard))
    await runner.cleanup()
