"""The support bot's tickets: kept, found again, opened once, private to the customer."""

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from langchain.tools import ToolRuntime
from langchain_core.tools import BaseTool

from framework.definition.loader import load_bot
from framework.tools.context import ToolContext
from framework.tools.registry import load_tools


@pytest.fixture
def tools() -> dict[str, BaseTool]:
    return {tool.name: tool for tool in load_tools(load_bot("support_bot"))}


def call(tool: BaseTool, data: Path, user: str = "maria", key: str = "turn-1", **arguments: object) -> str:
    context = ToolContext(
        user, user.title(), "messaging:support-1", key, data, lambda: datetime(2026, 3, 1, tzinfo=UTC)
    )
    runtime: ToolRuntime[ToolContext] = ToolRuntime(
        state={}, context=context, config={}, stream_writer=lambda _: None, tool_call_id="call-1", store=None
    )
    return cast("str", tool.invoke({**arguments, "runtime": runtime}))


def test_a_ticket_is_kept_and_found_again(tools: dict[str, BaseTool], tmp_path: Path) -> None:
    assert "T-0001" in call(tools["open_ticket"], tmp_path, summary="The pump is blocked.")
    found = call(tools["find_ticket"], tmp_path, number=1)
    assert "The pump is blocked." in found
    assert "open" in found
    assert "2026-03-01" in found


def test_a_turn_that_is_tried_again_opens_no_second_ticket(tools: dict[str, BaseTool], tmp_path: Path) -> None:
    first = call(tools["open_ticket"], tmp_path, summary="The pump is blocked.")
    assert call(tools["open_ticket"], tmp_path, summary="Pump blocked!") == first
    assert "T-0002" in call(tools["open_ticket"], tmp_path, key="turn-2", summary="Another thing.")


def test_tickets_of_others_stay_unknown(tools: dict[str, BaseTool], tmp_path: Path) -> None:
    call(tools["open_ticket"], tmp_path, user="maria", summary="The pump is blocked.")
    assert "pump" not in call(tools["find_ticket"], tmp_path, user="tom", number=1)
    assert "no tickets" in call(tools["find_ticket"], tmp_path, user="tom")


def test_the_model_is_not_shown_what_the_tool_is_told_of_the_turn(tools: dict[str, BaseTool]) -> None:
    assert set(tools["open_ticket"].args) == {"summary"}
    assert set(tools["find_ticket"].args) == {"number"}
