"""Tests of the runtime run in virtual time, in a world of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

import pytest
import structlog

from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.chat import World
from tests.support.virtual_time import VirtualLoop, virtual_timing

REAL_TIME = {"test_with_sandbox.py", "test_team_with_sandbox.py", "test_team_in_playground.py", "test_replicas.py"}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Real sockets and databases need real time."""
    if item.path.name in REAL_TIME or item.path.name.startswith("test_model_"):
        return {"real": asyncio.new_event_loop}
    return {"virtual": VirtualLoop}


@pytest.fixture
def timing() -> Timing:
    return virtual_timing()


@pytest.fixture
async def world(timing: Timing) -> World:
    return World(timing)


@pytest.fixture
def agent() -> ScriptedAgent:
    return ScriptedAgent()


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[dict[str, object]]]:
    """The events that were logged, as dictionaries."""
    entries: list[dict[str, object]] = []

    def keep(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.ProcessorReturnValue:
        entries.append({**structlog.contextvars.get_contextvars(), **event})
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.stdlib.add_log_level, keep], cache_logger_on_first_use=False)
    yield entries
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _without_marks(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Elements have names that a test can write down: the mark that is new for each turn is left out."""
    if request.path.name != "test_marks.py":
        monkeypatch.setattr("framework.agent.prompt.marks.token_hex", lambda _: "")
