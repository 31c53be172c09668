"""Threads through the real SDK: query, read states, unread counts, notifications."""

from __future__ import annotations

from typing import Any

import pytest
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conftest import World, until


async def with_thread(world: World) -> Any:
    """A channel where bob replied to alice's message `p`, and alice to bob."""
    channel = await world.channel("c", "alice", "bob", "carol")
    await channel.send_message({"id": "p", "text": "parent"}, "alice")
    await channel.send_message({"id": "r1", "text": "first", "parent_id": "p"}, "bob")
    await channel.send_message({"id": "r2", "text": "second", "parent_id": "p"}, "alice")
    return channel


async def test_a_thread_shows_its_latest_replies_people_and_reads(world: World) -> None:
    await with_thread(world)
    threads = (await world.server.query_threads({"parent_message_id": "p"}, user_id="bob", reply_limit=1))["threads"]
    assert len(threads) == 1
    thread = threads[0]
    assert [reply["id"] for reply in thread["latest_replies"]] == ["r2"]
    assert (thread["reply_count"], thread["participant_count"], thread["channel_cid"]) == (2, 2, "messaging:c")
    assert thread["parent_message"]["text"] == "parent"
    unread = {read["user"]["id"]: read["unread_messages"] for read in thread["read"]}
    assert unread == {"alice": 0, "bob": 1}


async def test_only_those_who_take_part_find_a_thread(world: World) -> None:
    await with_thread(world)
    assert (await world.server.query_threads({}, user_id="carol"))["threads"] == []


async def test_threads_are_sorted_and_paged_by_cursor(world: World) -> None:
    channel = await world.channel("c", "alice")
    for number in range(3):
        await channel.send_message({"id": f"p{number}", "text": "x"}, "alice")
        await channel.send_message({"text": "reply", "parent_id": f"p{number}"}, "alice")
    found: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        sort = [{"field": "created_at", "direction": -1}]
        page = await world.server.query_threads({}, sort, user_id="alice", limit=1, **cursor)
        found += [thread["parent_message_id"] for thread in page["threads"]]
        cursor = {"next": page["next"]} if "next" in page else {}
    assert found == ["p2", "p1", "p0"]
    assert cursor == {}


async def test_replies_of_others_count_as_unread_until_the_thread_is_read(world: World) -> None:
    channel = await with_thread(world)
    await channel.send_message({"id": "r3", "text": "third", "parent_id": "p"}, "bob")
    counts = await world.server.unread_counts("alice")
    assert counts["total_unread_threads_count"] == 1
    assert [(one["parent_message_id"], one["unread_count"]) for one in counts["threads"]] == [("p", 1)]
    event = (await channel.mark_read("alice", thread_id="p"))["event"]
    assert (event["type"], event["thread"]["parent_message_id"]) == ("message.read", "p")
    assert (await world.server.unread_counts("alice"))["total_unread_threads_count"] == 0
    await channel.mark_unread("alice", thread_id="p")
    batch = await world.server.unread_counts_batch(["alice", "carol"])
    assert batch["counts_by_user"]["alice"]["threads"][0]["unread_count"] == 2
    assert batch["counts_by_user"]["carol"]["threads"] == []


async def test_a_reply_notifies_participants_who_do_not_watch(world: World) -> None:
    channel = await with_thread(world)
    alice = world.person("alice")
    async with await alice.online() as socket:
        await channel.send_message({"id": "r3", "text": "third", "parent_id": "p"}, "bob")
        event = await until(socket, "notification.thread_message_new")
    assert (event["thread_id"], event["message"]["id"], event["unread_threads"]) == ("p", "r3", 1)


async def test_a_title_and_custom_data_are_set_and_unset_and_watchers_told(world: World) -> None:
    await with_thread(world)
    alice = world.person("alice")
    async with await alice.online() as socket:
        await alice.watch("c")
        status, body = await alice.call("PATCH", "/threads/p", {"set": {"title": "Tea", "mood": {"a": 1, "b": 2}}})
        assert status == 200, body
        event = await until(socket, "thread.updated")
    assert (event["thread"]["title"], event["thread"]["mood"]) == ("Tea", {"a": 1, "b": 2})
    _, body = await alice.call("PATCH", "/threads/p", {"unset": ["mood.a", "title"]})
    assert (body["thread"]["title"], body["thread"]["mood"]) == ("", {"b": 2})
    status, body = await alice.call("PATCH", "/threads/p", {"set": {"reply_count": 9}})
    assert (status, body["code"]) == (400, 4)


async def test_a_thread_goes_with_its_message(world: World) -> None:
    await with_thread(world)
    await world.server.delete_message("p", hard=True)
    with pytest.raises(StreamAPIException) as raised:
        await world.server.get("threads/p")
    assert (raised.value.status_code, raised.value.error_code) == (404, 16)
    assert (await world.server.unread_counts("bob"))["threads"] == []


async def test_a_person_who_may_not_read_the_channel_may_not_read_its_thread(world: World) -> None:
    await with_thread(world)
    await world.server.upsert_user({"id": "eve"})
    status, body = await world.person("eve").call("GET", "/threads/p")
    assert (status, body["code"]) == (403, 17)
