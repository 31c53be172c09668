"""Drafts and reminders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stream_chat
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conftest import World, until
from tests.support.sandbox import start_sandbox


async def test_a_draft_is_kept_replaced_shown_to_its_user_only_and_deleted(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    await channel.create_draft({"text": "one"}, "alice")
    made = (await channel.create_draft({"text": "two", "mood": 1, "mentioned_users": ["bob"]}, "alice"))["draft"]
    assert (made["message"]["text"], made["message"]["mood"], made["message"]["mentioned_users"]) == ("two", 1, ["bob"])
    assert made["channel"]["cid"] == "messaging:c"
    alice, bob = world.person("alice"), world.person("bob")
    assert (await alice.call("POST", "/channels", {"filter_conditions": {}}))[1]["channels"][0]["draft"] == made
    assert "draft" not in (await bob.call("POST", "/channels", {"filter_conditions": {}}))[1]["channels"][0]
    await channel.delete_draft("alice")
    with pytest.raises(StreamAPIException) as raised:
        await channel.get_draft("alice")
    assert (raised.value.status_code, raised.value.error_code) == (404, 16)


async def test_a_thread_has_its_own_draft_and_sending_ends_it(world: World) -> None:
    channel = await world.channel("c", "alice")
    await channel.send_message({"id": "p", "text": "parent"}, "alice")
    await channel.create_draft({"text": "for the channel"}, "alice")
    await channel.create_draft({"text": "for the thread", "parent_id": "p"}, "alice")
    draft = (await channel.get_draft("alice", parent_id="p"))["draft"]
    assert (draft["message"]["text"], draft["parent_message"]["id"]) == ("for the thread", "p")
    alice = world.person("alice")
    async with await alice.online() as socket:
        await channel.send_message({"text": "sent", "parent_id": "p"}, "alice")
        event = await until(socket, "draft.deleted")
    assert event["parent_id"] == "p"
    left = (await world.server.query_drafts("alice"))["drafts"]
    assert [one["message"]["text"] for one in left] == ["for the channel"]


async def test_drafts_are_filtered_sorted_and_paged(world: World) -> None:
    for name in ("c1", "c2", "c3"):
        await (await world.channel(name, "alice")).create_draft({"text": name}, "alice")
    query = world.server.query_drafts
    one = await query("alice", {"channel_cid": "messaging:c2"})
    assert [draft["channel_cid"] for draft in one["drafts"]] == ["messaging:c2"]
    first = await query("alice", None, [{"field": "created_at", "direction": 1}], {"limit": 2})
    second = await query("alice", None, [{"field": "created_at", "direction": 1}], {"limit": 2, "next": first["next"]})
    texts = [draft["message"]["text"] for draft in [*first["drafts"], *second["drafts"]]]
    assert texts == ["c1", "c2", "c3"]
    newest_first = [draft["message"]["text"] for draft in (await query("alice"))["drafts"]]
    assert newest_first == ["c3", "c2", "c1"]


async def test_a_reminder_is_made_once_moved_shown_with_its_message_and_deleted(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    await channel.send_message({"id": "m", "text": "later"}, "bob")
    made = (await world.server.create_reminder("m", "alice"))["reminder"]
    assert (made["message_id"], made["user_id"], made["message"]["text"]) == ("m", "alice", "later")
    assert "remind_at" not in made
    with pytest.raises(StreamAPIException, match="already has a reminder"):
        await world.server.create_reminder("m", "alice")
    at = datetime.now(UTC) + timedelta(days=1)
    moved = (await world.server.update_reminder("m", "alice", at))["reminder"]
    assert datetime.fromisoformat(moved["remind_at"]) == at
    assert (await world.person("alice").call("GET", "/messages/m"))[1]["message"]["reminder"]["message_id"] == "m"
    assert "reminder" not in (await world.person("bob").call("GET", "/messages/m"))[1]["message"]
    await world.server.delete_reminder("m", "alice")
    with pytest.raises(StreamAPIException) as raised:
        await world.server.update_reminder("m", "alice", at)
    assert (raised.value.status_code, raised.value.error_code) == (404, 16)


async def test_reminders_are_filtered_by_time_and_sorted_by_it(world: World) -> None:
    channel = await world.channel("c", "alice")
    now = datetime.now(UTC)
    for name, hours in (("m1", 3), ("m2", 1), ("m3", None)):
        await channel.send_message({"id": name, "text": name}, "alice")
        await world.server.create_reminder(name, "alice", now + timedelta(hours=hours) if hours else None)

    async def found(conditions: dict[str, object]) -> list[str]:
        answer = await world.server.query_reminders("alice", conditions)
        return [reminder["message_id"] for reminder in answer["reminders"]]

    assert await found({}) == ["m2", "m1", "m3"]
    assert await found({"remind_at": {"$exists": False}}) == ["m3"]
    assert await found({"remind_at": {"$gt": (now + timedelta(hours=2)).isoformat()}}) == ["m1"]
    page = await world.server.query_reminders("alice", {}, limit=2)
    rest = await world.server.query_reminders("alice", {}, limit=2, next=page["next"])
    assert [reminder["message_id"] for reminder in rest["reminders"]] == ["m3"]


async def test_a_channel_without_reminders_refuses_one(world: World) -> None:
    channel = await world.channel("c", "alice")
    await channel.send_message({"id": "m", "text": "x"}, "alice")
    await channel.update_partial(to_set={"config_overrides": {"user_message_reminders": False}})
    with pytest.raises(StreamAPIException) as raised:
        await world.server.create_reminder("m", "alice")
    assert (raised.value.status_code, raised.value.error_code) == (400, 19)


async def test_drafts_reminders_threads_and_polls_outlive_the_process(tmp_path: Path) -> None:
    data = str(tmp_path / "s.db")
    remind_at = datetime.now(UTC) + timedelta(days=1)
    async with (
        start_sandbox(data) as running,
        stream_chat.StreamChatAsync(running.api_key, running.api_secret, base_url=running.url) as server,
    ):
        await server.upsert_users([{"id": "alice"}, {"id": "bob"}])
        channel = server.channel("messaging", "c", {"members": ["alice", "bob"]})
        await channel.create("alice")
        poll = (await server.post("polls", data={"name": "P", "user_id": "alice", "options": [{"text": "a"}]}))["poll"]
        await channel.send_message({"id": "m", "text": "x", "poll_id": poll["id"]}, "alice")
        await channel.send_message({"text": "reply", "parent_id": "m"}, "bob")
        cast = {"user_id": "bob", "vote": {"option_id": poll["options"][0]["id"]}}
        await server.post(f"messages/m/polls/{poll['id']}/vote", data=cast)
        await channel.create_draft({"text": "draft"}, "alice")
        await server.create_reminder("m", "alice", remind_at)
    async with (
        start_sandbox(data) as running,
        stream_chat.StreamChatAsync(running.api_key, running.api_secret, base_url=running.url) as server,
    ):
        channel = server.channel("messaging", "c")
        assert (await server.get_message("m"))["message"]["poll"]["vote_count"] == 1
        assert (await channel.get_draft("alice"))["draft"]["message"]["text"] == "draft"
        reminder = (await server.query_reminders("alice"))["reminders"][0]
        assert datetime.fromisoformat(reminder["remind_at"]) == remind_at
        assert (await server.unread_counts("alice"))["total_unread_threads_count"] == 1


async def test_a_reminder_speaks_up_at_its_time(world: World) -> None:
    channel = await world.channel("c", "alice")
    await channel.send_message({"id": "m", "text": "tea"}, "alice")
    alice = world.person("alice")
    async with await alice.online() as socket:
        await world.server.create_reminder("m", "alice", datetime.now(UTC) + timedelta(milliseconds=50))
        event = await until(socket, "notification.reminder_due")
    assert (event["message_id"], event["reminder"]["message"]["text"]) == ("m", "tea")
