"""Every block of docs/python.md and docs/testing.md runs, without a key."""

from __future__ import annotations

import asyncio
import os
import re
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import framework
import framework.testing
from framework.cli.new import new
from framework.definition.loader import load_bot
from framework.testing import TestChannel, load_test, play
from tests.support.indexed import data_folder
from tests.support.openai_server import say, scripted_server
from tests.support.person import person
from tests.support.sandbox import start_sandbox

PAGE = Path("docs/python.md").read_text(encoding="utf-8")
TESTING = Path("docs/testing.md").read_text(encoding="utf-8")


def blocks(page: str) -> dict[str, list[str]]:
    """The blocks of Python by the heading that they stand below."""
    sections = re.split(r"^##+ ", page, flags=re.MULTILINE)[1:]
    found = {section.splitlines()[0]: re.findall(r"```python\n(.*?)```", section, re.DOTALL) for section in sections}
    return {heading: code for heading, code in found.items() if code}


CODE = blocks(PAGE)
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture
def bot(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like the one of somebody who follows the page, and the working directory."""
    for name in ("STREAM_API_KEY", "STREAM_API_SECRET", "STREAM_BASE_URL", "OPENAI_API_KEY", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FRAMEWORK_DATA", str(data))
    monkeypatch.chdir(tmp_path)
    new("my_bot", template="support", folder=Path("bots"))
    return Path("bots/my_bot")


@pytest.fixture
def run(bot: Path, tmp_path: Path) -> Run:
    """Runs a block as a module of its own, and returns its names."""

    def run_block(code: str, name: str = "example") -> dict[str, Any]:
        file = tmp_path / f"{name}.py"
        file.write_text(code, encoding="utf-8")
        return runpy.run_path(str(file), run_name=name)

    return run_block


def test_every_block_has_a_test() -> None:
    assert {heading: len(code) for heading, code in CODE.items()} == {
        "Run a bot": 1, "Answer one message": 2, "Write a tool": 1, "Add a rule": 1, "Add an observer": 1,
        "Bring a model": 1, "Bring a retriever": 1, "Test a bot": 1,
    }  # fmt: skip
    assert {heading: len(code) for heading, code in blocks(TESTING).items()} == {"In Python": 2}


def test_every_public_name_is_told() -> None:
    for face in (framework, framework.testing):
        for name in face.__all__:
            assert f"`{name}`" in PAGE, name


def test_a_bot_runs_until_it_is_stopped(bot: Path, tmp_path: Path) -> None:
    (code,) = CODE["Run a bot"]
    (tmp_path / "main.py").write_text(code, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(framework.__path__[0]).parent), "FRAMEWORK_LOG_FORMAT": "json"}
    with subprocess.Popen(
        [sys.executable, "main.py"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if "app.ready" in line:
                process.send_signal(signal.SIGINT)
        assert process.wait() == 0, "".join(seen)
    assert any('"sandbox": true' in line or "sandbox=True" in line for line in seen if "app.ready" in line)


def test_one_message_is_answered(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run(CODE["Answer one message"][0])
    assert capsys.readouterr().out.startswith(("answered", "unsure", "refused"))


async def test_a_channel_is_answered(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = CODE["Answer one message"][1]
    async with start_sandbox() as sandbox:
        monkeypatch.setenv("STREAM_API_KEY", sandbox.api_key)
        monkeypatch.setenv("STREAM_API_SECRET", sandbox.api_secret)
        monkeypatch.setenv("STREAM_BASE_URL", sandbox.url)
        await asyncio.to_thread(run, code)
        assert "There is no channel messaging:support-123." in capsys.readouterr().out
        async with person(sandbox.url, sandbox.api_key, sandbox.api_secret) as maria:
            asked = await maria.say("Hello")
            await asyncio.to_thread(run, code)
            (posted,) = await maria.replies(asked)
        assert f"{posted['id']} True" in capsys.readouterr().out


def test_a_tool_is_called(bot: Path) -> None:
    (code,) = CODE["Write a tool"]
    (bot / "tools.py").write_text(code, encoding="utf-8")
    declared = yaml.safe_load((bot / "bot.yaml").read_text(encoding="utf-8"))
    (bot / "bot.yaml").write_text(yaml.safe_dump({**declared, "tools": ["track_order"]}), encoding="utf-8")
    with TestChannel(bot) as channel:
        assert channel.say("where is order 1234?").text == "Order 1234 of User is on its way."


def test_a_rule_decides(run: Run, bot: Path) -> None:
    made = run(CODE["Add a rule"][0])
    with TestChannel(bot, rules=[made["no_competitors"]]) as channel:
        assert channel.say("Is ACME better?").text == "I can only speak about our own products."
        assert channel.say("Hello").messages


def test_an_observer_sees_and_changes(run: Run, bot: Path) -> None:
    made = run(CODE["Add an observer"][0])
    with TestChannel(bot, observers=[made["measured_and_signed"]]) as channel:
        assert channel.say("Hello").text.endswith(f"Your {load_bot(str(bot)).definition.identity.name} team")
    assert len(made["seconds"]) == 1


async def test_a_model_answers(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = CODE["Bring a model"]
    async with scripted_server() as server:
        server.play(say("Every day from nine to five."))
        await asyncio.to_thread(run, code.replace("http://127.0.0.1:8000/v1", server.url))
    assert "Every day from nine to five." in capsys.readouterr().out


def test_a_retriever_is_searched(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run(CODE["Bring a retriever"][0])
    assert "Gardens ship on Mondays." in capsys.readouterr().out


def test_a_test_passes(run: Run) -> None:
    run(CODE["Test a bot"][0])["test_competitors_are_not_spoken_of"]()


@pytest.fixture
def my_bot(bot: Path) -> Path:
    (bot / "knowledge" / "warranty.md").write_text("# Warranty\n\nThe warranty of a lamp is three years.\n")
    return bot


def test_tests_in_python_pass(run: Run, my_bot: Path) -> None:
    by_hand, of_files = blocks(TESTING)["In Python"]
    run(by_hand)["test_the_warranty_is_known"]()
    made = run(of_files)
    (mark,) = made["test_conversation"].pytestmark
    assert mark.args[1]
    made["test_conversation"](mark.args[1][0])


def test_the_file_shown_is_a_test_that_passes(my_bot: Path, tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", TESTING, re.DOTALL)
    file = tmp_path / "warranty.yaml"
    file.write_text(shown, encoding="utf-8")
    result = play(load_test(file), load_bot(str(my_bot)))
    assert result.verdict == "passed", result.failures
