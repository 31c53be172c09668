"""Channels through the v2 SDK."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import getstream.models as m
import pytest
from getstream.exceptions import StreamApiException

from tests.sandbox.conformance.world import Typed, fresh


def _query(typed: Typed, where: dict[str, Any], **options: Any) -> Any:
    return typed.chat.query_channels(filter_conditions=where, **options).data.channels


def test_channels_are_created_with_custom_data(typed: Typed) -> None:
    owner, other = typed.users(2)
    channel = typed.chat.channel("messaging", fresh("channel"))
    answer = channel.get_or_create(
        state=True,
        data=m.ChannelInput(
            created_by_id=owner,
            members=[m.ChannelMemberRequest(user_id=owner), m.ChannelMemberRequest(user_id=other, custom={"hat": 1})],
            custom={"name": "Named", "color": "red"},
            filter_tags=["vip"],
        ),
    ).data
    assert answer.channel.custom == {"name": "Named", "color": "red"}
    assert answer.channel.created_by.id == owner
    assert answer.channel.filter_tags == ["vip"]
    assert {item.user_id: item.custom for item in answer.members} == {owner: {}, other: {"hat": 1}}
    assert answer.channel.config.max_message_length == 5000
    assert [command.name for command in answer.channel.config.commands]
    assert answer.messages == []
    again = channel.get_or_create(state=True, members=m.PaginationParams(limit=1)).data
    assert len(again.members) == 1
    only = channel.get(state=True, messages_limit=1, members_limit=2, user_id=owner).data
    assert len(only.members) == 2
    assert only.channel.own_capabilities
    channel.delete(hard_delete=True)
    with pytest.raises(StreamApiException) as raised:
        channel.get()
    assert raised.value.status_code == 404


def test_a_distinct_channel(typed: Typed) -> None:
    one, two = typed.users(2)
    members = [m.ChannelMemberRequest(user_id=one), m.ChannelMemberRequest(user_id=two)]
    data = m.ChannelInput(created_by_id=one, members=members)
    first = typed.chat.get_or_create_distinct_channel("messaging", data=data).data.channel
    assert first.id.startswith("!members-")
    assert typed.chat.get_or_create_distinct_channel("messaging", data=data).data.channel.cid == first.cid
    typed.chat.delete_channel("messaging", first.id, hard_delete=True)


def test_data_is_replaced_or_changed_in_part(typed: Typed) -> None:
    owner = typed.user()
    channel = typed.channel(owner, custom={"color": "red", "age": 30})
    changed = channel.update_channel_partial(set={"color": "blue", "frozen": True}, unset=["age"]).data.channel
    assert (changed.custom, changed.frozen) == ({"color": "blue"}, True)
    replaced = channel.update(
        data=m.ChannelInputRequest(custom={"name": "New"}, frozen=False),
        message=m.MessageRequest(text="hi", user_id=owner),
    ).data
    assert replaced.channel.custom["name"] == "New"
    assert (replaced.message.text, replaced.message.type) == ("hi", "system")
    slow = channel.update(cooldown=30, user_id=owner).data
    assert slow.channel.cooldown == 30
    tags = channel.update(add_filter_tags=["a", "b"]).data
    assert tags.channel.filter_tags == ["a", "b"]
    assert channel.update(remove_filter_tags=["a"]).data.channel.filter_tags == ["b"]
    over = channel.update_channel_partial(set={"config_overrides": {"replies": False, "max_message_length": 100}}).data
    assert over.channel.config.replies is False
    assert over.channel.config.max_message_length == 100


def test_members_come_change_and_go(typed: Typed) -> None:
    owner, one, two = typed.users(3)
    channel = typed.channel(owner)
    channel.update(add_members=[m.ChannelMemberRequest(user_id=one), m.ChannelMemberRequest(user_id=two)])
    roles = channel.update(assign_roles=[m.ChannelMemberRequest(user_id=one, channel_role="channel_moderator")]).data
    assert {item.user_id: item.channel_role for item in roles.members}[one] == "channel_moderator"
    channel.update(demote_moderators=[one])
    raised_members = channel.update(add_moderators=[two]).data.members
    assert {item.user_id: item.is_moderator for item in raised_members} == {owner: False, one: False, two: True}
    member = channel.update_member_partial(
        user_id=one, set={"hat": "blue", "pinned": True}, unset=["x"]
    ).data.channel_member
    assert member.custom == {"hat": "blue"}
    assert isinstance(member.pinned_at, datetime)
    found = typed.chat.query_members(
        payload=m.QueryMembersPayload(
            type="messaging", id=channel.channel_id, filter_conditions={"user_id": one},
            sort=[m.SortParamRequest(field="created_at", direction=1)],
        )
    ).data.members  # fmt: skip
    assert [item.user_id for item in found] == [one]
    left = channel.update(remove_members=[one]).data.members
    assert {item.user_id for item in left} == {owner, two}


def test_invites(typed: Typed) -> None:
    owner, yes, no = typed.users(3)
    channel = typed.channel(owner, invites=[m.ChannelMemberRequest(user_id=yes), m.ChannelMemberRequest(user_id=no)])
    accepted = channel.update(accept_invite=True, user_id=yes, message=m.MessageRequest(text="in", user_id=yes)).data
    members = {item.user_id: item for item in accepted.members}
    assert isinstance(members[yes].invite_accepted_at, datetime)
    assert accepted.message.text == "in"
    rejected = channel.update(reject_invite=True, user_id=no).data
    members = {item.user_id: item for item in rejected.members}
    assert isinstance(members[no].invite_rejected_at, datetime)


def test_hiding_muting_pinning_and_archiving(typed: Typed) -> None:
    user = typed.user()
    channel = typed.channel(user)
    cid = f"messaging:{channel.channel_id}"
    channel.hide(user_id=user, clear_history=False)
    assert _query(typed, {"cid": cid}, user_id=user) == []
    assert len(_query(typed, {"cid": cid, "hidden": True}, user_id=user)) == 1
    channel.show(user_id=user)
    mute = typed.chat.mute_channel(channel_cids=[cid], user_id=user, expiration=60_000).data.channel_mute
    assert (mute.channel.cid, mute.user.id) == (cid, user)
    assert isinstance(mute.expires, datetime)
    assert len(_query(typed, {"cid": cid, "muted": True}, user_id=user)) == 1
    typed.chat.unmute_channel(channel_cids=[cid], user_id=user)
    assert _query(typed, {"cid": cid, "muted": True}, user_id=user) == []
    for field in ("pinned", "archived"):
        channel.update_member_partial(user_id=user, set={field: True})
        assert len(_query(typed, {"cid": cid, field: True}, user_id=user)) == 1
        channel.update_member_partial(user_id=user, set={field: False})
        assert _query(typed, {"cid": cid, field: True}, user_id=user) == []


def test_reading(typed: Typed) -> None:
    reader, writer = typed.users(2)
    channel = typed.channel(reader, writer)
    first, second = typed.send(channel, writer), typed.send(channel, writer)
    event = channel.mark_read(user_id=reader).data.event
    assert (event.type, event.channel_id, event.last_read_message_id) == ("message.read", channel.channel_id, second.id)
    channel.mark_unread(user_id=reader, message_id=second.id)
    counts = typed.chat.unread_counts(user_id=reader).data
    assert (counts.total_unread_count, counts.channels[0].unread_count) == (1, 1)
    assert isinstance(counts.channels[0].last_read, datetime)
    typed.chat.mark_channels_read(user_id=reader, read_by_channel={f"messaging:{channel.channel_id}": second.id})
    assert typed.chat.unread_counts(user_id=reader).data.total_unread_count == 0
    channel.mark_unread(user_id=reader, message_timestamp=first.created_at)
    typed.chat.mark_channels_read(user_id=reader)
    batch = typed.chat.unread_counts_batch(user_ids=[reader, writer]).data.counts_by_user
    assert batch[reader].total_unread_count == 0
    typed.chat.mark_delivered(
        user_id=reader,
        latest_delivered_messages=[m.DeliveredMessagePayload(cid=f"messaging:{channel.channel_id}", id=second.id)],
    )


def test_truncation(typed: Typed) -> None:
    user, other = typed.users(2)
    channel = typed.channel(user, other)
    typed.send(channel, user)
    answer = channel.truncate(
        message=m.MessageRequest(text="Truncated", user_id=user), skip_push=True, user_id=user
    ).data
    assert answer.message.text == "Truncated"
    assert isinstance(answer.channel.truncated_at, datetime)
    assert [item.text for item in channel.get_or_create(state=True).data.messages] == ["Truncated"]
    channel.truncate(hard_delete=True)
    assert channel.get_or_create(state=True).data.messages == []
    typed.send(channel, user)
    channel.truncate(truncated_at=datetime.now(UTC) - timedelta(days=1))
    assert len(channel.get_or_create(state=True).data.messages) == 1


def test_channels_are_queried_and_paged(typed: Typed) -> None:
    user = typed.user()
    mark = fresh()
    made = [f"messaging:{typed.channel(user, custom={'mark': mark}).channel_id}" for _ in range(3)]
    sort = [m.SortParamRequest(field="created_at", direction=1)]
    assert [item.channel.cid for item in _query(typed, {"mark": mark}, sort=sort)] == made
    page = _query(typed, {"mark": mark}, sort=sort, limit=1, offset=1, state=True, message_limit=1, member_limit=1)
    assert [item.channel.cid for item in page] == made[1:2]
    grouped = typed.chat.grouped_query_channels(user_id=user, limit=10).data
    assert isinstance(grouped.groups, dict)


def test_channels_are_deleted_in_a_task(typed: Typed) -> None:
    cid = f"messaging:{typed.channel(typed.user()).channel_id}"
    answer = typed.chat.delete_channels(cids=[cid], hard_delete=True).data
    assert answer.result[cid].status
    assert typed.finished(answer.task_id).status == "completed"


def test_channels_are_changed_in_batches(typed: Typed) -> None:
    owner, new = typed.users(2)
    cid = f"messaging:{typed.channel(owner).channel_id}"
    where = {"cids": {"$in": [cid]}}
    answer = typed.chat.channel_batch_update(
        operation="addMembers", filter=where, members=[m.ChannelBatchMemberRequest(user_id=new)]
    ).data
    typed.finished(answer.task_id)
    state = _query(typed, {"cid": cid}, state=True)[0]
    assert {item.user_id for item in state.members} == {owner, new}
    typed.chat.channel_batch_update(operation="updateData", filter=where, data=m.ChannelDataUpdate(frozen=True))
    assert _query(typed, {"cid": cid})[0].channel.frozen is True


def test_events(typed: Typed) -> None:
    user = typed.user()
    channel = typed.channel(user)
    event = channel.send_event(event=m.EventRequest(type="typing.start", user_id=user)).data.event
    assert event.type == "typing.start"
    own = channel.send_event(event=m.EventRequest(type="my.own", user_id=user, custom={"a": 1})).data.event
    assert own.custom.get("a") == 1


def test_uploads(typed: Typed, tmp_path: Path) -> None:
    user = typed.user()
    channel = typed.channel(user)
    text, picture = tmp_path / "a.txt", tmp_path / "a.png"
    text.write_text("hello")
    picture.write_bytes(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000"
            "0500015ef40e4d0000000049454e44ae426082"
        )
    )
    who = m.OnlyUserID(id=user)
    sent = channel.upload_channel_file(file=str(text), user=who).data
    assert "a.txt" in sent.file
    channel.delete_channel_file(url=sent.file)
    sizes = [m.ImageSize(width=10, height=10, crop="center", resize="scale")]
    image = channel.upload_channel_image(file=str(picture), user=who, upload_sizes=sizes).data
    assert "a.png" in image.file
    assert len(image.upload_sizes) == 1
    channel.delete_channel_image(url=image.file)
    alone = typed.stream.upload_file(file=str(text), user=who).data
    typed.stream.delete_file(url=alone.file)
    alone_image = typed.stream.upload_image(file=str(picture), user=who, upload_sizes=sizes).data
    typed.stream.delete_image(url=alone_image.file)


def test_exports(typed: Typed) -> None:
    channel = typed.channel(typed.user())
    cid = f"messaging:{channel.channel_id}"
    answer = typed.chat.export_channels(
        channels=[m.ChannelExport(cid=cid, messages_since=datetime(2024, 1, 1, tzinfo=UTC))],
        version="v2", clear_deleted_message_text=True, include_truncated_messages=True, export_users=True,
    ).data  # fmt: skip
    task = typed.finished(answer.task_id)
    assert task.result["url"]


def test_channel_types_and_commands(typed: Typed) -> None:
    name = fresh("type")
    made = typed.chat.create_channel_type(
        name=name, automod="disabled", automod_behavior="flag", max_message_length=500, commands=["giphy"],
        blocklists=[], polls=True, push_level="all", grants={"user": ["create-message"]},
    ).data  # fmt: skip
    assert (made.name, made.max_message_length, made.commands) == (name, 500, ["giphy"])
    assert [item.name for item in typed.chat.get_channel_type(name).data.commands] == ["giphy"]
    changed = typed.chat.update_channel_type(
        name, automod="disabled", automod_behavior="block", max_message_length=600, typing_events=False
    ).data
    assert (changed.automod_behavior, changed.max_message_length, changed.typing_events) == ("block", 600, False)
    assert name in typed.chat.list_channel_types().data.channel_types
    typed.chat.delete_channel_type(name)
    command = "cmd" + fresh()[-8:]
    assert typed.chat.create_command(name=command, description="D", args="[x]", set="my_set").data.command.args == "[x]"
    assert typed.chat.get_command(command).data.description == "D"
    assert typed.chat.update_command(command, description="E").data.command.description == "E"
    assert command in [item.name for item in typed.chat.list_commands().data.commands]
    assert typed.chat.delete_command(command).data.name == command


def test_predefined_filters(typed: Typed) -> None:
    user = typed.user()
    cid = f"messaging:{typed.channel(user).channel_id}"
    name = "filter" + fresh()[-8:]
    made = typed.chat.create_predefined_filter(
        name=name, operation="QueryChannels", filter={"members": {"$in": ["{{user_id}}"]}}, description="D",
        sort=[{"field": "created_at", "direction": -1}],
    ).data.predefined_filter  # fmt: skip
    assert made.name == name
    answer = typed.chat.query_channels(predefined_filter=name, filter_values={"user_id": user}, user_id=user).data
    assert [item.channel.cid for item in answer.channels] == [cid]
    assert answer.predefined_filter.filter == {"members": {"$in": [user]}}
    assert typed.chat.get_predefined_filter(name).data.predefined_filter.description == "D"
    assert name in [item.name for item in typed.chat.get_predefined_filters().data.predefined_filters]
    typed.chat.update_predefined_filter(name, operation="QueryChannels", filter={"type": "messaging"})
    typed.chat.delete_predefined_filter(name)
    with pytest.raises(StreamApiException):
        typed.chat.get_predefined_filter(name)


def test_one_service_for_both_dialects(typed: Typed, client: Any) -> None:
    owner = typed.user(name="Both", custom={"color": "red"})
    old = client.channel("messaging", fresh("channel"), {"members": [owner], "name": "Old", "lang": "en"})
    old.create(owner)
    seen = typed.chat.channel("messaging", old.id).get().data.channel
    assert (seen.custom.get("name"), seen.custom.get("lang")) == ("Old", "en")
    new = typed.channel(owner, custom={"name": "New"})
    back = client.channel("messaging", new.channel_id).query()["channel"]
    assert back["name"] == "New"
    assert client.query_users({"id": owner})["users"][0]["color"] == "red"
    assert client.query_channels({"name": "New", "cid": f"messaging:{new.channel_id}"})["channels"]
    old.delete(hard=True)
