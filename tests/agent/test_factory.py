"""From a bot's folder to an agent that answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from framework.agent.agent import LangChainAgent
from framework.agent.build.factory import build_agent
from framework.definition.loader import load_bot
from framework.errors import DefinitionError, ModelError, SettingsError
from framework.settings import Settings
from tests.agent.conftest import answer
from tests.support.openai_server import ScriptedServer, call, say

ARTICLE = "# Returning a garden\n\nYou can return a garden within 60 days of delivery. Empty the tank first.\n"
TOOLS = '''
from langchain.tools import ToolRuntime, tool
from framework.tools.context import ToolContext

@tool(extras={"suggest": "Leave a note"})
def leave_note(text: str, runtime: ToolRuntime[ToolContext]) -> str:
    """Leave a note."""
    (runtime.context.data / "note.txt").write_text(text)
    return "Noted."

@tool
def search_knowledge(query: str) -> str:
    """A name that is taken."""
    return query
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bots" / "tiny"
    (folder / "knowledge").mkdir(parents=True)
    (folder / "knowledge" / "returns.md").write_text(ARTICLE)
    (folder / "tools.py").write_text(TOOLS)
    (folder / "prompt.md.j2").write_text("You are {{ bot_name }}.")
    (folder / "bot.yaml").write_text("prompt: prompt.md.j2\ntools: [leave_note]\nmodel: {name: auto, retries: 0}\n")
    return folder


def build(folder: Path, settings: Settings) -> LangChainAgent:
    return build_agent(load_bot(str(folder)), settings)


@pytest.fixture
def keyless(tmp_path: Path) -> Settings:
    return Settings(openai_api_key=None, data=tmp_path / "data", _env_file=None)


async def test_without_a_key_the_articles_answer(folder: Path, keyless: Settings) -> None:
    agent = build(folder, keyless)
    await agent.warm()
    result = await answer(agent, "Within how many days can I return a garden?")
    assert "60 days" in result.text
    assert result.outcome == "answered"
    assert [source.title for source in result.sources] == ["Returning a garden"]
    assert result.model == "embedded"
    assert result.tools == ("search_knowledge",)
    assert result.seconds > 0


async def test_without_a_key_what_the_articles_lack_is_refused(folder: Path, keyless: Settings) -> None:
    result = await answer(build(folder, keyless), "Who won the football world cup in 1974?")
    assert (result.outcome, result.sources) == ("refused", ())
    assert result.suggestions == ("Leave a note",)


async def test_with_a_key_the_model_gets_the_articles_and_can_search(
    server: ScriptedServer, settings: Settings, folder: Path
) -> None:
    server.play(
        call(("search_knowledge", {"question": "Within how many days can I return a garden?"})),
        say("Within 60 days. [Returning a garden]"),
    )
    agent = build(folder, settings)
    result = await answer(agent, "Within how many days can I return a garden?")
    await agent.aclose()
    assert (result.outcome, [source.file for source in result.sources]) == ("answered", ["knowledge/returns.md"])
    first, second = server.asked
    assert "within 60 days of delivery" in first.messages[-1]["content"]
    assert {entry["function"]["name"] for entry in first.body["tools"]} == {
        "leave_note",
        "search_knowledge",
        "offer_person",
    }
    assert "within 60 days of delivery" in second.messages[-1]["content"]


async def test_tools_keep_their_data_in_a_folder_of_the_bot(
    server: ScriptedServer, settings: Settings, folder: Path
) -> None:
    server.play(call(("leave_note", {"text": "call back"})), say("Noted."))
    agent = build(folder, settings)
    await answer(agent, "Leave a note")
    await agent.aclose()
    assert (settings.data / "bots" / "tiny" / "note.txt").read_text() == "call back"


def test_a_name_of_the_agents_own_tools_is_refused(folder: Path, keyless: Settings) -> None:
    (folder / "bot.yaml").write_text("prompt: prompt.md.j2\ntools: [search_knowledge]\n")
    with pytest.raises(DefinitionError, match=r"tools\.py: the name 'search_knowledge' is taken"):
        build(folder, keyless)


def test_a_data_folder_that_cannot_be_made_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be written"):
        build(folder, Settings(openai_api_key=None, data=tmp_path / "file" / "data", _env_file=None))


def test_a_model_that_cannot_be_set_up_is_told(folder: Path, keyless: Settings) -> None:
    (folder / "bot.yaml").write_text("prompt: prompt.md.j2\nmodel: openai:gpt-5-mini\n")
    with pytest.raises(ModelError, match="OPENAI_API_KEY"):
        build(folder, keyless)


def test_the_embedded_model_loads_no_sdk_and_traces_nothing(folder: Path, tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from framework.agent.build.factory import build_agent
from framework.definition.loader import load_bot
from framework.settings import Settings
build_agent(load_bot({str(folder)!r}), Settings(openai_api_key=None, data=Path({str(tmp_path)!r}), _env_file=None))
from langsmith.utils import tracing_is_enabled
assert not tracing_is_enabled()
print([name for name in ("openai", "langchain_openai", "tiktoken") if name in sys.modules])
"""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-W", "error", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")
