"""The packages of the target `slim`, in an environment of their own: what runs, and what is said of the rest."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stream_chat import StreamChatAsync

from tests.support.openai_server import say, scripted_server
from tests.support.sandbox import RunningSandbox, start_sandbox
from tests.support.waiting import until

pytestmark = pytest.mark.index

UV = Path(sys.executable).with_name("uv")
ROOT = Path.cwd()
BOT = """
identity: {user_id: fern-bot, name: Fern}
channels: {join: ["messaging:support-*"]}
model: auto
prompt: prompt.md.j2
handover: {enabled: true, phrases: [human please]}
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with what `slim` holds."""
    folder = tmp_path_factory.mktemp("slim") / "venv"
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, folder], check=True)
    lock = ROOT / "requirements" / "slim.txt"
    command = f"pip install -q --python {folder}/bin/python --require-hashes --no-deps -r"
    done = subprocess.run([UV, *command.split(), lock], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        assert "error sending request" in done.stderr or "dns error" in done.stderr, done.stderr
        pytest.skip("the package index cannot be reached from here")
    return folder / "bin" / "python"


@pytest.fixture
def bot(tmp_path: Path) -> Path:
    folder = tmp_path / "bots" / "fern"
    folder.mkdir(parents=True)
    (folder / "bot.yaml").write_text(BOT)
    (folder / "prompt.md.j2").write_text("You help.")
    return folder


def variables(folder: Path, sandbox: RunningSandbox | None = None, **more: str) -> dict[str, str]:
    """The environment of the image, and an app."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "TMPDIR"}}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "FRAMEWORK_ENV": "production",
        "FRAMEWORK_DATA": str(folder / "data"),
        "FRAMEWORK_ADMIN": "off",
        "FRAMEWORK_LOG_FORMAT": "json",
        "STREAM_API_KEY": sandbox.api_key if sandbox else "key",
        "STREAM_API_SECRET": sandbox.api_secret if sandbox else "secret",
        "STREAM_BASE_URL": sandbox.url if sandbox else "http://127.0.0.1:9",
        **more,
    }


def refused(python: Path, *command: str | Path, environment: dict[str, str], folder: Path) -> str:
    """What a command says that cannot do it."""
    done = subprocess.run(
        [python, "-m", "framework", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1, said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("command", ["run", "check"])
def test_without_a_model_it_says_what_is_missing(python: Path, bot: Path, tmp_path: Path, command: str) -> None:
    said = refused(python, command, bot, environment=variables(tmp_path), folder=tmp_path)
    assert "OPENAI_API_KEY is not set, and the embedded model is not installed" in said
    assert "target `full`" in said


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_bot_with_articles_is_refused_with_the_remedy(python: Path, tmp_path: Path, command: str) -> None:
    environment = variables(tmp_path, OPENAI_API_KEY="key")
    said = refused(python, command, ROOT / "bots" / "support_bot", environment=environment, folder=tmp_path)
    assert "Searching articles needs the package" in said
    assert "The image's target `full` has it." in said


@pytest.mark.parametrize("command", ["sandbox", "mcp"])
def test_what_is_not_there_is_said(python: Path, tmp_path: Path, command: str) -> None:
    said = refused(python, command, environment=variables(tmp_path), folder=tmp_path)
    assert f"pip install 'agents-in-channels[{command}]'. The image's target `full` has it." in said


async def test_a_language_model_answers_and_a_person_is_called(python: Path, bot: Path, tmp_path: Path) -> None:
    async with start_sandbox() as sandbox, scripted_server() as model:
        model.brain = lambda asked: say("Water the basil ", "on Mondays.")
        environment = variables(tmp_path, sandbox, OPENAI_API_KEY="key", OPENAI_BASE_URL=model.url)
        process = await asyncio.create_subprocess_exec(
            *(python, "-m", "framework", "run", bot), cwd=tmp_path, env=environment, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with StreamChatAsync(sandbox.api_key, sandbox.api_secret, base_url=sandbox.url) as server:
                await _asks(server)
        finally:
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0


async def _asks(server: StreamChatAsync) -> None:
    await server.upsert_users([{"id": "maria"}])
    channel = server.channel("messaging", "support-1")
    await channel.create("maria")

    async def answered(text: str) -> bool:
        page = await channel.query(messages={"limit": 30})
        return any(text in message["text"] and message["user"]["id"] == "fern-bot" for message in page["messages"])

    await channel.send_message({"text": "When do I water the basil?"}, "maria")
    await until(lambda: answered("Water the basil on Mondays."))
    await channel.send_message({"text": "A human please!"}, "maria")

    async def handed_over() -> bool:
        return bool((await channel.query())["channel"].get("handover"))

    await until(handed_over)
