"""Searching messages through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conftest import World

EVERYWHERE = {"type": "messaging"}


def ids(answer: Any) -> list[str]:
    return [result["message"]["id"] for result in answer["results"]]


async def with_messages(world: World) -> Any:
    channel = await world.channel("c", "alice", "bob")
    await channel.send_message({"id": "m1", "text": "Black tea with milk", "kind": "hot"}, "alice")
    await channel.send_message({"id": "m2", "text": "green Tea", "mentioned_users": ["bob"]}, "bob")
    attachment = {"type": "image", "image_url": "http://x/y.png"}
    await channel.send_message({"id": "m3", "text": "coffee", "attachments": [attachment]}, "alice")
    await channel.send_message({"id": "m4", "text": "a hidden tea", "parent_id": "m3"}, "bob")
    return channel


async def test_finds_all_words_in_any_case_replies_included_newest_first(world: World) -> None:
    await with_messages(world)
    assert ids(await world.server.search(EVERYWHERE, "tea")) == ["m4", "m2", "m1"]
    assert ids(await world.server.search(EVERYWHERE, "milk black")) == ["m1"]
    found = (await world.server.search({"cid": "messaging:c"}, "coffee"))["results"][0]["message"]
    assert found["channel"]["cid"] == "messaging:c"


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"text": {"$q": "tea"}, "user.id": {"$eq": "bob"}}, ["m4", "m2"]),
        ({"attachments": {"$exists": True}}, ["m3"]),
        ({"attachments.type": {"$eq": "image"}}, ["m3"]),
        ({"mentioned_users.id": {"$contains": "bob"}}, ["m2"]),
        ({"kind": "hot"}, ["m1"]),
        ({"parent_id": "m3"}, ["m4"]),
        ({"reply_count": {"$gt": 0}}, ["m3"]),
        ({"$or": [{"id": "m1"}, {"id": {"$in": ["m2"]}}]}, ["m2", "m1"]),
        ({"text": {"$autocomplete": "gre"}}, ["m2"]),
    ],
)
async def test_finds_by_fields_of_messages(world: World, conditions: dict[str, Any], expected: list[str]) -> None:
    await with_messages(world)
    assert ids(await world.server.search(EVERYWHERE, conditions)) == expected


async def test_pages_by_cursor_with_a_sort_and_by_offset_without(world: World) -> None:
    await with_messages(world)
    sort = [{"created_at": 1}]
    first = await world.server.search(EVERYWHERE, "tea", sort, limit=2)
    second = await world.server.search(EVERYWHERE, "tea", sort, limit=2, next=first["next"])
    assert (ids(first), ids(second)) == (["m1", "m2"], ["m4"])
    assert "next" not in second
    assert ids(await world.server.search(EVERYWHERE, "tea", limit=1, offset=1)) == ["m2"]


async def test_leaves_out_deleted_messages_and_channels_that_a_person_may_not_read(world: World) -> None:
    await with_messages(world)
    await world.server.delete_message("m1")
    assert ids(await world.server.search(EVERYWHERE, "tea")) == ["m4", "m2"]
    await world.server.upsert_user({"id": "eve"})
    payload = '{"filter_conditions":{"type":"messaging"},"query":"tea"}'
    status, body = await world.person("eve").call("GET", "/search", payload=payload)
    assert (status, body["results"]) == (200, [])
    _, body = await world.person("bob").call("GET", "/search", payload=payload)
    assert ids(body) == ["m4", "m2"]


async def test_refuses_neither_or_both_of_text_and_filter_and_a_foreign_cursor(world: World) -> None:
    for payload in (
        '{"filter_conditions":{"type":"messaging"}}',
        '{"filter_conditions":{"type":"messaging"},"query":"x","message_filter_conditions":{"text":"x"}}',
        '{"filter_conditions":{"type":"messaging"},"query":"x","next":"nonsense"}',
        '{"filter_conditions":{"type":"messaging"},"query":"x","offset":1,"sort":[{"created_at":1}]}',
    ):
        with pytest.raises(StreamAPIException) as raised:
            await world.server.get("search", params={"payload": payload})
        assert (raised.value.status_code, raised.value.error_code) == (400, 4)
