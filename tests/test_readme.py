"""The README is true: its definition loads, its commands exist and do what it says."""

import asyncio
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from framework.definition.loader import load_bot
from tests.support.person import person
from tests.support.sandbox import start_sandbox

README = Path("README.md").read_text(encoding="utf-8")
MAKEFILE = Path("Makefile").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


FRAMEWORK = [line.partition("-m framework ")[2] for line in commands() if "-m framework " in line]
ENDING = [line for line in FRAMEWORK if not line.startswith(("run ", "chat "))]


def test_the_definition_shown_is_a_valid_bot(tmp_path: Path) -> None:
    (block,) = blocks("yaml")
    (tmp_path / "bot.yaml").write_text(block)
    shutil.copytree("bots/support_bot/knowledge", tmp_path / "knowledge")
    (tmp_path / "tools.py").write_text(Path("bots/support_bot/tools.py").read_text())
    shown, real = load_bot(str(tmp_path)).definition, load_bot("support_bot").definition
    assert shown.identity == real.identity
    assert shown.channels == real.channels
    assert shown.tools == real.tools


def test_the_make_targets_exist() -> None:
    targets = {line.split()[1] for line in commands() if line.startswith("make ")}
    assert targets >= {"run", "test"}
    for target in targets:
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
    assert "-m framework run $(BOT)" in MAKEFILE


def test_the_plain_way_installs_what_make_installs() -> None:
    (pip,) = [line for line in commands() if "pip install" in line]
    file = shlex.split(pip)[-1]
    assert Path(file).is_file()
    assert file in MAKEFILE


@pytest.mark.parametrize("line", ENDING)
async def test_a_command_that_ends_works_as_shown(line: str, environment: dict[str, str]) -> None:
    async with start_sandbox() as sandbox:
        stream = {
            "STREAM_BASE_URL": sandbox.url,
            "STREAM_API_KEY": sandbox.api_key,
            "STREAM_API_SECRET": sandbox.api_secret,
        }
        async with person(sandbox.url, sandbox.api_key, sandbox.api_secret) as maria:
            await maria.say("How long is the warranty?")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "framework", *shlex.split(line)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **environment, **stream},
        )
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert out.strip()
