"""Channels, queries, members, reads and sync through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conftest import World, until


async def test_creates_a_channel_once_and_returns_its_state(world: World) -> None:
    await world.server.upsert_user({"id": "alice"})
    first = await world.server.channel("messaging", "c", {"topic": "tea", "members": ["alice"]}).create("alice")
    second = await world.server.channel("messaging", "c", {"topic": "coffee"}).create("alice")
    assert first["channel"]["topic"] == second["channel"]["topic"] == "tea"
    assert first["channel"]["created_at"] == second["channel"]["created_at"]
    assert [member["user_id"] for member in second["members"]] == [] or second["members"]


async def test_the_same_members_share_one_distinct_channel(world: World) -> None:
    await world.server.upsert_users([{"id": "alice"}, {"id": "bob"}])
    one = world.server.channel("messaging", None, {"members": ["alice", "bob"]})
    two = world.server.channel("messaging", None, {"members": ["bob", "alice"]})
    await one.create("alice")
    await two.create("bob")
    assert one.id == two.id


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"members": {"$in": ["bob"]}}, ["b", "c"]),
        ({"rank": {"$gt": 1}}, ["b", "c"]),
        ({"rank": {"$gte": 1, "$lt": 3}}, ["a", "b"]),
        ({"rank": {"$ne": 2}}, ["a", "c"]),
        ({"rank": {"$nin": [1, 2]}}, ["c"]),
        ({"label": {"$exists": True}}, ["b"]),
        ({"name": {"$autocomplete": "sup"}}, ["a"]),
        ({"$or": [{"rank": 1}, {"rank": 3}]}, ["a", "c"]),
        ({"$nor": [{"rank": 1}, {"rank": 3}]}, ["b"]),
        ({"$and": [{"rank": {"$lte": 2}}, {"members": {"$in": ["bob"]}}]}, ["b"]),
        ({"cid": {"$in": ["messaging:a"]}}, ["a"]),
        ({}, ["a", "b", "c"]),
    ],
)
async def test_filters_channels(world: World, conditions: dict[str, Any], expected: list[str]) -> None:
    await _three_channels(world)
    found = await world.server.query_channels(conditions, [{"rank": 1}])
    assert [item["channel"]["id"] for item in found["channels"]] == expected


async def _three_channels(world: World) -> None:
    await world.server.upsert_users([{"id": "alice"}, {"id": "bob"}])
    for channel_id, data in {
        "a": {"rank": 1, "name": "The Support desk", "members": ["alice"]},
        "b": {"rank": 2, "label": "x", "members": ["alice", "bob"]},
        "c": {"rank": 3, "members": ["alice", "bob"]},
    }.items():
        await world.server.channel("messaging", channel_id, data).create("alice")


async def test_sorts_and_pages_channels(world: World) -> None:
    await _three_channels(world)
    found = await world.server.query_channels({"members": {"$in": ["alice"]}}, {"rank": -1}, limit=2, offset=1)
    assert [item["channel"]["id"] for item in found["channels"]] == ["b", "a"]


async def test_refuses_an_unknown_operator(world: World) -> None:
    with pytest.raises(StreamAPIException) as raised:
        await world.server.query_channels({"rank": {"$like": 1}})
    assert (raised.value.status_code, raised.value.error_code) == (400, 4)


async def test_people_see_only_channels_that_they_are_members_of(world: World) -> None:
    await world.channel("c", "alice")
    await world.server.upsert_user({"id": "eve"})
    eve = world.person("eve")
    assert (await eve.call("POST", "/channels", {"filter_conditions": {}}))[1]["channels"] == []
    status, body = await eve.call("POST", "/channels/messaging/c/query", {"state": True})
    assert (status, body["code"]) == (403, 17)
    status, body = await eve.call("POST", "/channels/messaging/c/message", {"message": {"text": "x"}})
    assert (status, body["code"]) == (403, 17)


async def test_a_member_has_the_capabilities_that_web_clients_need(world: World) -> None:
    await world.channel("c", "alice", "bob")
    _, state = await world.person("bob").call("POST", "/channels/messaging/c/query", {"state": True})
    own = set(state["channel"]["own_capabilities"])
    assert {"read-events", "send-message", "send-reply", "send-reaction", "typing-events", "upload-file"} <= own
    assert not {"delete-any-message", "update-any-message", "delete-channel"} & own


async def test_counts_unread_messages_until_they_are_read(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    for _ in range(3):
        await channel.send_message({"text": "x"}, "bob")
    assert (await world.server.unread_counts("alice"))["total_unread_count"] == 3
    async with await world.person("alice").online() as socket:
        await channel.mark_read("alice")
        assert (await until(socket, "notification.mark_read"))["unread_channels"] == 0
    assert (await world.server.unread_counts("alice"))["total_unread_count"] == 0
    read = {entry["user"]["id"]: entry for entry in (await channel.query())["read"]}
    assert (read["alice"]["unread_messages"], read["bob"]["unread_messages"]) == (0, 0)


async def test_sync_replays_what_was_missed(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    first = await channel.send_message({"id": "old", "text": "x"}, "bob")
    since = first["message"]["created_at"]
    await channel.send_message({"id": "new", "text": "x"}, "bob")
    await channel.send_reaction("old", {"type": "like"}, "bob")
    await channel.delete_reaction("old", "like", "bob")
    await channel.send_message({"id": "gone", "text": "x"}, "bob")
    await world.server.delete_message("gone", hard=True)
    body = {"channel_cids": ["messaging:c"], "last_sync_at": since}
    status, answer = await world.person("alice").call("POST", "/sync", body)
    assert status == 201
    kinds = [event["type"] for event in answer["events"]]
    assert kinds == ["message.new", "reaction.deleted", "message.deleted"]


async def test_updates_a_channel_partially(world: World) -> None:
    channel = await world.channel("c", "alice")
    await channel.update_partial(to_set={"color": "red", "frozen": True})
    answer = await channel.update_partial(to_unset=["color"])
    assert "color" not in answer["channel"]
    assert answer["channel"]["frozen"] is True


async def test_an_operation_without_a_handler_says_501_and_its_name(world: World) -> None:
    with pytest.raises(StreamAPIException) as raised:
        await world.server.post("campaigns/x/start")
    assert raised.value.status_code in (501, 404)
