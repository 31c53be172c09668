"""The wheel works outside of the checkout: installed by plain pip with resolution, in an environment of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.index

UV = Path(sys.executable).parent / "uv"
_NO_NETWORK = re.compile(
    r"NewConnectionError|Name or service not known|Temporary failure in name resolution|Network is unreachable"
    r"|ConnectTimeout|ProxyError|error sending request|dns error",
)
_OF_INSTALLERS = ("PIP_", "UV_", "SSL_")
"""Variables that say where packages are."""
PROGRAM = '''
"""A program of somebody who uses the framework."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from langchain.tools import ToolRuntime, tool

from framework import (
    AgentEvent,
    Answer,
    App,
    Bot,
    ChannelReply,
    ChannelView,
    Decision,
    Finished,
    Reference,
    Say,
    Settings,
    Skip,
    Source,
    ToolContext,
    ToolError,
    Turn,
    Utterance,
)
from framework.testing import TestChannel, load_tests, play


class Wiki:
    async def search(self, question: str, history: Sequence[Utterance]) -> Sequence[Reference]:
        return [Reference(Source("Shipping", "shipping"), "Gardens ship on Mondays.")]


@tool
async def close_account(runtime: ToolRuntime[ToolContext]) -> str:
    """Close the account of the person who asks."""
    context = runtime.context
    if context.restricted:
        raise ToolError("Not here.")
    return f"Closed for {context.user_id} at {context.now():%H:%M}."


app = App(Settings(data=Path("data"), openai_api_key=None))
bot: Bot = app.add("bots/fern", model="embedded", retriever=Wiki())


@app.rule
async def no_competitors(turn: Turn, view: ChannelView) -> Decision | None:
    if len(await view.history()) > 100:
        return Skip("a long conversation")
    return Say("Not about them.") if "acme" in turn.trigger.text else None


@app.observer
async def signed(turn: Turn, event: AgentEvent) -> AgentEvent:
    if isinstance(event, Finished):
        return Finished(replace(event.answer, text=f"{event.answer.text} -- {turn.definition.identity.name}"))
    return event


async def main() -> None:
    async with app:
        answer: Answer = await app.answer("When do gardens ship?")
        print(answer.text, answer.outcome, [source.title for source in answer.sources])


async def reply(cid: str) -> ChannelReply:
    async with app:
        return await app.reply(cid)


def test_it() -> None:
    with TestChannel(bot, rules=[no_competitors], observers=[signed]) as channel:
        assert channel.say("acme").text == "Not about them."
    assert all(play(test, bot).verdict == "passed" for test in load_tests(bot.folder))


asyncio.run(main())
'''
WRONG = """
from framework import App, Turn

app = App()
app.add(5)
app.answer(text=3)


@app.rule
async def wrong(turn: Turn) -> str:
    return "no"
"""


def run(*command: str | Path, cwd: Path, check: bool = True, seconds: float = 280) -> subprocess.CompletedProcess[str]:
    """A command in a folder outside of the checkout, as in a new terminal."""
    wanted = ("PATH", "HOME", "LANG", "TMPDIR")
    kept = {
        name: value for name, value in os.environ.items() if name in wanted or name.startswith(("PIP_", "UV_", "SSL_"))
    }
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=kept, capture_output=True, text=True, check=False, timeout=seconds
    )
    if check and done.returncode and _NO_NETWORK.search(done.stderr):
        pytest.skip("the package index cannot be reached from here")
    assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(UV, "build", "--wheel", "-q", "-o", folder, Path.cwd(), cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the core alone, as stock pip resolves it."""
    folder = tmp_path_factory.mktemp("core")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    run(programs / "python", "-m", "pip", "install", "-q", "--no-compile", wheel, cwd=folder)
    return programs


@pytest.fixture(scope="module")
def whole(wheel: Path, core: Path) -> Path:
    """The same environment, with what a bot of articles needs beside the core. It comes out of uv's cache."""
    wanted = f"{wheel}[embedded,sandbox]"
    run(UV, "pip", "install", "-q", "--python", core / "python", wanted, cwd=core)
    return core


@pytest.fixture(scope="module")
def bots(core: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, in which the core made a bot."""
    folder = tmp_path_factory.mktemp("empty")
    run(core / "agents-in-channels", "new", "fern", cwd=folder)
    return folder


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [archive.read(name).decode() for name in names if name.endswith("/METADATA")]
    assert {"framework/py.typed", "framework/templates/prompts/support.md.j2"} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "bots/"))]
    for field in ("Author", "Keywords", "License-Expression", "License-File", "Requires-Python"):
        assert re.search(rf"^{field}: .+", metadata, re.MULTILINE), field
    for field in ("Project-URL: Documentation", "Project-URL: Issues", "Classifier: Typing :: Typed"):
        assert field in metadata


def test_a_core_install_starts_and_says_what_is_missing(core: Path, bots: Path) -> None:
    program = core / "agents-in-channels"
    assert "AI agents that live in chat channels" in run(program, "--help", cwd=bots).stdout
    version = run(program, "--version", cwd=bots).stdout.strip()
    assert (
        version == run(core / "python", "-c", "import framework; print(framework.__version__)", cwd=bots).stdout.strip()
    )
    # Whether its articles can be searched is told by `check`; `ask` cannot answer without that.
    for command in ("check", "ask"):
        refused = run(program, command, "fern", *(["hello"] if command == "ask" else []), cwd=bots, check=False)
        assert refused.returncode == 1
        assert "pip install 'agents-in-channels[embedded]'" in " ".join((refused.stdout + refused.stderr).split())
    refused = run(program, "mcp", cwd=bots, check=False)
    assert "pip install 'agents-in-channels[mcp]'" in refused.stderr


def test_a_new_bot_answers_in_an_empty_folder(whole: Path, bots: Path) -> None:
    program = whole / "agents-in-channels"
    checked = run(program, "check", "fern", cwd=bots)
    assert "fern" in checked.stdout
    answer = run(program, "ask", "fern", "What are your opening hours?", "--json", cwd=bots)
    assert '"outcome"' in answer.stdout
    played = run(program, "test", "fern", cwd=bots)
    assert "passed" in played.stdout


def test_a_program_is_typed_and_runs(whole: Path, bots: Path) -> None:
    (bots / "program.py").write_text(PROGRAM)
    (bots / "wrong.py").write_text(WRONG)
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", whole / "python")
    told = run(*mypy, "program.py", "wrong.py", cwd=bots, check=False).stdout
    assert "program.py" not in told, told
    for mistake in ('"add" of "App" has incompatible type "int"', '"answer" of "App"', '"rule" of "App"'):
        assert mistake in told, told
    assert "Gardens ship on Mondays." in run(whole / "python", "program.py", cwd=bots).stdout
