"""Moderation through the v1 SDK: bans, mutes, flags, reports, blocklists at work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conformance.world import World, fresh


def test_mutes_of_one_and_of_many(world: World) -> None:
    user, one, two = world.users(3)
    answer = world.client.mute_user(one, user)
    assert answer["mute"]["target"]["id"] == one
    assert answer["mute"]["user"]["id"] == user
    assert "expires" not in answer["mute"]
    assert {"created_at", "updated_at"} <= set(answer["mute"])
    answer = world.client.mute_users([one, two], user, timeout=10)
    assert {mute["target"]["id"] for mute in answer["mutes"]} == {one, two}
    for mute in answer["mutes"]:
        left = datetime.fromisoformat(mute["expires"]) - datetime.now(UTC)
        assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    muted = world.client.query_users({"id": user})["users"][0]["mutes"]
    assert {mute["target"]["id"] for mute in muted} == {one, two}
    assert world.client.unmute_user(one, user).is_ok()
    assert world.client.unmute_users([two], user).is_ok()
    assert world.client.query_users({"id": user})["users"][0]["mutes"] == []
    nobody = fresh()
    assert world.client.mute_user(nobody, user)["non_existing_users"] == [nobody]


def test_bans_of_the_app(world: World) -> None:
    admin, user = world.users(2)
    assert world.client.ban_user(user, user_id=admin, reason="spam").is_ok()
    bans = world.client.query_banned_users({"filter_conditions": {"user_id": user}})["bans"]
    assert len(bans) == 1
    assert bans[0]["user"]["id"] == user
    assert bans[0]["banned_by"]["id"] == admin
    assert bans[0]["reason"] == "spam"
    assert world.client.query_users({"id": user})["users"][0]["banned"] is True
    assert world.client.unban_user(user, removed_by_id=admin).is_ok()
    assert world.client.query_banned_users({"filter_conditions": {"user_id": user}})["bans"] == []
    assert world.client.query_users({"id": user})["users"][0]["banned"] is False


def test_bans_of_a_channel(world: World) -> None:
    admin, user = world.users(2)
    channel = world.channel(admin, user)
    channel.ban_user(user, user_id=admin)
    channel.ban_user(user, timeout=3600, reason="offensive language is not allowed here", user_id=admin)
    bans = world.client.query_banned_users(
        {
            "filter_conditions": {"channel_cid": channel.cid},
            "limit": 5,
            "sort": [{"field": "created_at", "direction": -1}],
        }
    )["bans"]
    assert [ban["channel"]["cid"] for ban in bans] == [channel.cid]
    assert "expires" in bans[0]
    assert channel.query_members({"banned": True})[0]["user_id"] == user
    status, body = world.as_user(user).call(
        "POST", f"/channels/messaging/{channel.id}/message", {"message": {"text": "x"}}
    )
    assert (status, body["code"]) == (403, 17)
    channel.unban_user(user)
    assert channel.send_message({"text": "x"}, user).is_ok()


def test_shadow_bans(world: World) -> None:
    admin, user = world.users(2)
    channel = world.channel(admin, user)

    def shadowed() -> bool:
        sent = channel.send_message({"text": "x"}, user)["message"]["id"]
        return bool(world.client.get_message(sent)["message"]["shadowed"])

    assert not shadowed()
    world.client.shadow_ban(user, user_id=admin)
    assert shadowed()
    assert world.client.query_users({"id": user})["users"][0]["shadow_banned"] is True
    world.client.remove_shadow_ban(user, user_id=admin)
    assert not shadowed()


def test_bans_from_channels_to_come(world: World) -> None:
    admin, user = world.users(2)
    channel = world.channel(admin, user)
    channel.ban_user(user, banned_by_id=admin, ban_from_future_channels=True, reason="troll")
    bans = world.client.query_future_channel_bans(user_id=admin, exclude_expired_bans=True, limit=10, offset=0)["bans"]
    assert [ban["user"]["id"] for ban in bans] == [user]
    channel.unban_user(user, remove_future_channels_ban=True, created_by=admin)
    assert world.client.query_future_channel_bans(user_id=admin)["bans"] == []


def test_flags_of_messages_and_users(world: World) -> None:
    admin, user = world.users(2)
    channel = world.channel(admin, user)
    message_id = channel.send_message({"text": "bad"}, user)["message"]["id"]
    answer = world.client.flag_message(message_id, user_id=admin, reason="spam")
    assert answer["flag"]["target_message_id"] == message_id
    assert answer["flag"]["user"]["id"] == admin
    for condition in ({"channel_cid": channel.cid}, {"user_id": user}, {"channel_cid": {"$in": [channel.cid]}}):
        flags = world.client.query_message_flags(condition, limit=5)["flags"]
        assert len(flags) == 1, condition
        assert flags[0]["message"]["id"] == message_id
    assert world.client.query_message_flags({"user_id": fresh()})["flags"] == []
    assert world.client.unflag_message(message_id, user_id=admin)["flag"]["target_message_id"] == message_id
    answer = world.client.flag_user(user, user_id=admin)
    assert answer["flag"]["target_user"]["id"] == user
    assert world.client.unflag_user(user, user_id=admin)["flag"]["target_user"]["id"] == user
    with pytest.raises(StreamAPIException):
        world.client.flag_message(fresh(), user_id=admin)
    with pytest.raises(StreamAPIException):
        world.client.flag_user(fresh(), user_id=admin)


def test_reports_are_reviewed(world: World) -> None:
    admin, user = world.users(2)
    channel = world.channel(admin, user)
    message_id = channel.send_message({"text": "bad"}, user)["message"]["id"]
    world.client.flag_message(message_id, user_id=admin)
    reports = world.client._query_flag_reports(message_id=message_id)["flag_reports"]
    assert len(reports) == 1
    assert reports[0]["message"]["id"] == message_id
    answer = world.client._review_flag_report(reports[0]["id"], "reviewed", admin, custom="reason")
    report = answer["flag_report"]
    assert report["review_result"] == "reviewed"
    assert report["review_details"] == {"custom": "reason"}
    assert report["reviewed_by"]["id"] == admin
    assert "reviewed_at" in report
    assert report["message"]["id"] == message_id


@pytest.mark.parametrize("behavior", ["block", "flag"])
def test_blocklists_at_work(world: World, behavior: str) -> None:
    name, kind = fresh("list"), fresh("type")
    world.client.create_blocklist(name, ["fudge"])
    world.client.create_channel_type({"name": kind, "blocklist": name, "blocklist_behavior": behavior})
    user = world.user()
    channel = world.channel(user, kind=kind)
    message = channel.send_message({"text": "oh fudge"}, user, force_moderation=True)["message"]
    assert channel.send_message({"text": "fudge of a server"}, user)["message"]["type"] == "regular"
    assert message["type"] == ("error" if behavior == "block" else "regular")
    if behavior == "flag":
        assert len(world.client.query_message_flags({"channel_cid": channel.cid})["flags"]) == 1
    world.clean()
    world.client.delete_channel_type(kind)
    world.client.delete_blocklist(name)


def test_people_may_not_moderate(world: World) -> None:
    one, two = world.users(2)
    channel = world.channel(one, two)
    person: Any = world.as_user(two)
    status, body = person.call(
        "POST", "/moderation/ban", {"target_user_id": one, "type": "messaging", "id": channel.id}
    )
    assert (status, body["code"]) == (403, 17)
    status, body = person.call("POST", f"/channels/messaging/{channel.id}", {"add_moderators": [two]})
    assert (status, body["code"]) == (403, 17)
    status, body = world.as_user(world.user()).call("POST", f"/channels/messaging/{channel.id}/query", {"state": True})
    assert (status, body["code"]) == (403, 17)


def test_the_javascript_client_has_times_as_texts_where_it_calls_the_second_dialect(world: World) -> None:
    user = world.user(color="red")
    answer = requests.get(
        world.url + "/api/v2/moderation/user_report",
        params={"api_key": world.client.api_key, "user_id": user, "include_user_mutes": "true"},
        headers={
            "Authorization": world.client.auth_token,
            "stream-auth-type": "jwt",
            "X-Stream-Client": "stream-chat-js-v9.53.0-node",
        },
        timeout=5,
    ).json()
    assert answer["user"]["created_at"].endswith("Z")
    assert answer["user"]["color"] == "red"
    assert "invisible" not in answer["user"]
    assert answer["user_mutes"] == []
