"""Users, devices and user groups through the v2 SDK."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import getstream.models as m
import jwt
import pytest
from getstream.exceptions import StreamApiException

from tests.sandbox.conformance.world import Typed, fresh


def _query(typed: Typed, where: dict[str, Any], **options: Any) -> Any:
    return typed.stream.query_users(payload=m.QueryUsersPayload(filter_conditions=where, **options)).data.users


def test_upserted_users_come_back_typed(typed: Typed) -> None:
    user = m.UserRequest(
        id=fresh("user"), name="Name", image="https://x.test/i.png", role="admin", language="en", invisible=False,
        teams=["blue"], teams_role={"blue": "admin"}, custom={"color": "red", "n": 1},
        privacy_settings=m.PrivacySettingsResponse(typing_indicators=m.TypingIndicatorsResponse(enabled=False)),
    )  # fmt: skip
    answer = typed.stream.upsert_users(user)
    made = answer.data.users[user.id]
    assert (made.name, made.image, made.role, made.language) == ("Name", "https://x.test/i.png", "admin", "en")
    assert (made.teams, made.teams_role, made.custom) == (["blue"], {"blue": "admin"}, {"color": "red", "n": 1})
    assert made.privacy_settings.typing_indicators.enabled is False
    assert (made.banned, made.online, made.blocked_user_ids) == (False, False, [])
    assert isinstance(made.created_at, datetime)
    assert abs(datetime.now(UTC) - made.created_at) < timedelta(minutes=1)
    assert answer.data.membership_deletion_task_id is not None
    assert answer.rate_limit().limit > 0
    assert answer.status_code() in (200, 201)
    again = typed.stream.update_users(users={user.id: m.UserRequest(id=user.id, custom={"other": 1})}).data
    assert again.users[user.id].custom == {"other": 1}
    typed.stream.delete_users(user_ids=[user.id], user="hard")


def test_a_user_is_created_by_its_helper(typed: Typed) -> None:
    user = typed.stream.create_user(id=fresh("user"), name="Helped", image="https://x.test/i.png")
    assert (user.name, user.image) == ("Helped", "https://x.test/i.png")


def test_users_are_changed_in_part(typed: Typed) -> None:
    user = typed.user(custom={"color": "red", "age": 1})
    answer = typed.stream.update_users_partial(
        users=[m.UpdateUserPartialRequest(id=user, set={"color": "blue", "role": "admin"}, unset=["age"])]
    )
    changed = answer.data.users[user]
    assert (changed.custom, changed.role) == ({"color": "blue"}, "admin")
    with pytest.raises(StreamApiException) as raised:
        typed.stream.update_users_partial(users=[m.UpdateUserPartialRequest(id=fresh(), set={"a": 1})])
    assert raised.value.status_code in (400, 404)


def test_users_are_queried(typed: Typed) -> None:
    mark = fresh()
    made = [typed.user(name=f"N{n}", custom={"mark": mark, "n": n}) for n in range(3)]
    found = _query(typed, {"mark": mark}, sort=[m.SortParamRequest(field="created_at", direction=-1)])
    assert [user.id for user in found] == made[::-1]
    assert [user.custom["n"] for user in _query(typed, {"mark": mark, "n": {"$gt": 0}})] != []
    assert len(_query(typed, {"mark": mark}, limit=1, offset=1)) == 1
    assert [user.id for user in _query(typed, {"id": {"$in": made[:1]}})] == made[:1]
    assert [user.id for user in _query(typed, {"name": {"$autocomplete": "N2"}, "mark": mark})] == [made[2]]
    with pytest.raises(StreamApiException) as raised:
        _query(typed, {"id": {"$odd": 1}})
    assert (raised.value.status_code, raised.value.code) == (400, 4)


def test_accounts_end_and_resume(typed: Typed) -> None:
    user, other = typed.users(2)
    assert typed.stream.deactivate_user(user, mark_messages_deleted=True).data.user.id == user
    assert _query(typed, {"id": user}) == []
    assert len(_query(typed, {"id": user}, include_deactivated_users=True)) == 1
    back = typed.stream.reactivate_user(user, name="Back", restore_messages=True).data.user
    assert (back.id, back.name) == (user, "Back")
    task = typed.finished(
        typed.stream.deactivate_users(user_ids=[user, other], mark_messages_deleted=True).data.task_id
    )
    assert task.status == "completed"
    assert task.result is not None
    typed.finished(typed.stream.reactivate_users(user_ids=[user, other], restore_messages=True).data.task_id)
    typed.finished(typed.stream.delete_users(user_ids=[user], user="soft", messages="soft").data.task_id)
    assert _query(typed, {"id": user}) == []
    typed.stream.restore_users(user_ids=[user])
    assert len(_query(typed, {"id": user})) == 1
    with pytest.raises(StreamApiException):
        typed.stream.deactivate_user(fresh())


def test_channels_go_and_come_with_the_account_of_their_creator(typed: Typed) -> None:
    owner, other = typed.users(2)
    channel = typed.channel(owner, other, custom={"color": "red"})
    typed.send(channel, other, "kept")
    typed.finished(typed.stream.deactivate_users(user_ids=[owner], mark_channels_deleted=True).data.task_id)
    with pytest.raises(StreamApiException) as raised:
        channel.get()
    assert raised.value.status_code == 404
    typed.finished(typed.stream.reactivate_users(user_ids=[owner], restore_channels=True).data.task_id)
    state = channel.get(state=True).data
    assert state.channel.custom == {"color": "red"}
    assert {member.user_id for member in state.members} == {owner, other}
    assert [message.text for message in state.messages] == ["kept"]


def test_users_are_exported(typed: Typed) -> None:
    user = typed.user(name="Exported")
    channel = typed.channel(user)
    typed.send(channel, user, "mine")
    answer = typed.stream.export_user(user).data
    assert answer.user.name == "Exported"
    assert [message.text for message in answer.messages] == ["mine"]
    task = typed.finished(typed.stream.export_users(user_ids=[user]).data.task_id)
    assert task.result["url"]


def test_guests_get_a_token(typed: Typed) -> None:
    answer = typed.stream.create_guest(user=m.UserRequest(id=fresh("guest"), name="G", custom={"a": 1})).data
    assert (answer.user.role, answer.user.name, answer.user.custom) == ("guest", "G", {"a": 1})
    claims = jwt.decode(answer.access_token, options={"verify_signature": False})
    assert claims["user_id"] == answer.user.id


def test_blocks(typed: Typed) -> None:
    user, other = typed.users(2)
    made = typed.stream.block_users(blocked_user_id=other, user_id=user).data
    assert (made.blocked_user_id, made.blocked_by_user_id) == (other, user)
    blocks = typed.stream.get_blocked_users(user_id=user).data.blocks
    assert [(item.blocked_user_id, item.user_id, item.blocked_user.id) for item in blocks] == [(other, user, other)]
    typed.stream.unblock_users(blocked_user_id=other, user_id=user)
    assert typed.stream.get_blocked_users(user_id=user).data.blocks == []


def test_devices(typed: Typed) -> None:
    user = typed.user()
    device = fresh("device")
    typed.stream.create_device(id=device, push_provider="apn", user_id=user, voip_token=True)
    devices = typed.stream.list_devices(user_id=user).data.devices
    assert [(item.id, item.push_provider, item.voip, item.user_id) for item in devices] == [(device, "apn", True, user)]
    typed.stream.delete_device(id=device, user_id=user)
    assert typed.stream.list_devices(user_id=user).data.devices == []
    for options in ({"push_provider": "odd", "user_id": user}, {"push_provider": "apn"}):
        with pytest.raises(StreamApiException):
            typed.stream.create_device(id=fresh("device"), **options)


def test_push_preferences(typed: Typed) -> None:
    user = typed.user()
    channel = typed.channel(user)
    cid = f"messaging:{channel.channel_id}"
    answer = typed.stream.update_push_notification_preferences(
        preferences=[
            m.PushPreferenceInput(user_id=user, chat_level="mentions", call_level="all"),
            m.PushPreferenceInput(user_id=user, channel_cid=cid, chat_level="none"),
        ]
    ).data
    assert answer.user_preferences[user].chat_level == "mentions"
    assert answer.user_channel_preferences[user][cid].chat_level == "none"
    with pytest.raises(StreamApiException):
        typed.stream.update_push_notification_preferences(
            preferences=[m.PushPreferenceInput(user_id=user, chat_level="odd")]
        )


def test_user_groups(typed: Typed) -> None:
    one, two = typed.users(2)
    name = "group" + fresh()[-8:]
    group = typed.stream.create_user_group(name=name, description="D", member_ids=[one]).data.user_group
    assert (group.name, group.description) == (name, "D")
    found = typed.stream.get_user_group(group.id).data.user_group
    assert [member.user_id for member in found.members] == [one]
    changed = typed.stream.update_user_group(group.id, name=name + "x").data.user_group
    assert changed.name == name + "x"
    added = typed.stream.add_user_group_members(group.id, member_ids=[two], as_admin=True).data.user_group
    assert {member.user_id: member.is_admin for member in added.members} == {one: False, two: True}
    left = typed.stream.remove_user_group_members(group.id, member_ids=[one]).data.user_group
    assert [member.user_id for member in left.members] == [two]
    assert group.id in [item.id for item in typed.stream.list_user_groups(limit=50).data.user_groups]
    assert group.id in [item.id for item in typed.stream.search_user_groups(query=name[:9]).data.user_groups]
    typed.stream.delete_user_group(group.id)
    with pytest.raises(StreamApiException) as raised:
        typed.stream.get_user_group(group.id)
    assert raised.value.status_code == 404


def test_tokens(typed: Typed) -> None:
    user = typed.user()
    claims = jwt.decode(typed.stream.create_token(user, expiration=60), options={"verify_signature": False})
    assert claims["user_id"] == user
    assert claims["exp"] > datetime.now(UTC).timestamp()


def test_custom_events_for_one_user(typed: Typed) -> None:
    typed.chat.send_user_custom_event(typed.user(), event=m.UserCustomEventRequest(type="wave", custom={"a": 1}))
    with pytest.raises(StreamApiException):
        typed.chat.send_user_custom_event(fresh(), event=m.UserCustomEventRequest(type="wave"))


def test_live_locations(typed: Typed) -> None:
    user = typed.user()
    channel = typed.channel(user)
    until = datetime.now(UTC) + timedelta(hours=1)
    location = m.SharedLocation(latitude=1.5, longitude=2.5, created_by_device_id="d", end_at=until)
    message = typed.send(channel, user, shared_location=location)
    assert (message.shared_location.latitude, message.shared_location.longitude) == (1.5, 2.5)
    active = typed.stream.get_user_live_locations(user_id=user).data.active_live_locations
    assert [item.message_id for item in active] == [message.id]
    moved = typed.stream.update_live_location(message_id=message.id, latitude=3.0, longitude=4.0, user_id=user).data
    assert (moved.latitude, moved.longitude) == (3.0, 4.0)
    typed.stream.update_live_location(message_id=message.id, end_at=datetime.now(UTC), user_id=user)
    assert typed.stream.get_user_live_locations(user_id=user).data.active_live_locations == []
