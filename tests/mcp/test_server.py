"""The server as MCP clients expect it: true hints, described arguments, each answer once, bots as tools, packages."""

from __future__ import annotations

import json
import sys
import tomllib
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from framework.version import __version__
from scripts.mcpb import EXTRAS, manifest, write
from tests.support.mcp import stdio, variables
from tests.support.sandbox import RunningSandbox, start_sandbox

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with start_sandbox() as running:
        yield running


@pytest.mark.parametrize(
    ("policy", "reads_only", "destroys", "issues"),
    [("read-only", True, False, False), ("standard", False, True, False), ("full", False, True, True)],
)
async def test_hints_are_true_for_the_policy_in_force(
    sandbox: RunningSandbox, tmp_path: Path, policy: str, reads_only: bool, destroys: bool, issues: bool
) -> None:
    async with stdio("--policy", policy, environment=variables(sandbox, tmp_path)) as client:
        tools = {tool.name: tool for tool in (await client.client.list_tools()).tools}
        hints = tools["execute_operation"].annotations
        assert hints is not None
        assert (hints.read_only_hint, hints.destructive_hint) == (reads_only, destroys)
        assert ("issue_user_token" in tools) == issues
        for tool in tools.values():
            assert tool.annotations is not None
            for argument in tool.input_schema["properties"].values():
                assert argument.get("description"), tool.name
        content = (await client.client.read_resource("stream://policy")).contents[0]
        assert json.loads(content.text)["client"] == "mcp:local"  # type: ignore[union-attr]  # it is text


async def test_an_answer_comes_once(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async with stdio(environment=variables(sandbox, tmp_path)) as client:
        result = await client.client.call_tool("search_operations", {"intent": "Kanal einfrieren"})
    assert result.structured_content is None
    assert [part.type for part in result.content] == ["text"]


async def test_a_bot_is_asked_with_its_sources(sandbox: RunningSandbox, tmp_path: Path) -> None:
    options = ("--policy", "read-only", "--bot", str(ROOT / "bots" / "support_bot"))
    async with stdio(*options, environment=variables(sandbox, tmp_path)) as client:
        assert "ask_support_bot" in await client.tools()
        answer = await client.call("ask_support_bot", question="How long is the warranty?")
    assert answer["outcome"] == "answered"
    assert answer["sources"]


async def test_the_bundle_runs_from_where_it_is_unpacked(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.mcpb"
    assert write(bundle) > 300
    with zipfile.ZipFile(bundle) as packed:
        packed.extractall(tmp_path / "unpacked")
    told = json.loads((tmp_path / "unpacked" / "manifest.json").read_text())
    assert told == manifest()
    environment = {"FRAMEWORK_DATA": str(tmp_path / "data"), "STREAM_API_KEY": "", "STREAM_API_SECRET": ""}
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "framework", "mcp"], env=environment, cwd=tmp_path / "unpacked"
    )
    async with Client(stdio_client(server)) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert {tool["name"] for tool in told["tools"]} <= names


def test_what_registries_read_fits_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    server = json.loads((ROOT / "server.json").read_text())
    (package,) = server["packages"]
    assert (package["identifier"], package["version"]) == (project["name"], __version__)
    (source,) = package["runtimeArguments"]
    extras = set(source["value"].partition("[")[2].partition("]")[0].split(","))
    assert extras == set(EXTRAS.split(",")) <= project["optional-dependencies"].keys()
    assert source["value"].endswith(f"=={__version__}")
    assert server["version"] == __version__
    assert len(server["description"]) <= 100, "the registry takes no more"
    assert project["scripts"] == {project["name"]: "framework.cli.main:main"}
