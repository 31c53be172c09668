"""A bot, an agent in front of the scripted server, and a small library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import BaseTool, tool

from framework.agent.agent import LangChainAgent
from framework.agent.build.dependencies import AgentDependencies
from framework.agent.conversation import Answer, Caller, Conversation, Finished, Reference, Source, TextDelta, Utterance
from framework.agent.models.setup import build_model, choose_model, site_of
from framework.definition.model import Bot, BotDefinition
from framework.settings import Settings
from tests.support.openai_server import MODEL, ScriptedServer, scripted_server

KEY = "sk-test-3f9c0d7e5b"
WATER = Reference(Source("Watering your garden", "water.md", "How often"), "Fill the tank every two weeks.")
RETURNS = Reference(Source("Returns", "returns.md"), "You can send a garden back within 60 days.")


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_MODEL", "LANGSMITH_TRACING"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class Shelf:
    """A library that always finds the same, and notes what it was asked."""

    references: tuple[Reference, ...] = (WATER, RETURNS)
    asked: list[str] = field(default_factory=list)

    async def warm(self) -> None:
        pass

    async def look_up(self, conversation: Conversation) -> Sequence[Reference]:
        self.asked.append(conversation.question)
        return self.references

    def read(self, artifact: object) -> Sequence[Reference]:
        return [artifact] if isinstance(artifact, Reference) else []


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as running:
        yield running


@pytest.fixture
def settings(server: ScriptedServer, tmp_path: Path) -> Settings:
    return Settings(
        openai_api_key=KEY, openai_base_url=server.url, openai_model=MODEL, data=tmp_path / "data", _env_file=None
    )


AgentMaker = Callable[..., LangChainAgent]


@pytest.fixture
async def make_agent(settings: Settings, tmp_path: Path) -> AsyncIterator[AgentMaker]:
    """Make agents in front of the scripted server; they are closed at the end."""
    async with AsyncExitStack() as stack:

        def make(
            *tools: BaseTool,
            library: Shelf | None = None,
            model: dict[str, object] | None = None,
            base_url: str | None = None,
            definition: dict[str, object] | None = None,
            **parts: Any,
        ) -> LangChainAgent:
            where = settings.model_copy(update={"openai_base_url": base_url or settings.openai_base_url})
            declared = BotDefinition.model_validate(
                {"model": {"name": "auto", "retries": 2, **(model or {})}, **(definition or {})}
            )
            bot = Bot("test", tmp_path, declared, "You are the support agent of Fernly.")
            choice = choose_model(declared.model, where)
            agent = LangChainAgent(
                AgentDependencies(
                    bot,
                    build_model(choice, declared.model, where),
                    site_of(choice, where),
                    tmp_path,
                    **{"tools": tools, "library": library, "backoff": 0.0, "tool_seconds": 0.5, **parts},
                )
            )
            stack.push_async_callback(agent.aclose)
            return agent

        yield make


def asking(*texts: str, name: str = "Ada") -> Conversation:
    """A person's messages, the last one to be answered."""
    return Conversation(
        tuple(Utterance("user", text, name) for text in texts), Caller("ada", name, "messaging:support-1", "turn-1")
    )


async def answer(agent: LangChainAgent, conversation: Conversation | str) -> Answer:
    """The answer alone."""
    conversation = asking(conversation) if isinstance(conversation, str) else conversation
    async for event in agent.stream(conversation):
        if isinstance(event, Finished):
            return event.answer
    raise AssertionError("the agent ended without Finished")


def streamed(events: Sequence[object]) -> Iterator[str]:
    """The text of the events."""
    return (event.text for event in events if isinstance(event, TextDelta))


@tool
def search_knowledge(query: str) -> str:
    """Search the articles."""
    return f"nothing for {query}"


@pytest.fixture(autouse=True)
def _without_marks(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Elements have names that a test can write down: the mark that is new for each turn is left out."""
    if request.path.name != "test_marks.py":
        monkeypatch.setattr("framework.agent.prompt.marks.token_hex", lambda _: "")
