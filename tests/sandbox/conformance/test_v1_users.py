"""Users through the v1 SDK: upsert, query, removal, tokens, blocks, devices, unread counts."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import requests
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conformance.world import World, fresh
from tests.support.waiting import PATIENCE


def test_upserted_users_come_back_with_their_fields(world: World) -> None:
    one, two = fresh("user"), fresh("user")
    answer = world.client.upsert_users(
        [
            {"id": one, "role": "admin", "book": "dune", "deep": {"a": [1, 2]}},
            {"id": two, "name": "Two", "teams": ["t"]},
        ]
    )
    assert set(answer["users"]) == {one, two}
    user = answer["users"][one]
    assert (user["role"], user["book"], user["deep"]) == ("admin", "dune", {"a": [1, 2]})
    assert user["online"] is False
    assert user["created_at"].endswith("Z")
    assert "password" not in user
    assert answer["users"][two]["teams"] == ["t"]
    assert answer["users"][two]["role"] == "user"
    world.client.delete_users([one, two], "hard")


def test_upsert_replaces_and_partial_update_merges(world: World) -> None:
    user = world.user(field="value", nested={"a": 1, "b": 2})
    answer = world.client.update_user_partial(
        {"id": user, "set": {"field": "updated", "nested.a": 5, "color": "blue"}, "unset": ["nested.b"]}
    )
    changed = answer["users"][user]
    assert (changed["field"], changed["color"], changed["nested"]) == ("updated", "blue", {"a": 5})
    replaced = world.client.upsert_user({"id": user, "other": 1})["users"][user]
    assert "field" not in replaced
    assert replaced["other"] == 1


def test_roles_of_teams(world: World) -> None:
    user = world.user(teams=["red", "blue"], teams_role={"red": "admin", "blue": "user"})
    found = world.client.query_users({"id": user})["users"][0]
    assert found["teams_role"] == {"red": "admin", "blue": "user"}
    assert sorted(found["teams"]) == ["blue", "red"]
    answer = world.client.update_user_partial({"id": user, "set": {"teams_role": {"red": "user"}}})
    assert answer["users"][user]["teams_role"] == {"red": "user"}


def test_deprecated_names_of_upsert_still_work(world: World) -> None:
    user = fresh("user")
    with pytest.warns(DeprecationWarning, match="upsert_user"):
        assert user in world.client.update_user({"id": user})["users"]
    with pytest.warns(DeprecationWarning, match="upsert_user"):
        assert user in world.client.update_users([{"id": user}])["users"]


@pytest.mark.parametrize(
    "user",
    [{"id": "no spaces, please"}, {"id": "x" * 256}, {"id": ""}, {"id": "x", "role": 5}],
    ids=["odd id", "long id", "empty id", "role"],
)
def test_impossible_users_are_refused(world: World, user: dict[str, Any]) -> None:
    with pytest.raises(StreamAPIException) as raised:
        world.client.upsert_user(user)
    assert raised.value.status_code == 400


def test_query_users_filters_sorts_and_pages(client: Any, nine: list[dict[str, Any]]) -> None:
    mine = {"group": nine[0]["group"]}
    hobbits = client.query_users({**mine, "race": {"$eq": "Hobbit"}}, {"age": -1})["users"]
    assert [user["age"] for user in hobbits] == [50, 38, 36, 28]
    page = client.query_users({**mine, "race": "Hobbit"}, [{"field": "age", "direction": 1}], limit=2, offset=1)
    assert [user["age"] for user in page["users"]] == [36, 38]
    names = client.query_users({**mine, "name": {"$autocomplete": "g"}}, {"name": 1})["users"]
    assert [user["name"] for user in names] == ["Gandalf", "Gimli"]
    old = client.query_users({**mine, "$or": [{"age": {"$gte": 139}}, {"race": {"$in": ["Istari"]}}]})["users"]
    assert {user["name"] for user in old} == {"Legolas", "Gimli", "Gandalf"}
    ageless = client.query_users({**mine, "age": {"$exists": False}})["users"]
    assert [user["name"] for user in ageless] == ["Gandalf"]
    assert client.query_users({"id": {"$in": [fresh()]}})["users"] == []


def test_query_users_with_a_wrong_filter_is_refused(client: Any) -> None:
    with pytest.raises(StreamAPIException) as raised:
        client.query_users({"id": {"$wrong": 1}})
    assert (raised.value.status_code, raised.value.error_code) == (400, 4)


def test_deactivated_users_are_found_only_when_asked_for(world: World) -> None:
    user = world.user()
    answer = world.client.deactivate_user(user, mark_messages_deleted=True, created_by_id=world.user())
    assert answer["user"]["id"] == user
    assert "deactivated_at" in answer["user"]
    assert world.client.query_users({"id": user})["users"] == []
    found = world.client.query_users({"id": user}, include_deactivated_users=True)["users"]
    assert [item["id"] for item in found] == [user]
    back = world.client.reactivate_user(user, restore_messages=True, name="Back")
    assert back["user"]["id"] == user
    assert "deactivated_at" not in back["user"]
    assert back["user"]["name"] == "Back"


def test_an_active_user_cannot_be_reactivated(world: World) -> None:
    with pytest.raises(StreamAPIException) as raised:
        world.client.reactivate_user(world.user())
    assert raised.value.status_code == 400


def test_users_are_deactivated_in_a_task(world: World) -> None:
    users = world.users(2)
    answer = world.client.deactivate_users(users, mark_messages_deleted=True, mark_channels_deleted=True)
    task = world.finished(answer["task_id"])
    assert task["status"] == "completed"
    assert task["task_id"] == answer["task_id"]
    assert "result" in task
    assert world.client.query_users({"id": {"$in": users}})["users"] == []


def test_deleted_users_come_back_when_restored(world: World) -> None:
    user, other = world.users(2)
    answer = world.client.delete_user(user, mark_messages_deleted=True)
    assert answer["user"]["id"] == user
    assert "deleted_at" in answer["user"]
    task = world.finished(world.client.delete_users([other], "soft", conversations="soft", messages="soft")["task_id"])
    assert task["status"] == "completed"
    assert task["result"][other] == {"status": "ok"}
    assert world.client.query_users({"id": {"$in": [user, other]}})["users"] == []
    assert world.client.restore_users([user, other]).is_ok()
    assert len(world.client.query_users({"id": {"$in": [user, other]}})["users"]) == 2


def test_a_hard_deleted_user_is_gone(world: World) -> None:
    user = world.user()
    world.client.delete_user(user, hard_delete=True, mark_messages_deleted=True)
    with pytest.raises(StreamAPIException):
        world.client.restore_users([user])
    with pytest.raises(StreamAPIException) as raised:
        world.client.delete_user(user)
    assert raised.value.status_code == 404


def test_a_users_data_is_exported(world: World) -> None:
    user = world.user(name="Exported")
    channel = world.channel(user)
    channel.send_message({"text": "mine"}, user)
    answer = world.client.export_user(user)
    assert answer["user"]["name"] == "Exported"
    assert [message["text"] for message in answer["messages"]] == ["mine"]
    assert answer["reactions"] == []


def test_users_are_exported_in_a_task(world: World) -> None:
    task = world.finished(world.client.export_users([world.user()])["task_id"])
    assert task["status"] == "completed"
    assert {"created_at", "updated_at", "result"} <= set(task)
    assert requests.get(task["result"]["url"], timeout=PATIENCE).status_code == 200
    assert "/exports/users/" in task["result"]["url"]


def test_blocks_are_listed_until_they_are_lifted(world: World) -> None:
    user, other = world.users(2)
    answer = world.client.block_user(other, user)
    assert answer["blocked_user_id"] == other
    assert answer["blocked_by_user_id"] == user
    assert "created_at" in answer
    blocks = world.client.get_blocked_users(user)["blocks"]
    assert [(block["blocked_user_id"], block["user_id"]) for block in blocks] == [(other, user)]
    assert world.client.query_users({"id": user})["users"][0]["blocked_user_ids"] == [other]
    world.client.unblock_user(other, user)
    assert world.client.get_blocked_users(user)["blocks"] == []


def test_guests_get_a_token(world: World) -> None:
    answer = world.client.set_guest_user({"id": fresh("guest"), "name": "Guest"})
    assert answer["user"]["role"] == "guest"
    assert answer["user"]["name"] == "Guest"
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["user_id"] == answer["user"]["id"]


def test_tokens_stop_when_revoked(world: World) -> None:
    user = world.user()
    old = world.client.create_token(user, iat=int(time.time()) - 100)
    params = {"api_key": world.client.api_key}
    headers = {"Authorization": old, "stream-auth-type": "jwt"}
    body = {"filter_conditions": {"members": {"$in": [user]}}}

    def status() -> tuple[int, int | None]:
        answer = requests.post(world.url + "/channels", params=params, json=body, headers=headers, timeout=PATIENCE)
        return answer.status_code, answer.json().get("code")

    assert status() == (201, None)
    before = datetime.now(UTC) - timedelta(seconds=1)
    answer = world.client.revoke_user_token(user, before=before)
    assert "revoke_tokens_issued_before" in answer["users"][user]
    assert status()[0] == 401
    world.client.revoke_user_token(user, before=None)
    assert status() == (201, None)
    world.client.revoke_users_token([user], before.isoformat())
    assert status()[0] == 401


def test_tokens_of_the_app_are_revoked_and_freed_again(client: Any) -> None:
    since = datetime.now(UTC) - timedelta(days=400)
    client.revoke_tokens(since)
    assert client.get_app_settings()["app"]["revoke_tokens_issued_before"] is not None
    client.revoke_tokens(None)
    assert client.get_app_settings()["app"].get("revoke_tokens_issued_before") is None


def test_devices_of_a_user(world: World) -> None:
    user = world.user()
    assert world.client.get_devices(user)["devices"] == []
    first, second = fresh("device"), fresh("device")
    world.client.add_device(first, "apn", user)
    world.client.add_device(second, "firebase", user, push_provider_name=None)
    devices = {device["id"]: device for device in world.client.get_devices(user)["devices"]}
    assert {name: device["push_provider"] for name, device in devices.items()} == {first: "apn", second: "firebase"}
    assert devices[first]["user_id"] == user
    world.client.delete_device(first, user)
    assert [device["id"] for device in world.client.get_devices(user)["devices"]] == [second]
    with pytest.raises(StreamAPIException):
        world.client.add_device(fresh("device"), "smoke-signals", user)


def test_unread_counts_of_one_and_of_many(world: World) -> None:
    reader, writer = world.users(2)
    channel = world.channel(reader, writer)
    sent = channel.send_message({"text": "one"}, writer)["message"]
    channel.send_message({"text": "two"}, writer)
    counts = world.client.unread_counts(reader)
    assert counts["total_unread_count"] == 2
    assert counts["total_unread_threads_count"] == 0
    assert counts["threads"] == []
    only = counts["channels"][0]
    assert (only["channel_id"], only["unread_count"]) == (channel.cid, 2)
    assert "last_read" in only
    assert counts["channel_type"] == [{"channel_type": "messaging", "channel_count": 1, "unread_count": 2}]
    channel.send_message({"text": "reply", "parent_id": sent["id"]}, reader)
    channel.send_message({"text": "again", "parent_id": sent["id"]}, writer)
    threads = world.client.unread_counts(reader)["threads"]
    assert [(item["parent_message_id"], item["unread_count"]) for item in threads] == [(sent["id"], 1)]
    many = world.client.unread_counts_batch([reader, writer])["counts_by_user"]
    assert many[reader]["total_unread_count"] == 2
    assert many[reader]["channels"][0]["channel_id"] == channel.cid
    channel.mark_read(reader)
    assert world.client.unread_counts(reader)["total_unread_count"] == 0


def test_events_for_one_user(world: World) -> None:
    user = world.user()
    assert world.client.send_user_custom_event(user, {"type": "friendship-request", "text": "Be mine"}).is_ok()
    with pytest.raises(StreamAPIException):
        world.client.send_user_custom_event(fresh(), {"type": "friendship-request"})


def test_answer_times_are_told_when_the_app_wants_them(world: World) -> None:
    world.client.update_app_settings(user_response_time_enabled=True)
    one, two = world.users(2)
    channel = world.channel(one, two)
    channel.send_message({"text": "question"}, one)
    channel.send_message({"text": "answer"}, two)
    user = world.client.query_users({"id": two})["users"][0]
    world.client.update_app_settings(user_response_time_enabled=False)
    assert user["avg_response_time"] >= 1
    assert "avg_response_time" not in world.client.query_users({"id": two})["users"][0]
