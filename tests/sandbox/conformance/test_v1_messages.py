"""Messages through the v1 SDK: send, change, delete, reactions, threads, search, drafts, reminders, locations."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conformance.world import World, fresh


@pytest.fixture
def user(world: World) -> str:
    return world.user()


@pytest.fixture
def channel(world: World, user: str) -> Any:
    return world.channel(user)


def test_a_sent_message_comes_back_with_all_its_fields(world: World, channel: Any, user: str) -> None:
    other = world.user()
    message_id = fresh()
    answer = channel.send_message(
        {
            "id": message_id,
            "text": "Hello *world*",
            "mentioned_users": [other],
            "attachments": [{"type": "image", "image_url": "https://x.test/a.png", "mine": 1}],
            "custom_field": {"a": [1]},
        },
        user,
        skip_push=True,
        skip_enrich_url=True,
    )
    message = answer["message"]
    assert answer.status_code() == 201
    assert (message["id"], message["text"], message["type"]) == (message_id, "Hello *world*", "regular")
    assert message["cid"] == channel.cid
    assert message["user"]["id"] == user
    assert message["custom_field"] == {"a": [1]}
    assert [item["id"] for item in message["mentioned_users"]] == [other]
    assert message["attachments"] == [{"type": "image", "image_url": "https://x.test/a.png", "mine": 1}]
    assert (message["latest_reactions"], message["own_reactions"], message["reply_count"]) == ([], [], 0)
    assert message["reaction_counts"] == {}
    assert (message["pinned"], message["silent"], message["shadowed"]) == (False, False, False)
    assert {"created_at", "updated_at", "html"} <= set(message)
    with pytest.raises(StreamAPIException) as raised:
        channel.send_message({"id": message_id, "text": "again"}, user)
    assert (raised.value.status_code, raised.value.error_code) == (400, 4)
    assert "already exists" in str(raised.value)


def test_kinds_of_messages(channel: Any, user: str) -> None:
    assert channel.send_message({"text": "s", "type": "system"}, user)["message"]["type"] == "system"
    assert channel.send_message({"text": "s", "silent": True}, user)["message"]["silent"] is True
    restricted = channel.send_message({"text": "s", "restricted_visibility": ["amy", "paul"]}, user)["message"]
    assert restricted["restricted_visibility"] == ["amy", "paul"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"text": "x" * 5001}, 20),
        ({"text": "x", "parent_id": "no-such"}, 4),
        ({"text": "x", "quoted_message_id": "no-such"}, 4),
        ({"text": 5}, 4),
        ({"text": "x", "type": "odd"}, 4),
    ],
    ids=["long", "parent", "quoted", "number", "type"],
)
def test_impossible_messages_are_refused(channel: Any, user: str, message: dict[str, Any], code: int) -> None:
    with pytest.raises(StreamAPIException) as raised:
        channel.send_message(message, user)
    assert (raised.value.status_code, raised.value.error_code) == (400, code)


def test_messages_are_fetched_alone_and_together(world: World, channel: Any, user: str) -> None:
    ids = [channel.send_message({"text": f"{n}"}, user)["message"]["id"] for n in range(3)]
    one = world.client.get_message(ids[0])["message"]
    assert one["channel"]["cid"] == channel.cid
    many = channel.get_messages([*ids, fresh()])["messages"]
    assert [message["id"] for message in many] == ids
    world.client.delete_message(ids[0])
    gone = world.client.get_message(ids[0], show_deleted_message=True)["message"]
    assert (gone["type"], gone["text"]) == ("deleted", "0")
    with pytest.raises(StreamAPIException) as raised:
        world.client.get_message(fresh())
    assert (raised.value.status_code, raised.value.error_code) == (404, 16)


def test_messages_are_replaced_and_changed_in_part(world: World, channel: Any, user: str) -> None:
    message = channel.send_message({"text": "one", "extra": 1, "nest": {"a": 1}}, user)["message"]
    answer = world.client.update_message({"id": message["id"], "text": "two", "user_id": user})
    assert answer["message"]["text"] == "two"
    assert "extra" not in answer["message"]
    assert "message_text_updated_at" in answer["message"]
    answer = world.client.update_message_partial(
        message["id"], {"set": {"text": "three", "awesome": {"x": 1}}, "unset": ["color"]}, user, skip_enrich_url=True
    )
    assert (answer["message"]["text"], answer["message"]["awesome"]) == ("three", {"x": 1})
    with pytest.raises(ValueError, match="must have an id"):
        world.client.update_message({"text": "x"})
    with pytest.raises(StreamAPIException) as raised:
        world.client.update_message({"id": fresh(), "text": "x", "user_id": user})
    assert raised.value.status_code == 404


def test_visibility_is_restricted_later(world: World, channel: Any, user: str) -> None:
    amy, paul = world.users(2)
    message = channel.send_message({"text": "x", "restricted_visibility": [amy]}, user)["message"]
    answer = world.client.update_message(
        {"id": message["id"], "text": "x", "user_id": user, "restricted_visibility": [paul]}
    )
    assert answer["message"]["restricted_visibility"] == [paul]
    answer = world.client.update_message_partial(message["id"], {"set": {"restricted_visibility": [amy, paul]}}, user)
    assert answer["message"]["restricted_visibility"] == [amy, paul]


def test_messages_are_pinned_and_unpinned(world: World, channel: Any, user: str) -> None:
    message_id = channel.send_message({"text": "x"}, user)["message"]["id"]
    answer = world.client.pin_message(message_id, user)["message"]
    assert answer["pinned_by"]["id"] == user
    assert answer["pinned_at"] is not None
    assert [item["id"] for item in channel.query()["pinned_messages"]] == [message_id]
    answer = world.client.unpin_message(message_id, user)["message"]
    assert answer.get("pinned_at") is None
    assert answer.get("pinned_by") is None
    assert answer["pinned"] is False
    expiring = world.client.pin_message(message_id, user, (datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert expiring["message"]["pin_expires"] is not None


def test_messages_are_deleted_softly_hard_and_for_one(world: World, channel: Any, user: str) -> None:
    def send() -> str:
        return str(channel.send_message({"text": "x"}, user)["message"]["id"])

    soft, hard, mine = send(), send(), send()
    assert world.client.delete_message(soft, deleted_by=user)["message"]["type"] == "deleted"
    assert "deleted_at" in world.client.get_message(soft)["message"]
    restored = world.client.undelete_message(soft, user)["message"]
    assert restored["type"] == "regular"
    assert restored.get("deleted_at") is None
    assert world.client.delete_message(hard, hard=True)["message"]["id"] == hard
    with pytest.raises(StreamAPIException):
        world.client.get_message(hard)
    answer = world.client.delete_message(mine, delete_for_me=True, deleted_by=user)
    assert answer["message"]["id"] == mine
    assert answer["message"]["deleted_for_me"] is True
    with pytest.raises(ValueError, match="deleted_by"):
        world.client.delete_message(mine, delete_for_me=True)
    with pytest.raises(StreamAPIException) as raised:
        world.client.delete_message(fresh())
    assert raised.value.status_code == 404


def test_reactions(world: World, channel: Any, user: str) -> None:
    message_id = channel.send_message({"text": "x"}, user)["message"]["id"]
    answer = channel.send_reaction(message_id, {"type": "love", "count": 42, "score": 3}, user)
    assert answer["reaction"]["type"] == "love"
    assert answer["reaction"]["count"] == 42
    assert answer["message"]["id"] == message_id
    assert len(answer["message"]["latest_reactions"]) == 1
    assert answer["message"]["reaction_counts"] == {"love": 1}
    assert answer["message"]["reaction_scores"] == {"love": 3}
    assert answer["message"]["reaction_groups"]["love"]["sum_scores"] == 3
    channel.send_reaction(message_id, {"type": "clap"}, user)
    every = channel.get_reactions(message_id)["reactions"]
    assert [item["type"] for item in every] == ["clap", "love"]
    assert every[0]["score"] == 1
    page = channel.get_reactions(message_id, offset=1)["reactions"]
    assert page[0]["count"] == 42
    assert len(channel.get_reactions(message_id, limit=1)["reactions"]) == 1
    answer = channel.send_reaction(message_id, {"type": "wow", "enforce_unique": True}, user)
    answer = channel.delete_reaction(message_id, "love", user)
    assert answer["reaction"]["type"] == "love"
    assert "love" not in answer["message"]["reaction_counts"]
    with pytest.raises(StreamAPIException):
        channel.delete_reaction(message_id, "love", user)
    with pytest.raises(StreamAPIException):
        channel.send_reaction(message_id, {"score": 1}, user)


def test_replies(world: World, channel: Any, user: str) -> None:
    parent = channel.send_message({"text": "p"}, user)["message"]["id"]
    assert channel.get_replies(parent)["messages"] == []
    ids = []
    for n in range(10):
        message = {"text": f"r{n}", "index": n, "parent_id": parent, "show_in_channel": n == 0}
        ids.append(channel.send_message(message, user)["message"]["id"])
    page = channel.get_replies(parent, limit=3)["messages"]
    assert [message["index"] for message in page] == [7, 8, 9]
    assert page[0]["type"] == "reply"
    assert page[0]["parent_id"] == parent
    before = channel.get_replies(parent, limit=3, id_lt=ids[7])["messages"]
    assert [message["index"] for message in before] == [4, 5, 6]
    found = world.client.get_message(parent)["message"]
    assert found["reply_count"] == 10
    assert [item["id"] for item in found["thread_participants"]] == [user]


def test_quotes_carry_the_quoted_message(channel: Any, user: str) -> None:
    quoted = channel.send_message({"text": "q"}, user)["message"]["id"]
    answer = channel.send_message({"text": "a", "quoted_message_id": quoted}, user)["message"]
    assert answer["quoted_message"]["text"] == "q"


def test_threads_are_queried(world: World) -> None:
    one, two = world.users(2)
    channel = world.channel(one, two)
    parents = []
    for _ in range(2):
        parent = channel.send_message({"text": "p"}, one)["message"]["id"]
        channel.send_message({"text": "r", "parent_id": parent}, two)
        parents.append(parent)
    answer = world.client.query_threads(user_id=one)
    assert {item["parent_message_id"] for item in answer["threads"]} == set(parents)
    thread = answer["threads"][0]
    assert thread["channel_cid"] == channel.cid
    assert thread["reply_count"] == 1
    assert {item["user_id"] for item in thread["thread_participants"]} == {one, two}
    assert [item["text"] for item in thread["latest_replies"]] == ["r"]
    page = world.client.query_threads(
        {"channel_cid": {"$eq": channel.cid}}, [{"field": "created_at", "direction": -1}], user_id=one, limit=1
    )
    assert [item["parent_message_id"] for item in page["threads"]] == [parents[1]]
    rest = world.client.query_threads(
        {"channel_cid": {"$eq": channel.cid}}, [{"created_at": -1}], user_id=one, limit=1, next=page["next"]
    )
    assert [item["parent_message_id"] for item in rest["threads"]] == [parents[0]]


def test_actions_of_a_preview(world: World, channel: Any, user: str) -> None:
    message_id = fresh()
    sent = channel.send_message({"id": message_id, "text": "/giphy wave"}, user)["message"]
    assert sent["type"] == "ephemeral"
    assert sent["command"] == "giphy"
    assert sent["attachments"][0]["actions"]
    answer = world.client.run_message_action(
        message_id, {"user": {"id": user}, "form_data": {"image_action": "shuffle"}}
    )
    assert answer["message"]["type"] == "ephemeral"
    answer = world.client.run_message_action(message_id, {"user": {"id": user}, "form_data": {"image_action": "send"}})
    assert answer["message"]["type"] == "regular"


def test_translations(world: World, channel: Any, user: str) -> None:
    message_id = channel.send_message({"text": "hello world"}, user)["message"]["id"]
    translated = world.client.translate_message(message_id, "hu")["message"]
    assert translated["i18n"]["language"] == "en"
    assert translated["i18n"]["en_text"] == "hello world"
    assert "hu_text" in translated["i18n"]
    with pytest.raises(StreamAPIException):
        world.client.translate_message(message_id, "klingon")


def test_pending_messages_wait_for_a_commit(world: World, service: Any) -> None:
    user = world.user()
    channel = world.channel(user)
    sent = channel.send_message({"text": "wait"}, user, pending=True, pending_message_metadata={"extra_data": "test"})
    assert sent["pending_message_metadata"] == {"extra_data": "test"}
    message_id = sent["message"]["id"]
    assert channel.query()["messages"] == []
    if hasattr(world.client, "commit_message"):
        assert world.client.commit_message(message_id)["message"]["id"] == message_id
        assert [item["id"] for item in channel.query()["messages"]] == [message_id]
        with pytest.raises(StreamAPIException):
            world.client.commit_message(message_id)


def test_search_by_text_by_filter_and_in_pages(world: World, nine: list[dict[str, Any]]) -> None:
    user = world.user()
    mark = fresh().replace("-", "")
    channel = world.channel(user, mark=mark)
    word = "supercalifragilistic" + mark[-10:]
    for n in range(3):
        channel.send_message({"text": f"{word} {n}", "index": n}, user)
        time.sleep(0.002)
    where = {"type": "messaging", "mark": mark}
    found = world.client.search(where, word, limit=2, offset=0)["results"]
    assert len(found) == 2
    assert word in found[0]["message"]["text"]
    assert found[0]["message"]["channel"]["cid"] == channel.cid
    assert len(world.client.search(where, word, limit=2, offset=2)["results"]) == 1
    page = world.client.search(where, word, [{"created_at": -1}], limit=2)
    assert [item["message"]["index"] for item in page["results"]] == [2, 1]
    rest = world.client.search(where, word, [{"created_at": -1}], limit=2, next=page["next"])
    assert [item["message"]["index"] for item in rest["results"]] == [0]
    assert not rest.get("next")
    exact = world.client.search(where, {"text": {"$q": word}})["results"]
    assert len(exact) == 3
    auto = world.client.search(where, {"text": {"$autocomplete": word[:25]}})["results"]
    assert len(auto) == 3
    for options in ({"sort": [{"created_at": -1}], "offset": 1}, {"offset": 1, "next": "x"}):
        with pytest.raises(ValueError, match="offset"):
            world.client.search(where, word, **options)
    with pytest.raises(StreamAPIException):
        world.client.search({"type": {"$wrong": 1}}, word)


def test_history_of_a_message(world: World, channel: Any, user: str) -> None:
    message_id = channel.send_message({"text": "0", "color": 0}, user)["message"]["id"]
    for n in range(1, 4):
        world.client.update_message({"id": message_id, "text": f"{n}", "color": n, "user_id": user})
    answer = world.client.query_message_history(
        {"message_id": {"$eq": message_id}}, [{"message_updated_at": -1}], limit=2
    )
    assert [item["text"] for item in answer["message_history"]] == ["2", "1"]
    assert answer["message_history"][0]["message_id"] == message_id
    assert answer["message_history"][0]["message_updated_by_id"] == user
    assert answer["message_history"][0]["color"] == 2
    rest = world.client.query_message_history(
        {"message_id": {"$eq": message_id}}, [{"message_updated_at": -1}], limit=2, next=answer["next"]
    )
    assert [item["text"] for item in rest["message_history"]] == ["0"]


def test_drafts(world: World, user: str) -> None:
    one, two = world.channel(user), world.channel(user)
    answer = one.create_draft({"text": "draft 1", "mine": 1}, user)
    draft = answer["draft"]
    assert draft["message"]["text"] == "draft 1"
    assert draft["channel_cid"] == one.cid
    assert draft["message"]["mine"] == 1
    parent = two.send_message({"text": "p"}, user)["message"]["id"]
    two.create_draft({"text": "draft 2", "parent_id": parent}, user)
    assert two.get_draft(user, parent_id=parent)["draft"]["message"]["text"] == "draft 2"
    assert two.get_draft(user, parent_id=parent)["draft"]["parent_id"] == parent
    with pytest.raises(StreamAPIException) as raised:
        two.get_draft(user)
    assert raised.value.status_code == 404
    both = world.client.query_drafts(user)["drafts"]
    assert [item["message"]["text"] for item in both] == ["draft 2", "draft 1"]
    assert both[0]["channel"]["cid"] == two.cid
    some = world.client.query_drafts(user, filter={"channel_cid": {"$eq": one.cid}})["drafts"]
    assert len(some) == 1
    oldest = world.client.query_drafts(user, sort=[{"field": "created_at", "direction": 1}], options={"limit": 1})
    assert [item["message"]["text"] for item in oldest["drafts"]] == ["draft 1"]
    rest = world.client.query_drafts(
        user, sort=[{"field": "created_at", "direction": 1}], options={"limit": 1, "next": oldest["next"]}
    )
    assert [item["message"]["text"] for item in rest["drafts"]] == ["draft 2"]
    one.delete_draft(user)
    with pytest.raises(StreamAPIException):
        one.get_draft(user)
    two.delete_draft(user, parent_id=parent)
    assert world.client.query_drafts(user)["drafts"] == []


def test_reminders(world: World, channel: Any, user: str) -> None:
    channel.update_partial({"config_overrides": {"user_message_reminders": True}})
    message_id = channel.send_message({"text": "x"}, user)["message"]["id"]
    answer = world.client.create_reminder(message_id, user)
    assert answer["reminder"]["message_id"] == message_id
    assert answer["reminder"]["user_id"] == user
    assert answer["reminder"].get("remind_at") is None
    later = datetime.now(UTC) + timedelta(days=1)
    answer = world.client.update_reminder(message_id, user, later)
    assert answer["reminder"]["remind_at"].startswith(later.strftime("%Y-%m-%dT%H:%M:%S"))
    other = channel.send_message({"text": "y"}, user)["message"]["id"]
    world.client.create_reminder(other, user, later + timedelta(days=1))
    found = world.client.query_reminders(user)["reminders"]
    assert [item["message_id"] for item in found] == [message_id, other]
    assert found[0]["message"]["id"] == message_id
    one = world.client.query_reminders(user, {"message_id": other}, [{"field": "remind_at", "direction": -1}], limit=1)[
        "reminders"
    ]
    assert [item["message_id"] for item in one] == [other]
    with pytest.raises(StreamAPIException):
        world.client.create_reminder(message_id, user)
    world.client.delete_reminder(message_id, user)
    world.client.delete_reminder(other, user)
    assert world.client.query_reminders(user)["reminders"] == []
    with pytest.raises(StreamAPIException):
        world.client.delete_reminder(message_id, user)


def test_live_locations(world: World, channel: Any, user: str) -> None:
    channel.update_partial({"config_overrides": {"shared_locations": True}})
    until = datetime.now(UTC) + timedelta(hours=1)
    location = {
        "created_by_device_id": "device", "latitude": 37.7749, "longitude": -122.4194, "end_at": until.isoformat(),
    }  # fmt: skip
    sent = channel.send_message({"text": "here", "shared_location": location}, user)["message"]
    assert sent["shared_location"]["latitude"] == 37.7749
    assert sent["shared_location"]["channel_cid"] == channel.cid
    active = world.client.get_user_locations(user)["active_live_locations"]
    assert [item["message_id"] for item in active] == [sent["id"]]
    answer = world.client.update_user_location(
        user, sent["id"], {"created_by_device_id": "device", "latitude": 38.0, "longitude": -122.0}
    )
    assert (answer["latitude"], answer["longitude"]) == (38.0, -122.0)
    assert answer["message_id"] == sent["id"]


def test_counting_messages(world: World, user: str) -> None:
    world.client.update_channel_type("messaging", count_messages=True)
    channel = world.channel(user)
    channel.send_message({"text": "x"}, user)
    assert channel.query()["channel"]["message_count"] == 1
    for least, found in ((1, 1), (2, 0)):
        where = {"cid": channel.cid, "message_count": {"$gte": least}}
        assert len(world.client.query_channels(where)["channels"]) == found
    assert world.client.query_channels({"cid": channel.cid})["channels"][0]["channel"]["message_count"] == 1
    world.client.update_channel_type("messaging", count_messages=False)
    assert "message_count" not in channel.query()["channel"]
