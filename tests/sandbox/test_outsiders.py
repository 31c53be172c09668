"""Whoever is not of a channel gets nothing out of it and changes nothing in it, by whatever call."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.conftest import World

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).isoformat()
SECRET = "the launch is on friday"
REFUSED: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("GET", "/messages/m", None),
    ("GET", "/messages/m/replies", None),
    ("GET", "/messages/m/reactions", None),
    ("POST", "/messages/m/reactions", {}),
    ("GET", "/threads/m", None),
    ("PATCH", "/threads/m", {"set": {"title": "x"}}),
    ("POST", "/messages/m", {"message": {"text": "x"}}),
    ("PUT", "/messages/m", {"set": {"text": "x"}}),
    ("PUT", "/messages/m", {"set": {"pinned": True}}),
    ("PATCH", "/messages/m/ephemeral", {"set": {"text": "x"}}),
    ("DELETE", "/messages/m", None),
    ("POST", "/messages/m/reaction", {"reaction": {"type": "like"}}),
    ("POST", "/messages/m/translate", {"language": "fr"}),
    ("POST", "/messages/m/reminders", {}),
    ("POST", "/moderation/flag", {"target_message_id": "m"}),
    ("POST", "/moderation/mute/channel", {"channel_cid": "messaging:c"}),
    ("POST", "/moderation/ban", {"target_user_id": "alice", "type": "messaging", "id": "c"}),
    ("POST", "/channels/delivered", {"latest_delivered_messages": [{"cid": "messaging:c", "id": "m"}]}),
    ("POST", "/channels/messaging/c/query", {"state": True}),
    ("POST", "/channels/messaging/c", {"add_members": ["eve"]}),
    ("PATCH", "/channels/messaging/c", {"set": {"name": "x"}}),
    ("DELETE", "/channels/messaging/c", None),
    ("POST", "/channels/messaging/c/truncate", {}),
    ("POST", "/channels/messaging/c/message", {"message": {"text": "x"}}),
    ("POST", "/channels/messaging/c/event", {"event": {"type": "typing.start"}}),
    ("POST", "/channels/messaging/c/read", {}),
    ("POST", "/channels/messaging/c/unread", {"message_id": "m"}),
    ("POST", "/channels/messaging/c/draft", {"message": {"text": "x"}}),
    ("GET", "/channels/messaging/c/draft?user_id=alice", None),
    ("GET", "/channels/messaging/c/messages?ids=m", None),
    ("GET", "/channels/messaging/c/pinned_messages", None),
    ("PATCH", "/channels/messaging/c/member/alice", {"set": {"x": 1}}),
)
EMPTY: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("GET", "/search", {"filter_conditions": {"cid": "messaging:c"}, "query": "launch"}),
    ("POST", "/channels", {"filter_conditions": {"cid": "messaging:c"}}),
    ("POST", "/sync", {"channel_cids": ["messaging:c"], "last_sync_at": YESTERDAY}),
    ("POST", "/threads", {"user_id": "alice"}),
    ("POST", "/drafts/query", {"user_id": "alice"}),
    ("GET", "/unread", {"user_id": "alice"}),
    ("GET", "/devices", {"user_id": "alice"}),
)


@pytest.fixture
async def private(world: World) -> World:
    """A channel of Alice and Bob with a thread; Eve is a user of the app and no more."""
    await world.server.upsert_user({"id": "eve"})
    channel = await world.channel("c", "alice", "bob")
    await channel.send_message({"id": "m", "text": SECRET}, "alice")
    await channel.send_message({"text": f"yes, {SECRET}", "parent_id": "m"}, "bob")
    await channel.create_draft({"text": SECRET}, "alice")
    await world.server.add_device("phone-of-alice", "apn", "alice")
    return world


@pytest.mark.parametrize(("method", "path", "body"), REFUSED, ids=lambda part: part if isinstance(part, str) else "")
async def test_an_outsider_is_refused(private: World, method: str, path: str, body: dict[str, Any] | None) -> None:
    path, _, query = path.partition("?")
    named = dict([query.split("=")]) if query else {}
    status, said = await private.person("eve").call(method, path, body, **named)
    assert (status, said["code"]) == (403, 17), said
    assert SECRET not in json.dumps(said)


@pytest.mark.parametrize(("method", "path", "body"), EMPTY, ids=lambda part: part if isinstance(part, str) else "")
async def test_an_outsider_finds_nothing(private: World, method: str, path: str, body: dict[str, Any]) -> None:
    eve = private.person("eve")
    query = {"payload": json.dumps(body)} if method == "GET" else {}
    status, said = await eve.call(method, path, None if query else body, **query)
    assert status < 300, said
    told = json.dumps(said)
    assert SECRET not in told
    assert "messaging:c" not in told
    assert "phone-of-alice" not in told
