"""Operations that clients of people have, done on their behalf."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from framework.catalog.execution.policy import NotAllowedError
from framework.errors import ChatServiceError
from tests.support.operations import Desk, desk, policy
from tests.support.sandbox import start_sandbox

ROOM = {"type": "messaging", "id": "room"}


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Desk]:
    async with start_sandbox() as sandbox, desk(sandbox.url, tmp_path) as open_desk:
        await open_desk.execute("UpdateUsers", {"users": {name: {"id": name} for name in ("alice", "bob")}})
        data = {"created_by_id": "alice", "members": ["alice", "bob"]}
        await open_desk.execute("GetOrCreateChannel", {**ROOM, "data": data})
        yield open_desk


async def test_a_draft_is_kept_read_and_replaced(at: Desk) -> None:
    await at.execute("CreateDraft", {**ROOM, "message": {"text": "Not yet"}}, as_user="alice")
    await at.execute("CreateDraft", {**ROOM, "message": {"text": "Nearly", "user_id": "alice"}})
    draft = (await at.execute("GetDraft", ROOM, as_user="alice"))["draft"]
    assert draft["message"]["text"] == "Nearly"
    with pytest.raises(ChatServiceError):
        await at.execute("GetDraft", ROOM, as_user="bob")


async def test_what_was_missed_is_caught_up_on(at: Desk) -> None:
    since = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    await at.execute("SendMessage", {**ROOM, "message": {"text": "Hello", "user_id": "bob"}})
    found = await at.execute("Sync", {"channel_cids": ["messaging:room"], "last_sync_at": since}, as_user="alice")
    assert [event["message"]["text"] for event in found["events"] if event["type"] == "message.new"] == ["Hello"]


async def test_catching_up_stays_in_bounds(at: Desk) -> None:
    since = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    bounded = policy(channels=["messaging:room"])
    await at.execute("Sync", {"channel_cids": ["messaging:room"], "last_sync_at": since}, policy=bounded)
    both = ["messaging:room", "messaging:vip"]
    with pytest.raises(NotAllowedError):
        await at.execute("Sync", {"channel_cids": both, "last_sync_at": since}, policy=bounded)


async def test_only_a_live_connection_stops_watching(at: Desk) -> None:
    with pytest.raises(ChatServiceError, match="live connection"):
        await at.execute("StopWatchingChannel", {**ROOM, "connection_id": "none"}, as_user="alice")
