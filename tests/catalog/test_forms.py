"""Forms that everybody knows are taken; errors say what is missing, and what may have happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from framework.catalog.catalog import Catalog
from framework.catalog.execution.arguments import check_arguments
from framework.catalog.execution.forms import usual
from framework.errors import ChatServiceError, FrameworkError
from framework.sandbox.kernel.faults import Fault
from tests.support.operations import Desk, desk
from tests.support.sandbox import RunningSandbox, start_sandbox

ROOM = {"type": "messaging", "id": "room"}
FORMS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "GetOrCreateChannel",
        {"cid": "messaging:room", "data": {"members": ["alice", "bob"]}},
        {**ROOM, "data": {"members": [{"user_id": "alice"}, {"user_id": "bob"}]}},
    ),
    (
        "GetOrCreateDistinctChannel",
        {"type": "messaging", "members": ["alice", "bob"]},
        {"type": "messaging", "data": {"members": [{"user_id": "alice"}, {"user_id": "bob"}]}},
    ),
    ("UpdateChannel", {**ROOM, "add_members": ["bob"]}, {**ROOM, "add_members": [{"user_id": "bob"}]}),
    (
        "ChannelBatchUpdate",
        {"operation": "addMembers", "filter": {"cids": "a:b"}, "data": {"team": "blue"}, "members": ["bob"]},
        {
            "operation": "addMembers",
            "filter": {"cids": "a:b"},
            "data": {"team": "blue"},
            "members": [{"user_id": "bob"}],
        },
    ),
    ("UpdateUsers", {"users": [{"id": "alice"}]}, {"users": {"alice": {"id": "alice"}}}),
    (
        "QueryChannels",
        {"filter": {"type": "messaging"}, "sort": {"created_at": -1}},
        {"filter_conditions": {"type": "messaging"}, "sort": [{"field": "created_at", "direction": -1}]},
    ),
    ("QueryCampaigns", {"filter_conditions": {"id": "c"}}, {"filter": {"id": "c"}}),
    ("QueryUsers", {"filter": {"id": "a"}, "limit": 3}, {"payload": {"filter_conditions": {"id": "a"}, "limit": 3}}),
    (
        "Search",
        {"query": "refund", "payload": {"filter": {"cid": "a:b"}}},
        {"payload": {"query": "refund", "filter_conditions": {"cid": "a:b"}}},
    ),
]


@pytest.mark.parametrize(("name", "given", "expected"), FORMS, ids=lambda value: str(value)[:40])
def test_a_form_that_everybody_knows_is_taken(
    catalog: Catalog, name: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    operation = catalog.operation(name)
    assert usual(catalog, operation, given) == expected
    assert usual(catalog, operation, expected) == expected, "and what is right stays as it is"
    check_arguments(catalog, operation, expected)


@pytest.mark.parametrize(
    "given",
    [
        {"members": "alice"},
        {"members": [1], "type": "a", "id": "b"},
        {"filter": []},
        {"users": [1]},
    ],
    ids=str,
)
def test_what_can_be_meant_in_two_ways_is_left_to_the_check(catalog: Catalog, given: dict[str, Any]) -> None:
    for name in ("GetOrCreateChannel", "QueryChannels", "UpdateUsers"):
        operation = catalog.operation(name)
        with pytest.raises(FrameworkError):
            check_arguments(catalog, operation, usual(catalog, operation, given))


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with start_sandbox() as running:
        yield running


@pytest.fixture
async def at(sandbox: RunningSandbox, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(sandbox.url, tmp_path) as opened:
        yield opened


async def test_deep_arguments_are_an_error_in_words(at: Desk) -> None:
    for depth in (100, 5_000, 100_000):
        nested = '{"a":' * depth + "1" + "}" * depth
        with pytest.raises(FrameworkError, match=r"deeply|object"):
            await at.toolbox.execute(at.policy, "QueryChannels", nested)


async def test_who_and_what_is_missing_is_said_with_what_makes_it(at: Desk) -> None:
    with pytest.raises(ChatServiceError, match="no such user") as refused:
        await at.execute("QueryChannels", {"filter_conditions": {}}, as_user="nobody-here")
    assert "UpdateUsers" in str(refused.value)
    with pytest.raises(ChatServiceError) as refused:
        await at.execute("GetOrCreateChannel", {**ROOM, "data": {"created_by_id": "nobody-here"}})
    assert "UpdateUsers" in str(refused.value)
    await at.execute("UpdateUsers", {"users": [{"id": "alice"}]})
    with pytest.raises(ChatServiceError) as refused:
        await at.execute("SendMessage", {**ROOM, "message": {"text": "x", "user_id": "alice"}})
    assert "GetOrCreateChannel" in str(refused.value)


async def test_a_write_of_unknown_fate_says_so_and_how_to_look(at: Desk, sandbox: RunningSandbox) -> None:
    sandbox.sandbox.faults.add(Fault("DeactivateUsers", drop="after"))
    sandbox.sandbox.faults.add(Fault("QueryUsers", drop="before", count=9))
    with pytest.raises(ChatServiceError, match="may have happened") as lost:
        await at.execute("DeactivateUsers", {"user_ids": ["x"]})
    assert "QueryUsers" in str(lost.value)
    with pytest.raises(ChatServiceError) as lost:
        await at.execute("QueryUsers", {"payload": {"filter_conditions": {}}})
    assert "may have happened" not in str(lost.value), "a read does nothing"


async def test_a_cancelled_call_is_closed_in_the_log(at: Desk, sandbox: RunningSandbox) -> None:
    sandbox.sandbox.faults.add(Fault("GetApp", delay_s=30))
    call = asyncio.create_task(at.execute("GetApp"))
    while not await at.log():
        await asyncio.sleep(0.02)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    (entry,) = await at.log()
    assert (entry["outcome"], "cancelled" in entry["detail"]) == ("failed", True)
