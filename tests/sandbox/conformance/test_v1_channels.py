"""Channels through the v1 SDK: creation, members, roles, invites, what a user set for itself, queries, removal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conformance.world import World, fresh
from tests.support.waiting import PATIENCE


def _members(answer: Any) -> dict[str, Any]:
    return {member["user_id"]: member for member in answer["members"]}


def test_a_created_channel_has_what_was_given_and_its_types_config(world: World) -> None:
    owner, other = world.users(2)
    channel = world.client.channel(
        "messaging", fresh("channel"), {"members": [owner, other], "lang": "en", "name": "N"}
    )
    answer = channel.create(owner)
    body = answer["channel"]
    assert (body["id"], body["type"], body["cid"]) == (channel.id, "messaging", channel.cid)
    assert body["created_by"]["id"] == owner
    assert (body["lang"], body["name"], body["frozen"], body["disabled"]) == ("en", "N", False, False)
    assert body["member_count"] == 2
    assert {"created_at", "updated_at"} <= set(body)
    config = body["config"]
    for option in (
        "typing_events", "read_events", "connect_events", "search", "reactions", "replies", "quotes", "mutes",
        "uploads", "url_enrichment", "custom_events", "push_notifications", "reminders",
    ):  # fmt: skip
        assert isinstance(config[option], bool), option
    assert config["max_message_length"] == 5000
    assert config["message_retention"] == "infinite"
    assert (config["automod"], config["automod_behavior"]) == ("disabled", "flag")
    assert "giphy" in {command["name"] for command in config["commands"]}
    assert answer["messages"] == []
    assert answer["pinned_messages"] == []
    assert set(_members(answer)) == {owner, other}
    member = _members(answer)[other]
    assert (member["role"], member["channel_role"]) == ("member", "channel_member")
    assert (member["banned"], member["shadow_banned"], member["notifications_muted"]) == (False, False, False)
    assert {"created_at", "updated_at", "user"} <= set(member)
    assert _members(answer)[owner]["role"] == "owner"
    channel.delete(hard=True)


def test_creating_twice_gives_the_same_channel(world: World) -> None:
    owner = world.user()
    channel = world.channel(owner, color="red")
    again = world.client.channel("messaging", channel.id, {"color": "blue"}).create(owner)
    assert again["channel"]["color"] == "red"


def test_a_channel_of_members_has_an_id_of_its_own(world: World) -> None:
    one, two = world.users(2)
    channel = world.client.channel("messaging", data={"members": [one, two]})
    with pytest.raises(Exception, match="does not have an id"):
        _ = channel.cid
    answer = channel.create(one)
    assert channel.id.startswith("!members-")
    assert answer["channel"]["id"] == channel.id
    same = world.client.channel("messaging", data={"members": [two, one]})
    same.create(two)
    assert same.id == channel.id
    channel.delete(hard=True)


@pytest.mark.parametrize(
    ("kind", "channel_id"),
    [("no-such-type", "x"), ("messaging", "with space"), ("messaging", "x" * 65), ("messaging", "a:b")],
    ids=["unknown type", "space", "too long", "colon"],
)
def test_impossible_channels_are_refused(world: World, kind: str, channel_id: str) -> None:
    with pytest.raises(StreamAPIException) as raised:
        world.client.channel(kind, channel_id).create(world.user())
    assert raised.value.status_code in (400, 404)


def test_a_channel_needs_a_creator(client: Any) -> None:
    with pytest.raises(StreamAPIException) as raised:
        client.channel("messaging", fresh()).query()
    assert (raised.value.status_code, raised.value.error_code) == (400, 4)


def test_state_is_queried_in_pages(world: World) -> None:
    users = world.users(3)
    channel = world.channel(*users)
    sent = [channel.send_message({"text": f"m{n}"}, users[0])["message"]["id"] for n in range(5)]
    state = channel.query(
        messages={"limit": 2}, members={"limit": 1, "offset": 1}, watchers={"limit": 2, "offset": 0}, watch=False
    )
    assert [message["id"] for message in state["messages"]] == sent[3:]
    assert len(state["members"]) == 1
    assert state["channel"]["member_count"] == 3
    older = channel.query(messages={"limit": 2, "id_lt": sent[3]})
    assert [message["id"] for message in older["messages"]] == sent[1:3]
    around = channel.query(messages={"limit": 3, "id_around": sent[2]})
    assert [message["id"] for message in around["messages"]] == sent[1:4]
    assert {"last_read", "unread_messages", "user"} <= set(state["read"][0])


def test_members_are_added_and_removed(world: World) -> None:
    owner, one, two = world.users(3)
    channel = world.channel(owner)
    answer = channel.add_members([one, {"user_id": two, "channel_role": "channel_moderator"}], {
        "text": "They joined", "user_id": owner,
    })  # fmt: skip
    assert set(_members(answer)) == {owner, one, two}
    assert _members(answer)[two]["channel_role"] == "channel_moderator"
    assert _members(answer)[two]["is_moderator"] is True
    assert (answer["message"]["text"], answer["message"]["type"]) == ("They joined", "system")
    answer = channel.remove_members([one], {"text": "One left", "user_id": owner})
    assert set(_members(answer)) == {owner, two}
    with pytest.raises(StreamAPIException) as raised:
        channel.add_members([fresh()])
    assert raised.value.status_code == 400


@pytest.mark.parametrize("as_text", [True, False], ids=["text", "datetime"])
def test_new_members_may_be_kept_from_history(world: World, as_text: bool) -> None:
    owner, late = world.users(2)
    channel = world.channel(owner)
    channel.send_message({"text": "early"}, owner)
    moment = datetime.now(UTC) + timedelta(milliseconds=50)
    channel.add_members([late], hide_history_before=moment.isoformat() if as_text else moment)
    seen = world.as_user(late).call("POST", f"/channels/messaging/{channel.id}/query", {"state": True})[1]
    assert seen["messages"] == []
    channel.remove_members([late])
    channel.add_members([late], hide_history=True)
    seen = world.as_user(late).call("POST", f"/channels/messaging/{channel.id}/query", {"state": True})[1]
    assert seen["messages"] == []


def test_moderators_and_roles(world: World) -> None:
    owner, one = world.users(2)
    channel = world.channel(owner, one)
    answer = channel.add_moderators([one])
    assert _members(answer)[one]["is_moderator"] is True
    assert _members(answer)[one]["role"] == "moderator"
    answer = channel.demote_moderators([one])
    assert _members(answer)[one]["role"] == "member"
    answer = channel.assign_roles(
        [{"user_id": one, "channel_role": "channel_moderator"}], {"text": "x", "user_id": one}
    )
    assert _members(answer)[one]["channel_role"] == "channel_moderator"
    assert answer["message"]["text"] == "x"


def test_invites_are_accepted_and_rejected(world: World) -> None:
    owner, yes, no = world.users(3)
    channel = world.client.channel("team", fresh("channel"), {"members": [owner], "invites": [yes, no]})
    channel.create(owner)
    answer = channel.accept_invite(yes)
    member = _members(answer)[yes]
    assert member["invited"] is True
    assert "invite_accepted_at" in member
    answer = channel.reject_invite(no)
    assert "invite_rejected_at" in _members(answer)[no]
    third = world.user()
    answer = channel.invite_members([third])
    assert _members(answer)[third]["invited"] is True
    assert "invite_accepted_at" not in _members(answer)[third]
    answer = channel.accept_invite(third, message={"text": "I am in", "user_id": third})
    assert answer["message"]["text"] == "I am in"
    with pytest.raises(StreamAPIException):
        channel.accept_invite(world.user())
    channel.delete(hard=True)


def test_members_are_queried(world: World) -> None:
    channel = world.channel(world.user())
    for name in ("paul", "george", "john", "jessica", "john2"):
        channel.add_members([world.user(name=name)])
    found = channel.query_members(
        filter_conditions={"name": {"$autocomplete": "j"}},
        sort=[{"field": "created_at", "direction": 1}],
        offset=1,
        limit=10,
    )
    assert [member["user"]["name"] for member in found] == ["jessica", "john2"]
    assert len(channel.query_members({})) == 6
    assert [m["user"]["name"] for m in channel.query_members({"name": "paul"}, [{"user_id": 1}])] == ["paul"]
    assert channel.query_members({"banned": True}) == []


def test_data_is_replaced_or_changed_in_part(world: World) -> None:
    owner = world.user()
    channel = world.channel(owner, source="user", source_detail={"user_id": 123, "deep": {"x": 1}}, channel_detail=1)
    answer = channel.update_partial({"color": "blue", "source_detail.user_id": 5}, ["channel_detail"])
    body = answer["channel"]
    assert (body["color"], body["source"], body["source_detail"]) == ("blue", "user", {"user_id": 5, "deep": {"x": 1}})
    assert "channel_detail" not in body
    answer = channel.update({"motd": "one apple a day"}, {"text": "changed", "user_id": owner})
    assert answer["channel"]["motd"] == "one apple a day"
    assert "color" not in answer["channel"]
    assert answer["message"]["text"] == "changed"
    frozen = channel.update_partial({"frozen": True})
    assert frozen["channel"]["frozen"] is True
    channel.update_partial({"frozen": False, "cooldown": 10})
    assert channel.query()["channel"]["cooldown"] == 10


def test_switches_of_one_channel_override_its_types(world: World) -> None:
    channel = world.channel(world.user())
    answer = channel.update_partial({"config_overrides": {"replies": False, "max_message_length": 20}})
    assert answer["channel"]["config"]["replies"] is False
    assert answer["channel"]["config"]["max_message_length"] == 20
    with pytest.raises(StreamAPIException) as raised:
        channel.send_message({"text": "x" * 21}, world.user())
    assert raised.value.error_code == 20
    answer = channel.update_partial({"config_overrides": {}})
    assert answer["channel"]["config"]["replies"] is True


def test_filter_tags(world: World) -> None:
    channel = world.channel(world.user())
    answer = channel.add_filter_tags(["vip", "new"], {"text": "tagged", "user_id": world.user()})
    assert sorted(answer["channel"]["filter_tags"]) == ["new", "vip"]
    assert answer["message"]["text"] == "tagged"
    found = world.client.query_channels({"filter_tags": {"$in": ["vip"]}, "cid": channel.cid})["channels"]
    assert len(found) == 1
    answer = channel.remove_filter_tags(["vip"])
    assert answer["channel"]["filter_tags"] == ["new"]


def test_channels_are_truncated(world: World) -> None:
    owner = world.user()
    channel = world.channel(owner)
    channel.send_message({"text": "gone"}, owner)
    assert channel.truncate()["channel"]["id"] == channel.id
    assert channel.query()["messages"] == []
    answer = channel.truncate(message={"text": "Truncated.", "user_id": owner}, skip_push=True, hard_delete=True)
    assert answer["message"]["text"] == "Truncated."
    assert answer["message"]["type"] == "system"
    assert "truncated_at" in channel.query()["channel"]
    assert [message["text"] for message in channel.query()["messages"]] == ["Truncated."]


def test_channels_are_deleted(world: World) -> None:
    owner = world.user()
    for options in ({}, {"hard": True}, {"skip_truncate": True}):
        channel = world.channel(owner)
        answer = channel.delete(**options)
        assert answer["channel"]["cid"] == channel.cid
        assert answer["channel"].get("deleted_at") is not None
        assert world.client.query_channels({"cid": channel.cid})["channels"] == []
        with pytest.raises(StreamAPIException) as raised:
            channel.delete()
        assert raised.value.status_code == 404


def test_channels_are_deleted_in_a_task(world: World) -> None:
    channels = [world.channel(world.user()) for _ in range(2)]
    cids = [channel.cid for channel in channels]
    answer = world.client.delete_channels(cids, hard_delete=True)
    assert set(answer["result"]) == set(cids)
    task = world.finished(answer["task_id"])
    assert task["status"] == "completed"
    assert task["result"] == {cid: {"status": "ok"} for cid in cids}
    with pytest.raises(StreamAPIException):
        world.client.delete_channels([])


def test_hidden_channels_are_found_only_when_asked_for(world: World) -> None:
    user, other = world.users(2)
    channel = world.channel(user, other)
    mine = {"members": {"$in": [user]}}
    channel.hide(user)
    assert world.client.query_channels(mine, user_id=user)["channels"] == []
    hidden = world.client.query_channels({**mine, "hidden": True}, user_id=user)["channels"]
    assert [item["channel"]["cid"] for item in hidden] == [channel.cid]
    assert hidden[0]["channel"]["hidden"] is True
    channel.show(user)
    assert len(world.client.query_channels(mine, user_id=user)["channels"]) == 1


def test_muted_channels_are_found_when_asked_for(world: World) -> None:
    user = world.user()
    channel = world.channel(user)
    answer = channel.mute(user, expiration=30000)
    mute = answer["channel_mute"]
    assert mute["channel"]["cid"] == channel.cid
    assert mute["user"]["id"] == user
    assert {"created_at", "updated_at", "expires"} <= set(mute)
    for muted, count in ((True, 1), (False, 0)):
        found = world.client.query_channels({"muted": muted, "cid": channel.cid}, user_id=user)["channels"]
        assert len(found) == count
    channel.unmute(user)
    assert world.client.query_channels({"muted": True, "cid": channel.cid}, user_id=user)["channels"] == []
    assert "expires" not in channel.mute(user)["channel_mute"]


@pytest.mark.parametrize(("on", "off", "field"), [("pin", "unpin", "pinned"), ("archive", "unarchive", "archived")])
def test_pins_and_archives_belong_to_one_user(world: World, on: str, off: str, field: str) -> None:
    user, other = world.users(2)
    channel = world.channel(user, other)
    answer = getattr(channel, on)(user)
    assert answer["channel_member"][f"{field}_at"]
    found = world.client.query_channels({"cid": channel.cid, field: True}, user_id=user)["channels"]
    assert found[0]["channel"]["cid"] == channel.cid
    assert found[0]["membership"][f"{field}_at"]
    assert world.client.query_channels({"cid": channel.cid, field: True}, user_id=other)["channels"] == []
    getattr(channel, off)(user)
    found = world.client.query_channels({"cid": channel.cid, field: False}, user_id=user)["channels"]
    assert len(found) == 1
    assert found[0]["membership"].get(f"{field}_at") is None
    with pytest.raises(Exception, match="user_id must not be empty"):
        getattr(channel, on)("")


def test_pinned_channels_come_first_when_sorted_so(world: World) -> None:
    user = world.user()
    first, second = world.channel(user), world.channel(user)
    first.pin(user)
    found = world.client.query_channels({"members": {"$in": [user]}}, [{"pinned_at": -1}], user_id=user)["channels"]
    assert [item["channel"]["cid"] for item in found] == [first.cid, second.cid]


def test_a_members_data_is_changed_in_part(world: World) -> None:
    user = world.user()
    channel = world.channel(user)
    answer = channel.update_member_partial(user, to_set={"hat": "blue", "color": "red"})
    assert answer["channel_member"]["hat"] == "blue"
    assert answer["channel_member"]["user_id"] == user
    answer = channel.update_member_partial(user, to_set={"hat": "green"}, to_unset=["color"])
    assert answer["channel_member"]["hat"] == "green"
    assert "color" not in answer["channel_member"]
    with pytest.raises(StreamAPIException):
        channel.update_member_partial(world.user(), to_set={"hat": "blue"})


def test_channels_are_queried_by_members_and_custom_data(world: World, nine: list[dict[str, Any]]) -> None:
    ids = [person["id"] for person in nine]
    group = nine[0]["group"]
    mark = fresh()
    all_of_them, some = world.channel(*ids, mark=mark), world.channel(*ids[:3], mark=mark)
    found = world.client.query_channels({"members": {"$in": [ids[7]]}, "mark": mark}, {"id": 1})["channels"]
    assert [item["channel"]["id"] for item in found] == [all_of_them.id]
    assert len(found[0]["members"]) == 9
    assert found[0]["members"][0]["user"]["group"] == group
    exact = world.client.query_channels({"members": {"$eq": ids[:3]}, "mark": mark})["channels"]
    assert [item["channel"]["id"] for item in exact] == [some.id]
    ordered = world.client.query_channels({"mark": mark}, [{"created_at": 1}], limit=1, offset=1)["channels"]
    assert [item["channel"]["id"] for item in ordered] == [some.id]
    assert world.client.query_channels({"mark": mark}, state=False)["channels"][0].get("messages", []) == []
    by_name = world.client.query_channels({"member.user.name": {"$autocomplete": "Gan"}, "mark": mark})["channels"]
    assert [item["channel"]["id"] for item in by_name] == [all_of_them.id]
    limited = world.client.query_channels({"mark": mark}, {"created_at": 1}, member_limit=2, message_limit=1)
    assert [len(item["members"]) for item in limited["channels"]] == [2, 2]
    with pytest.raises(StreamAPIException):
        world.client.query_channels({"mark": mark}, limit=31)
    with pytest.raises(StreamAPIException):
        world.client.query_channels({"members": {"$wrong": [1]}})


def test_all_is_marked_read(world: World) -> None:
    reader, writer = world.users(2)
    channels = [world.channel(reader, writer) for _ in range(2)]
    for channel in channels:
        channel.send_message({"text": "x"}, writer)
    assert world.client.unread_counts(reader)["total_unread_count"] == 2
    assert world.client.mark_all_read(reader).is_ok()
    assert world.client.unread_counts(reader)["total_unread_count"] == 0


def test_a_channel_is_marked_read_and_unread(world: World) -> None:
    reader, writer = world.users(2)
    channel = world.channel(reader, writer)
    sent = [channel.send_message({"text": f"{n}"}, writer)["message"]["id"] for n in range(3)]
    answer = channel.mark_read(reader)
    assert answer["event"]["type"] == "message.read"
    assert answer["event"]["cid"] == channel.cid
    assert answer["event"]["last_read_message_id"] == sent[-1]
    channel.mark_unread(reader, message_id=sent[1])
    read = {item["user"]["id"]: item for item in channel.query()["read"]}
    assert read[reader]["unread_messages"] == 2
    assert read[reader]["last_read_message_id"] == sent[0]
    with pytest.raises(StreamAPIException):
        channel.mark_unread(reader, message_id=fresh())


def test_events_of_a_channel(world: World) -> None:
    user = world.user()
    channel = world.channel(user)
    answer = channel.send_event({"type": "typing.start"}, user)
    assert answer["event"]["type"] == "typing.start"
    assert answer["event"]["user"]["id"] == user
    answer = channel.send_event({"type": "my.own", "field": 5}, user)
    assert (answer["event"]["type"], answer["event"]["field"]) == ("my.own", 5)


def test_files_and_images_are_served_until_deleted(world: World, tmp_path: Path) -> None:
    user = world.user()
    channel = world.channel(user)
    text = tmp_path / "helloworld.txt"
    text.write_text("hello world")
    sent = channel.send_file(str(text), "helloworld.txt", {"id": user})
    assert "helloworld.txt" in sent["file"]
    assert requests.get(sent["file"], timeout=PATIENCE).text == "hello world"
    channel.delete_file(sent["file"])
    assert requests.get(sent["file"], timeout=PATIENCE).status_code == 404
    picture = tmp_path / "p.png"
    picture.write_bytes(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000"
            "0500015ef40e4d0000000049454e44ae426082"
        )
    )
    sent = channel.send_image(str(picture), "p.png", {"id": user}, content_type="image/png")
    assert "p.png" in sent["file"]
    assert requests.get(sent["file"], timeout=PATIENCE).headers["content-type"] == "image/png"
    channel.delete_image(sent["file"])


def test_deliveries_are_told(world: World) -> None:
    reader, writer = world.users(2)
    world.client.update_channel_type("messaging", delivery_events=True)
    channel = world.channel(reader, writer)
    sent = channel.send_message({"text": "x"}, writer)["message"]["id"]
    assert world.client.mark_delivered_simple(reader, sent, channel.cid).is_ok()
    read = {item["user"]["id"]: item for item in channel.query()["read"]}
    assert read[reader]["last_delivered_message_id"] == sent
    assert "last_delivered_at" in read[reader]
    answer = world.client.mark_delivered(
        {"latest_delivered_messages": [{"cid": channel.cid, "id": sent}], "user": {"id": reader}}
    )
    assert answer.is_ok()
    for wrong in ({}, {"latest_delivered_messages": [], "user_id": reader}):
        with pytest.raises(ValueError, match="latest_delivered_messages"):
            world.client.mark_delivered(wrong)


def test_channels_are_changed_in_batches(world: World) -> None:
    owner, new = world.users(2)
    channels = [world.channel(owner) for _ in range(2)]
    cids = {"cids": {"$in": [channel.cid for channel in channels]}}
    updater = world.client.channel_batch_updater()
    added = updater.add_members(cids, [{"user_id": new}])
    assert world.finished(added["task_id"])["status"] == "completed"
    assert all(new in _members(channel.query()) for channel in channels)
    updater.add_moderators(cids, [{"user_id": new}])
    assert all(_members(channel.query())[new]["is_moderator"] for channel in channels)
    updater.demote_moderators(cids, [{"user_id": new}])
    updater.assign_roles(cids, [{"user_id": new, "channel_role": "channel_moderator"}])
    updater.hide(cids, [{"user_id": new}])
    assert world.client.query_channels({"members": {"$in": [new]}}, user_id=new)["channels"] == []
    updater.show(cids, [{"user_id": new}])
    updater.archive(cids, [{"user_id": new}])
    found = world.client.query_channels({"archived": True, "members": {"$in": [new]}}, user_id=new)["channels"]
    assert len(found) == 2
    updater.unarchive(cids, [{"user_id": new}])
    updater.update_data(cids, {"frozen": True, "custom": {"batch": 7}})
    states = [channel.query()["channel"] for channel in channels]
    assert [(state["frozen"], state["batch"]) for state in states] == [(True, 7)] * 2
    updater.remove_members(cids, [{"user_id": new}])
    assert not any(new in _members(channel.query()) for channel in channels)
    updater.invite_members(cids, [{"user_id": new}])
    assert all(_members(channel.query())[new]["invited"] for channel in channels)
    with pytest.raises(StreamAPIException):
        world.client.update_channels_batch({"operation": "dance", "filter": cids})
    with pytest.raises(ValueError, match="options"):
        world.client.update_channels_batch(None)
