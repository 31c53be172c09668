"""Messages through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conftest import World, frame, until


async def test_answers_a_send_with_201_and_the_message(world: World) -> None:
    channel = await world.channel("c", "alice", "bot")
    answer = await channel.send_message({"id": "m1", "text": "<hi>", "mood": {"a": 1}, "ai_generated": True}, "bot")
    message = answer["message"]
    assert answer.status_code() == 201
    assert (message["id"], message["text"], message["user"]["id"]) == ("m1", "<hi>", "bot")
    assert (message["mood"], message["ai_generated"]) == ({"a": 1}, True)
    assert message["html"] == "<p>&lt;hi&gt;</p>\n"
    assert message["created_at"].endswith("Z")


async def test_refuses_a_second_message_with_the_same_id_and_keeps_the_first(world: World) -> None:
    channel = await world.channel("c", "alice")
    await channel.send_message({"id": "m1", "text": "one"}, "alice")
    with pytest.raises(StreamAPIException) as raised:
        await channel.send_message({"id": "m1", "text": "two"}, "alice")
    assert (raised.value.status_code, raised.value.error_code) == (400, 4)
    assert raised.value.error_message == 'SendMessage failed with error: "a message with ID m1 already exists"'
    assert (await world.server.get_message("m1"))["message"]["text"] == "one"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"text": "x" * 5001}, 20),
        ({"text": ""}, 4),
        ({"text": 7}, 4),
        ({"id": "a,b", "text": "x"}, 4),
        ({"id": "x" * 256, "text": "x"}, 20),
        ({"text": "x", "attachments": [{}] * 31}, 4),
        ({"text": "x", "parent_id": "nowhere"}, 4),
        ({"text": "x", "mentioned_users": ["nobody"]}, 4),
        ({"text": "x", "data": "y" * 6000}, 20),
    ],
)
async def test_refuses_what_the_limits_forbid(world: World, message: dict[str, Any], code: int) -> None:
    channel = await world.channel("c", "alice")
    with pytest.raises(StreamAPIException) as raised:
        await channel.send_message(message, "alice")
    assert (raised.value.status_code, raised.value.error_code) == (400, code)
    assert (await channel.query())["messages"] == []


async def test_takes_a_text_of_exactly_the_limit(world: World) -> None:
    channel = await world.channel("c", "alice")
    assert (await channel.send_message({"text": "é" * 5000}, "alice")).status_code() == 201


async def test_counts_replies_and_shows_only_chosen_ones_in_the_channel(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    await channel.send_message({"id": "p", "text": "parent"}, "alice")
    await channel.send_message({"id": "r1", "text": "hidden", "parent_id": "p"}, "bob")
    await channel.send_message({"id": "r2", "text": "shown", "parent_id": "p", "show_in_channel": True}, "bob")
    state = await channel.query()
    assert [message["id"] for message in state["messages"]] == ["p", "r2"]
    parent = state["messages"][0]
    assert parent["reply_count"] == 2
    assert [user["id"] for user in parent["thread_participants"]] == ["bob"]
    replies = (await channel.get_replies("p", limit=1))["messages"]
    assert [(reply["id"], reply["type"]) for reply in replies] == [("r2", "reply")]
    earlier = (await channel.get_replies("p", id_lt="r2"))["messages"]
    assert [reply["id"] for reply in earlier] == ["r1"]


async def test_pages_messages_by_id(world: World) -> None:
    channel = await world.channel("c", "alice")
    for number in range(6):
        await channel.send_message({"id": f"m{number}", "text": str(number)}, "alice")

    async def page(**window: Any) -> list[str]:
        return [message["id"] for message in (await channel.query(messages=window))["messages"]]

    assert await page(limit=2) == ["m4", "m5"]
    assert await page(limit=2, id_lt="m4") == ["m2", "m3"]
    assert await page(limit=2, id_lte="m4") == ["m3", "m4"]
    assert await page(limit=2, id_gt="m1") == ["m2", "m3"]
    assert await page(limit=3, id_around="m2") == ["m1", "m2", "m3"]
    third = (await world.server.get_message("m3"))["message"]["created_at"]
    assert await page(limit=10, created_at_before=third) == ["m0", "m1", "m2"]
    assert await page(limit=10, created_at_after_or_equal=third) == ["m3", "m4", "m5"]


async def test_replaces_on_update_and_merges_on_partial_update(world: World) -> None:
    channel = await world.channel("c", "alice")
    await channel.send_message({"id": "m", "text": "one", "a": {"x": 1, "y": 2}, "b": 1}, "alice")
    answer = await world.server.update_message_partial("m", {"set": {"a.x": 5, "text": "two"}, "unset": ["b"]}, "alice")
    assert answer["message"]["a"] == {"x": 5, "y": 2}
    assert answer["message"]["text"] == "two"
    assert "b" not in answer["message"]
    answer = await world.server.update_message({"id": "m", "text": "three", "user_id": "alice"})
    assert "a" not in answer["message"]
    assert (await world.server.get_message("m"))["message"]["text"] == "three"


async def test_shows_an_ephemeral_update_to_watchers_and_stores_nothing(world: World) -> None:
    channel = await world.channel("c", "alice", "bot")
    await channel.send_message({"id": "m", "text": ""} | {"generating": True}, "bot")
    alice = world.person("alice")
    async with await alice.online() as socket:
        await alice.watch("c")
        await world.server.patch("messages/m/ephemeral", data={"set": {"text": "Hel"}, "user": {"id": "bot"}})
        event = await until(socket, "message.updated")
    assert event["message"]["text"] == "Hel"
    assert (await world.server.get_message("m"))["message"]["text"] == ""


async def test_deletes_softly_to_a_tombstone_and_hard_for_good(world: World) -> None:
    channel = await world.channel("c", "alice")
    await channel.send_message({"id": "soft", "text": "a"}, "alice")
    await channel.send_message({"id": "hard", "text": "b"}, "alice")
    await world.server.delete_message("soft")
    await world.server.delete_message("hard", hard=True)
    messages = (await channel.query())["messages"]
    assert [(message["id"], message["type"]) for message in messages] == [("soft", "deleted")]
    with pytest.raises(StreamAPIException) as raised:
        await world.server.get_message("hard")
    assert (raised.value.status_code, raised.value.error_code) == (404, 16)


async def test_counts_reactions_and_tells_watchers(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    await channel.send_message({"id": "m", "text": "x"}, "alice")
    alice = world.person("alice")
    async with await alice.online() as socket:
        await alice.watch("c")
        await channel.send_reaction("m", {"type": "love", "score": 3}, "bob")
        assert (await frame(socket))["type"] == "reaction.new"
        await channel.send_reaction("m", {"type": "love"}, "alice")
        message = (await world.server.get_message("m"))["message"]
        assert message["reaction_counts"] == {"love": 2}
        assert message["reaction_groups"]["love"]["sum_scores"] == 4
        await channel.delete_reaction("m", "love", "bob")
        assert (await until(socket, "reaction.deleted"))["reaction"]["user_id"] == "bob"
    assert len((await channel.get_reactions("m"))["reactions"]) == 1


async def test_gets_many_messages_of_one_channel(world: World) -> None:
    channel = await world.channel("c", "alice")
    other = await world.channel("d", "alice")
    await channel.send_message({"id": "m1", "text": "x"}, "alice")
    await other.send_message({"id": "m2", "text": "x"}, "alice")
    found = (await channel.get_messages(["m1", "m2", "m3"]))["messages"]
    assert [message["id"] for message in found] == ["m1"]
