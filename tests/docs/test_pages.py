"""The pages of docs/ are true: what they show loads, starts and does what it says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client
from stream_chat import StreamChatAsync

from framework.definition.loader import load_bot
from framework.mcp.config import read_config
from framework.tools.registry import load_tools
from tests.support.sandbox import start_sandbox


def blocks(page: str, language: str) -> list[str]:
    text = Path("docs", page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def bot_in(folder: Path, definition: str) -> str:
    """A bot that has what a definition needs beside it."""
    (folder / "support.md.j2").write_text("You help.", encoding="utf-8")
    (folder / "bot.yaml").write_text(definition, encoding="utf-8")
    return str(folder)


async def test_the_entry_for_mcp_clients_starts_the_server_from_anywhere(tmp_path: Path) -> None:
    (entry,) = [
        server
        for block in blocks("mcp.md", "json")
        for server in json.loads(block)["mcpServers"].values()
        if "command" in server
    ]
    here = json.loads(json.dumps(entry).replace("/path/to/checkout/.framework", str(tmp_path)))
    here["env"]["PYTHONPATH"] = str(Path.cwd())
    parameters = StdioServerParameters(command=sys.executable, args=here["args"], env=here["env"], cwd=tmp_path)
    async with Client(stdio_client(parameters)) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        result = await client.call_tool("execute_operation", {"operation_id": "GetApp"})
    assert {"search_operations", "load_operation", "execute_operation", "list_operations"} <= tools
    assert not result.is_error, result.content


def test_the_clients_shown_are_valid(tmp_path: Path) -> None:
    (clients,) = blocks("mcp.md", "yml")
    (tmp_path / "mcp.yaml").write_text(clients, encoding="utf-8")
    known = read_config(tmp_path / "mcp.yaml")
    assert known.clients["cursor"].rules.channels == ("*",)
    assert known.oauth is not None


def test_the_policy_shown_is_valid(tmp_path: Path) -> None:
    (policy,) = blocks("operations.md", "yaml")
    bot = load_bot(bot_in(tmp_path, policy))
    assert bot.definition.operations.act_as == ("bot",)
    assert load_tools(bot) == ()


@pytest.mark.parametrize("line", "".join(blocks("operations.md", "sh")).splitlines())
async def test_a_command_about_operations_works_as_shown(
    line: str, environment: dict[str, str], tmp_path: Path
) -> None:
    (plan,) = blocks("operations.md", "json")
    (tmp_path / "plan.json").write_text(plan, encoding="utf-8")
    async with (
        start_sandbox() as sandbox,
        StreamChatAsync(sandbox.api_key, sandbox.api_secret, base_url=sandbox.url) as server,
    ):
        await server.upsert_users([{"id": "alice"}, {"id": "bob"}])
        stream = {
            "STREAM_BASE_URL": sandbox.url,
            "STREAM_API_KEY": sandbox.api_key,
            "STREAM_API_SECRET": sandbox.api_secret,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *shlex.split(line)[1:]),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **environment, **stream, "PYTHONPATH": str(Path.cwd())},
            cwd=tmp_path,
        )
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert out.strip()


def test_the_tools_shown_are_tools_and_a_second_try_writes_nothing_twice(tmp_path: Path) -> None:
    from langchain.tools import ToolRuntime

    from framework.tools.context import ToolContext

    (tmp_path / "tools.py").write_text("\n".join(blocks("tools.md", "python")), encoding="utf-8")
    bot = load_bot(bot_in(tmp_path, "tools: [city_time, ask_for_call]"))
    city_time, ask_for_call = load_tools(bot)
    assert city_time.invoke({"city": "Vienna"}) == "It is noon in Vienna."
    context = ToolContext("maria", "Maria", "messaging:support-1", "turn-1:1", tmp_path)
    runtime: ToolRuntime[ToolContext, None] = ToolRuntime(
        state=None, context=context, config={}, stream_writer=print, tool_call_id=None, store=None
    )
    for _ in range(2):
        assert ask_for_call.invoke({"number": "0664 123", "runtime": runtime}) == "We call you at 0664 123."
    import sqlite3

    with sqlite3.connect(tmp_path / "calls.sqlite") as database:
        assert database.execute("SELECT key, user, number FROM calls").fetchall() == [("turn-1:1", "maria", "0664 123")]


def test_the_fields_of_the_context_are_those_of_the_table() -> None:
    from framework.tools.context import ToolContext

    page = Path("docs/tools.md").read_text(encoding="utf-8")
    table = page.partition("| field | type |")[2].partition("\n\n")[0]
    fields = set(ToolContext.__dataclass_fields__) - {"chat", "notifier", "promiser"}
    public = fields | {"execute", "id_for", "notify"}
    assert set(re.findall(r"^\| `(\w+)", table, re.MULTILINE)) == public


def test_the_prompt_shown_gets_all_its_variables(tmp_path: Path) -> None:
    (definition,) = blocks("prompts.md", "yaml")
    (template,) = [block for block in blocks("prompts.md", "text") if "{{" in block]
    (tmp_path / "house_rules.md.j2").write_text("Be kind.", encoding="utf-8")
    (tmp_path / "prompt.md.j2").write_text(template, encoding="utf-8")
    prompt = load_bot(bot_in(tmp_path, definition)).system_prompt
    assert "Example Ltd" in prompt
    assert "30 days" in prompt
    assert "Be kind." in prompt


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> dict[str, str]:
    """What each command of the tutorial prints, run in its order, with the files written as the tutorial says."""
    folder = tmp_path_factory.mktemp("tutorial")
    bot = folder / "bots" / "bike_bot"
    new, ask, check, test = (line for block in blocks("tutorial.md", "sh") for line in block.splitlines())

    def run(line: str) -> str:
        command = [sys.executable, *shlex.split(line)[1:]]
        variables = {**os.environ, **environment, "PYTHONPATH": str(Path.cwd())}
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout

    said = {"new": run(new)}
    shutil.rmtree(bot / "knowledge")
    shutil.rmtree(bot / "conversations")
    for file, (text,) in {
        "knowledge/rental.md": blocks("tutorial.md", "md"),
        "tools.py": blocks("tutorial.md", "python"),
        "conversations/prices.yaml": blocks("tutorial.md", "yml"),
    }.items():
        (bot / file).parent.mkdir(exist_ok=True)
        (bot / file).write_text(text, encoding="utf-8")
    tools, handover = blocks("tutorial.md", "yaml")
    definition = (bot / "bot.yaml").read_text(encoding="utf-8")
    definition = re.sub(r"^tools:\n(?:  .*\n)+", tools, definition, flags=re.MULTILINE)
    (bot / "bot.yaml").write_text(f"{definition}\n{handover}", encoding="utf-8")
    return {**said, "ask": run(ask), "check": run(check), "test": run(test)}


def test_the_tutorial_works_step_by_step(tutorial: dict[str, str]) -> None:
    assert "28 euros" in tutorial["ask"]
    assert "2 tools" in tutorial["check"] or "ask_for_call" in tutorial["check"]
    assert "1 passed" in tutorial["test"]


def test_the_glossary_has_each_word_once_and_in_order() -> None:
    words = re.findall(r"^## (.+)$", Path("docs/glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert words == sorted(set(words), key=str.lower)
    needed = {
        "Approval",
        "Draft",
        "Handover",
        "Heartbeat",
        "Lane",
        "Lease",
        "Replica",
        "Sandbox",
        "Side job",
        "Trigger",
    }
    assert needed <= set(words)
