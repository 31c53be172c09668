"""The same promises with the embedded model, which asks nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from framework.agent.agent import LangChainAgent
from framework.agent.build.factory import build_agent
from framework.agent.conversation import ApprovalRequested, Caller, Conversation, Finished, Utterance
from framework.approvals import ApprovalStore, Decision
from framework.definition.loader import load_bot
from framework.settings import Settings
from framework.storage import Storage
from tests.agent.conftest import answer, asking
from tests.support.openai_server import ScriptedServer, fail
from tests.support.steps import KeptSteps, ProcessGoneError

BOT = """
model: embedded
prompt: support.md.j2
tools: [open_ticket, {name: refund, approval: always}]
memory: {facts: true}
"""
TOOLS = '''
from langchain.tools import ToolRuntime, tool
from framework.tools.context import ToolContext

@tool(extras={"phrases": ["^open a ticket$"]})
def open_ticket(runtime: ToolRuntime[ToolContext]) -> str:
    """Open a ticket."""
    with (runtime.context.data / "tickets").open("a") as file:
        print(runtime.context.key, file=file)
    return "Ticket T-1 is open."

@tool(extras={"phrases": ["refund me (?P<amount>[0-9]+)"]})
def refund(amount: int, runtime: ToolRuntime[ToolContext]) -> str:
    """Refund."""
    return f"Refunded {amount} to {runtime.context.user_id}."
'''


def folder_of(tmp_path: Path, bot: str = BOT) -> Path:
    folder = tmp_path / "quiet"
    (folder / "knowledge").mkdir(parents=True)
    (folder / "knowledge" / "returns.md").write_text("# Returns\n\nYou can return a garden within 60 days.\n")
    (folder / "bot.yaml").write_text(bot)
    (folder / "support.md.j2").write_text("You help.")
    (folder / "tools.py").write_text(TOOLS)
    return folder


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[LangChainAgent]:
    settings = Settings(openai_api_key=None, data=tmp_path / "data", _env_file=None)
    made = build_agent(load_bot(str(folder_of(tmp_path))), settings)
    yield made
    await made.aclose()


def tickets(tmp_path: Path) -> list[str]:
    file = tmp_path / "data" / "bots" / "quiet" / "tickets"
    return file.read_text().split() if file.exists() else []


async def test_a_tool_that_was_interrupted_is_not_called_again(agent: LangChainAgent, tmp_path: Path) -> None:
    steps = KeptSteps()
    conversation = replace(asking("open a ticket"), steps=steps)
    steps.die_at = "tool:1:open_ticket:"
    steps.after = True  # Right after it was noted that the call begins.
    with pytest.raises(ProcessGoneError):
        await answer(agent, conversation)
    steps.die_at = ""
    result = await answer(agent, conversation)
    assert result.uncertain == ("open_ticket",)
    assert result.text.count("cannot say whether") == 1
    assert tickets(tmp_path) == []
    assert (await answer(agent, replace(conversation, steps=KeptSteps()))).text == "Ticket T-1 is open."
    assert tickets(tmp_path) == ["turn-1:1"]


async def decide(data: Path, id_: str, *, approve: bool) -> None:
    """As the runtime of another process does, once the call is shown in a channel."""
    store = ApprovalStore(Storage(f"sqlite:///{data / 'engine.db'}"), now=lambda: datetime.now(UTC))
    await store.place(id_, "team:reviews", 1, {"roles": []})
    await store.shown(id_, "seen")
    await store.decide(id_, Decision(approve, "mo", "Mo"))
    store.close()


async def test_a_call_waits_for_the_team_and_is_then_reported(agent: LangChainAgent, tmp_path: Path) -> None:
    events = [event async for event in agent.stream(asking("refund me 5"))]
    (request,) = [event for event in events if isinstance(event, ApprovalRequested)]
    assert isinstance(events[-1], Finished)
    assert "has to approve" in events[-1].answer.text
    await decide(tmp_path / "data", request.id, approve=True)
    later = Conversation((), Caller("mo", "Mo", "messaging:support-1", "turn-2"), decided=request.id)
    assert (await answer(agent, later)).text == "Refunded 5 to ada."


async def test_a_denied_call_is_reported(agent: LangChainAgent, tmp_path: Path) -> None:
    events = [event async for event in agent.stream(asking("refund me 5"))]
    (request,) = [event for event in events if isinstance(event, ApprovalRequested)]
    await decide(tmp_path / "data", request.id, approve=False)
    later = Conversation((), Caller("mo", key="turn-2"), decided=request.id)
    assert "did not approve" in (await answer(agent, later)).text


async def test_facts_are_remembered_listed_and_forgotten_in_plain_words(agent: LangChainAgent) -> None:
    assert "Fernly Mini" in (await answer(agent, "Please remember that I own the Fernly Mini")).text
    assert "Fernly Mini" in (await answer(agent, "What do you know about me?")).text
    other = replace(asking("What do you know about me?"), caller=Caller("bob", "Bob", "messaging:support-1"))
    assert "nothing" in (await answer(agent, other)).text
    await answer(agent, "Forget everything about me")
    assert "nothing" in (await answer(agent, "What do you remember about me?")).text


TALK = (
    Utterance("user", "Hello", "Ada"),
    Utterance("bot", "Hi!"),
    Utterance("user", "My tank leaks", "Ada"),
    Utterance("bot", "Tighten the lid."),
    Utterance("user", "It still leaks", "Ada"),
)


async def test_a_summary_is_made_of_the_words_that_were_used(agent: LangChainAgent) -> None:
    summary = await agent.summarise(Conversation(TALK, Caller("ada")))
    assert summary == "- **Ada**: My tank leaks\n  → Tighten the lid.\n- **Ada**: It still leaks"
    task = Conversation(TALK, Caller("", channel="messaging:a"), instruction="Post a summary of today.")
    digest = (await answer(agent, task)).text
    assert "My tank leaks" in digest
    assert "It still leaks" in digest


async def test_it_stands_in_when_every_model_fails(server: ScriptedServer, settings: Settings, tmp_path: Path) -> None:
    bot = BOT.replace("model: embedded", "model: {name: auto, retries: 0, fallbacks: embedded}")
    made = build_agent(load_bot(str(folder_of(tmp_path, bot))), settings)
    server.play(fail(400, "no"))
    result = await answer(made, "How long can I return a garden?")
    assert "within 60 days" in result.text
    assert result.model == "embedded"
    await made.aclose()


async def test_its_name_is_no_part_of_the_question(agent: LangChainAgent) -> None:
    for text in ("@Support Bot can I return a garden?", "Can I return a garden, @agent-bot?"):
        found = await answer(agent, asking(text))
        assert (found.outcome, "60 days" in found.text) == ("answered", True), text
    assert (await answer(agent, asking("@Support Bot hello"))).text == (await answer(agent, asking("hello"))).text
