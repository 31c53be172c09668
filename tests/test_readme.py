"""The README is true: its definition loads, its commands exist and do what it says."""

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client

from framework.definition.loader import load_bot
from framework.mcp.config import read_config
from framework.tools.registry import load_tools
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


async def test_the_entry_for_mcp_clients_starts_the_server_from_anywhere(tmp_path: Path) -> None:
    (entry,) = [
        server
        for block in blocks("json")
        for server in json.loads(block).get("mcpServers", {}).values()
        if "command" in server
    ]
    here = json.loads(json.dumps(entry).replace("/path/to/checkout/.framework", str(tmp_path)))
    here["env"]["PYTHONPATH"] = str(Path.cwd())
    parameters = StdioServerParameters(command=sys.executable, args=here["args"], env=here["env"], cwd=tmp_path)
    async with Client(stdio_client(parameters)) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        result = await client.call_tool("execute_operation", {"operation_id": "GetApp"})
    assert {"search_operations", "load_operation", "execute_operation", "list_operations"} <= tools
    assert not result.is_error


def test_the_policies_shown_are_valid(tmp_path: Path) -> None:
    bot, clients = blocks("yml")
    (tmp_path / "bot.yaml").write_text(bot)
    (tmp_path / "support.md.j2").write_text("You help.")
    assert load_bot(str(tmp_path)).definition.operations.act_as == ("bot",)
    assert load_tools(load_bot(str(tmp_path))) == ()
    (tmp_path / "mcp.yaml").write_text(clients)
    known = read_config(tmp_path / "mcp.yaml")
    assert known.clients["cursor"].rules.channels == ("*",)
    assert known.oauth is not None


def test_every_variable_of_the_settings_is_described() -> None:
    from framework.settings import Settings

    for name, field in Settings.model_fields.items():
        variable = f"FRAMEWORK_{name}".upper() if field.validation_alias else name.upper()
        assert f"`{variable}`" in README, variable
