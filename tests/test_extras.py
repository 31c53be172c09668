"""A small install works, and what is missing says which extra brings it. Modules are hidden, as if not installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from framework.extras import MODULES, MissingExtraError, explain, extra, require

HIDE = """
import sys
hidden = set(sys.argv.pop(1).split(","))
class Hider:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hider())
"""
COMMAND = HIDE + "from framework.cli.main import main; main()"
PROJECT: dict[str, Any] = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = {
    "opentelemetry": "opentelemetry-sdk",
    "mdit_py_plugins": "mdit-py-plugins",
    "charset_normalizer": "charset-normalizer",
    "python_multipart": "python-multipart",
    "prometheus_client": "prometheus-client",
    "nats": "nats-py",
}
"""Names of packages that differ from those of their modules."""
BOT = """
identity: {user_id: fern-bot, name: Fern}
channels: {join: ["messaging:support-*"]}
model: MODEL
prompt: prompt.md.j2
"""


@pytest.fixture
def bot(tmp_path: Path) -> Path:
    folder = tmp_path / "bots" / "fern"
    folder.mkdir(parents=True)
    (folder / "bot.yaml").write_text(BOT.replace("MODEL", "embedded"))
    (folder / "prompt.md.j2").write_text("You help.")
    return folder


def article(
    bot: Path, name: str = "returns.md", text: str = "# Returns\n\nYou can return it within 60 days.\n"
) -> None:
    (bot / "knowledge").mkdir(exist_ok=True)
    (bot / "knowledge" / name).write_text(text)


def run(
    *command: str, hidden: tuple[str, ...], folder: Path, code: str = COMMAND, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A command of a small install: some modules are hidden."""
    nothing = dict.fromkeys(("STREAM_API_KEY", "STREAM_API_SECRET", "OPENAI_API_KEY", "DATABASE_URL"), "")
    return subprocess.run(
        [sys.executable, "-c", code, ",".join(hidden), *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=120,
        env={
            **os.environ,
            **nothing,
            "FRAMEWORK_DATA": str(folder / "data"),
            "PYTHONPATH": str(Path.cwd()),
            **environment,
        },
    )


def test_each_extra_brings_what_is_told_of_it() -> None:
    extras: dict[str, list[str]] = PROJECT["optional-dependencies"]
    for name, modules in MODULES.items():
        brought = {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in extras[name]}
        assert {PACKAGES.get(module, module) for module in modules} <= brought, name


def test_the_core_brings_nothing_of_an_extra() -> None:
    core = {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in PROJECT["dependencies"]}
    optional = {PACKAGES.get(module, module) for modules in MODULES.values() for module in modules}
    assert not core & optional


def test_everything_is_every_extra_but_the_heavy_ones_of_few() -> None:
    (everything,) = PROJECT["optional-dependencies"]["all"]
    assert set(MODULES) - {"sqs"} == set(everything.partition("[")[2].rstrip("]").split(","))


_OF_CORE = {"websockets", "charset_normalizer"}
"""Packages of the core bring them along."""
ALL = tuple({*(module for modules in MODULES.values() for module in modules), "cryptography", "uvloop"} - _OF_CORE)


def test_a_core_install_answers_with_a_bot_without_articles(bot: Path, tmp_path: Path) -> None:
    for command in (["--help"], ["--version"], ["check", str(bot)], ["ask", str(bot), "hello"], ["schema"]):
        done = run(*command, hidden=ALL, folder=tmp_path)
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout.strip()


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["ask", "BOT", "hello"], "embedded"),
        (["check", "BOT"], "embedded"),
        (["run", "BOT"], "sandbox"),
        (["reply", "BOT", "--channel", "messaging:support-1"], "sandbox"),
        (["sandbox"], "sandbox"),
        (["test", "BOT"], "sandbox"),
        (["mcp"], "mcp"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_command_says_which_extra_is_missing(bot: Path, tmp_path: Path, command: list[str], name: str) -> None:
    if name == "embedded":
        article(bot)
    (bot / "conversations").mkdir()
    (bot / "conversations" / "hello.yaml").write_text("turns: [{user: hello}]")
    done = run(*(str(bot) if word == "BOT" else word for word in command), hidden=ALL, folder=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode in {1, 2}, said
    assert f"pip install 'agents-in-channels[{name}]'" in " ".join(said.split())
    assert "Traceback" not in said


def test_a_database_on_postgres_needs_its_extra(bot: Path, tmp_path: Path) -> None:
    address = "postgresql://somebody:secret-word@127.0.0.1:1/app"
    done = run("turns", "list", hidden=MODULES["postgres"], folder=tmp_path, DATABASE_URL=address)
    assert "pip install 'agents-in-channels[postgres]'" in done.stderr
    assert "secret-word" not in done.stdout + done.stderr


def test_a_keyring_needs_its_extra(bot: Path, tmp_path: Path) -> None:
    done = run(
        *("check", str(bot)),
        hidden=MODULES["keyring"],
        folder=tmp_path,
        STREAM_API_KEY="key",
        STREAM_API_SECRET_KEYRING="stream",
    )
    assert "pip install 'agents-in-channels[keyring]'" in done.stdout + done.stderr


def test_a_document_needs_its_extra_and_the_other_articles_are_read(bot: Path, tmp_path: Path) -> None:
    article(bot)
    article(bot, "shipping.rst", "Shipping\n========\n\nGardens ship on Mondays.\n")
    small = run("check", str(bot), hidden=MODULES["documents"], folder=tmp_path)
    assert "pip install 'agents-in-channels[documents]'" in " ".join((small.stdout + small.stderr).split())
    asked = run("ask", str(bot), "Within how many days can I return it?", hidden=MODULES["documents"], folder=tmp_path)
    assert "60 days" in asked.stdout
    # What could not be read is not kept as unreadable: after the extra is installed, it is read.
    whole = run("ask", str(bot), "When do gardens ship?", "--json", hidden=("nothing",), folder=tmp_path)
    assert "Mondays" in json.loads(whole.stdout)["answer"]


def test_a_program_is_told_too(bot: Path, tmp_path: Path) -> None:
    article(bot)
    code = HIDE + (
        "import asyncio\nfrom framework import App, FrameworkError\n"
        "async def main():\n"
        "    app = App()\n    app.add(sys.argv[1])\n"
        "    async with app:\n        await app.answer('hello')\n"
        "try:\n    asyncio.run(main())\nexcept FrameworkError as error:\n    print(error.hint)\n"
    )
    done = run(str(bot), hidden=tuple({*MODULES["embedded"]} - _OF_CORE), folder=tmp_path, code=code)
    assert "pip install 'agents-in-channels[embedded]'" in done.stdout, done.stderr


def test_a_missing_module_of_ours_is_no_extra() -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere"), extra("mcp", "This"):
        __import__("framework.nowhere")


def test_what_no_extra_brings_is_not_explained() -> None:
    assert explain(ModuleNotFoundError("No module named 'basil'", name="basil")) is None
    told = explain(ModuleNotFoundError("No module named 'uvicorn.config'", name="uvicorn.config"))
    assert isinstance(told, MissingExtraError)
    require("embedded", "This")
