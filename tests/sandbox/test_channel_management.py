"""Channels: members, invitations, visibility, truncation, work over many channels; through both SDKs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.clients import fresh, people, shared_world, sync_client, v2_client
from tests.sandbox.conftest import World, until
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with shared_world() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def v2(world: World) -> AsyncIterator[Any]:
    async with v2_client(world.running) as client:
        yield client


async def found(world: World, user_id: str | None = None, **conditions: Any) -> list[str]:
    """The cids of a query."""
    more = {"user_id": user_id} if user_id else {}
    answer = await world.server.query_channels(conditions, **more)
    return [entry["channel"]["cid"] for entry in answer["channels"]]


async def test_members_come_go_and_change_their_role(world: World) -> None:
    alice, bob, carol = await people(world, 3)
    channel = await world.channel(fresh("c"), alice)
    added = await channel.add_members([bob, {"user_id": carol, "channel_role": "channel_moderator", "color": "red"}])
    by_id = {member["user_id"]: member for member in added["members"]}
    assert (by_id[bob]["channel_role"], by_id[carol]["is_moderator"], by_id[carol]["color"]) == (
        "channel_member", True, "red",
    )  # fmt: skip
    raised = await channel.add_moderators([bob])
    assert {m["user_id"] for m in raised["members"] if m["is_moderator"]} == {bob, carol}
    lowered = await channel.demote_moderators([bob])
    assert {m["user_id"] for m in lowered["members"] if m["is_moderator"]} == {carol}
    assigned = await channel.assign_roles([{"user_id": bob, "channel_role": "channel_moderator"}])
    assert {m["user_id"] for m in assigned["members"] if m["channel_role"] == "channel_moderator"} == {bob, carol}
    left = await channel.remove_members([bob])
    assert {member["user_id"] for member in left["members"]} == {alice, carol}
    with pytest.raises(StreamAPIException):
        await channel.add_members([fresh("nobody")])


async def test_changes_of_members_can_be_told_in_the_channel(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice)
    answer = await channel.add_members([bob], {"text": "Bob joined", "user_id": alice})
    assert (answer["message"]["text"], answer["message"]["type"]) == ("Bob joined", "system")


async def test_new_members_may_be_kept_from_the_history(world: World) -> None:
    alice, bob, carol = await people(world, 3)
    channel = await world.channel(fresh("c"), alice)
    await channel.send_message({"text": "old"}, alice)
    await channel.add_members([bob], hide_history=True)
    await channel.add_members([carol], hide_history_before=datetime.now(UTC))
    for user_id in (bob, carol):
        assert (await channel.query(user_id=user_id))["messages"] == []
    assert len((await channel.query(user_id=alice))["messages"]) == 1


async def test_invitations_are_accepted_and_rejected(world: World) -> None:
    alice, bob, carol = await people(world, 3)
    channel = await world.channel(fresh("c"), alice)
    invited = await channel.invite_members([bob, carol])
    assert {m["user_id"] for m in invited["members"] if m.get("invited")} == {bob, carol}
    assert await found(world, bob, invite="pending", cid=channel.cid) == [channel.cid]
    accepted = await channel.accept_invite(bob)
    assert next(m for m in accepted["members"] if m["user_id"] == bob)["invite_accepted_at"]
    rejected = await channel.reject_invite(carol)
    assert next(m for m in rejected["members"] if m["user_id"] == carol)["invite_rejected_at"]
    assert await found(world, bob, invite="accepted", cid=channel.cid) == [channel.cid]
    assert await found(world, carol, invite="rejected", cid=channel.cid) == [channel.cid]
    with pytest.raises(StreamAPIException):
        await channel.accept_invite(alice)


@pytest.mark.parametrize(
    ("conditions", "sort", "options", "expected"),
    [
        ({}, None, {}, "paul george john jessica"),
        ({"name": {"$autocomplete": "j"}}, [{"field": "name", "direction": 1}], {}, "jessica john"),
        ({"name": {"$autocomplete": "j"}}, {"created_at": 1}, {"offset": 1, "limit": 10}, "jessica"),
        ({"is_moderator": True}, None, {}, "george"),
        ({"channel_role": "channel_moderator"}, None, {}, "george"),
        ({"pinned_at": {"$exists": True}}, None, {}, ""),
        ({"nick": "gg"}, None, {}, "george"),
    ],
)
async def test_finds_members(
    world: World, conditions: dict[str, Any], sort: Any, options: dict[str, Any], expected: str
) -> None:
    batch, names = fresh("batch"), ["paul", "george", "john", "jessica"]
    await world.server.upsert_users([{"id": f"{name}-{batch}", "name": name} for name in names])
    channel = await world.channel(batch, f"paul-{batch}")
    george = {"user_id": f"george-{batch}", "channel_role": "channel_moderator", "nick": "gg"}
    for name in names[1:]:
        await channel.add_members([george if name == "george" else f"{name}-{batch}"])
    members = await channel.query_members(conditions, sort, **options)
    assert " ".join(member["user"]["name"] for member in members) == expected


async def test_a_hidden_channel_comes_back_with_a_message(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    await channel.send_message({"text": "old"}, bob)
    async with await world.person(alice).online() as socket:
        await channel.hide(alice)
        assert (await until(socket, "channel.hidden"))["clear_history"] is False
    assert await found(world, alice, cid=channel.cid) == []
    assert await found(world, alice, cid=channel.cid, hidden=True) == [channel.cid]
    assert await found(world, bob, cid=channel.cid) == [channel.cid]
    await channel.show(alice)
    assert await found(world, alice, cid=channel.cid) == [channel.cid]
    await world.server.post(f"channels/messaging/{channel.id}/hide", data={"user_id": alice, "clear_history": True})
    await channel.send_message({"text": "new"}, bob)
    assert await found(world, alice, cid=channel.cid) == [channel.cid]
    assert [message["text"] for message in (await channel.query(user_id=alice))["messages"]] == ["new"]


async def test_a_channel_can_be_hidden_for_who_makes_it(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = world.server.channel("messaging", fresh("c"), {"members": [alice, bob]})
    await channel.create(alice, hide_for_creator=True)
    assert await found(world, alice, cid=channel.cid) == []
    assert await found(world, bob, cid=channel.cid) == [channel.cid]


async def test_a_muted_channel_counts_no_unread_messages(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    answer = await channel.mute(alice, expiration=30_000)
    mute = answer["channel_mute"]
    assert (mute["channel"]["cid"], mute["user"]["id"], bool(mute["expires"])) == (channel.cid, alice, True)
    assert answer["own_user"]["channel_mutes"][0]["channel"]["cid"] == channel.cid
    assert await found(world, alice, muted=True, cid=channel.cid) == [channel.cid]
    await channel.send_message({"text": "x"}, bob)
    assert (await world.server.query_users({"id": alice}))["users"][0]["total_unread_count"] == 0
    await channel.unmute(alice)
    assert await found(world, alice, muted=True, cid=channel.cid) == []
    assert await found(world, alice, muted=False, cid=channel.cid) == [channel.cid]
    assert (await world.server.query_users({"id": alice}))["users"][0]["total_unread_count"] == 1
    await channel.mute(alice, expiration=1)
    await asyncio.sleep(0.01)
    assert await found(world, alice, muted=True, cid=channel.cid) == []


async def test_channels_are_pinned_and_archived_by_member(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    assert (await channel.pin(alice))["channel_member"]["pinned_at"]
    assert await found(world, alice, pinned=True, cid=channel.cid) == [channel.cid]
    assert await found(world, bob, pinned=True, cid=channel.cid) == []
    await channel.unpin(alice)
    assert await found(world, alice, pinned=False, cid=channel.cid) == [channel.cid]
    await channel.archive(alice)
    assert await found(world, alice, archived=True, cid=channel.cid) == [channel.cid]
    assert "archived_at" not in (await channel.unarchive(alice))["channel_member"]
    own = await channel.update_member_partial(alice, {"hat": "blue", "size": 1}, [])
    assert own["channel_member"]["hat"] == "blue"
    assert "size" not in (await channel.update_member_partial(alice, {}, ["size"]))["channel_member"]


async def test_truncates_with_and_without_a_message(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    await channel.send_message({"text": "one"}, alice)
    answer = await channel.truncate(message={"text": "Cleared", "user_id": alice}, skip_push=True)
    assert answer["channel"]["truncated_at"]
    assert [message["text"] for message in (await channel.query())["messages"]] == ["Cleared"]
    sent = (await channel.send_message({"text": "two"}, alice))["message"]
    await channel.send_message({"text": "three"}, alice)
    await channel.truncate(truncated_at=sent["created_at"], hard_delete=True)
    assert [message["text"] for message in (await channel.query())["messages"]] == ["three"]
    await channel.truncate(member_ids=[bob])
    assert (await channel.query(user_id=bob))["messages"] == []
    assert len((await channel.query(user_id=alice))["messages"]) == 1


async def test_a_frozen_channel_takes_no_messages_of_people(world: World) -> None:
    (alice,) = await people(world, 1)
    channel = await world.channel(fresh("c"), alice)
    await channel.update_partial({"frozen": True})
    status, body = await world.person(alice).call(
        "POST", f"/channels/messaging/{channel.id}/message", {"message": {"text": "x"}}
    )
    assert (status, body["code"]) == (403, 17)


async def test_slow_mode_makes_people_wait(world: World) -> None:
    (alice,) = await people(world, 1)
    channel = await world.channel(fresh("c"), alice)
    await channel.update_partial({"cooldown": 30})
    path = f"/channels/messaging/{channel.id}/message"
    assert (await world.person(alice).call("POST", path, {"message": {"text": "x"}}))[0] == 201
    status, body = await world.person(alice).call("POST", path, {"message": {"text": "y"}})
    assert (status, body["code"]) == (403, 60)


async def test_settings_of_a_channel_override_those_of_its_type(world: World) -> None:
    (alice,) = await people(world, 1)
    channel = await world.channel(fresh("c"), alice)
    answer = await channel.update_partial({"config_overrides": {"replies": False, "max_message_length": 3}})
    assert answer["channel"]["config"]["replies"] is False
    with pytest.raises(StreamAPIException):
        await channel.send_message({"text": "four"}, alice)


async def test_filter_tags_find_channels(world: World) -> None:
    (alice,) = await people(world, 1)
    channel, tag = await world.channel(fresh("c"), alice), fresh("tag")
    assert (await channel.add_filter_tags([tag, "b"]))["channel"]["filter_tags"] == [tag, "b"]
    assert await found(world, filter_tags={"$in": [tag]}) == [channel.cid]
    assert (await channel.remove_filter_tags(["b"]))["channel"]["filter_tags"] == [tag]


async def test_a_deleted_channel_is_gone(world: World) -> None:
    (alice,) = await people(world, 1)
    channel = await world.channel(fresh("c"), alice)
    await channel.send_message({"text": "x"}, alice)
    assert (await channel.delete())["channel"]["deleted_at"]
    assert await found(world, cid=channel.cid) == []
    again = await channel.create(alice)
    assert "deleted_at" not in again["channel"]
    assert (await channel.query())["messages"] == []


async def test_deletes_several_channels_as_a_task(world: World) -> None:
    (alice,) = await people(world, 1)
    channel = await world.channel(fresh("c"), alice)
    answer = await world.server.delete_channels([channel.cid], hard_delete=True)
    task = await world.server.get_task(answer["task_id"])
    assert (task["status"], task["result"]) == ("completed", {channel.cid: {"status": "ok"}})
    assert await found(world, cid=channel.cid) == []


async def test_exports_channels(world: World) -> None:
    (alice,) = await people(world, 1)
    channel = await world.channel(fresh("c"), alice)
    await channel.send_message({"text": "Hello"}, alice)
    answer = await world.server.export_channel("messaging", channel.id)
    status = await world.server.get_export_channel_status(answer["task_id"])
    assert status["status"] == "completed"
    async with world.http.get(status["result"]["url"]) as file:
        assert (await file.json())["channels"][0]["messages"][0]["text"] == "Hello"
    with pytest.raises(StreamAPIException, match="Can't find channel"):
        await world.server.export_channel("messaging", fresh())
    with pytest.raises(StreamAPIException, match="Can't find task"):
        await world.server.get_export_channel_status(fresh())


async def test_changes_many_channels_at_once(world: World) -> None:
    alice, bob = await people(world, 2)
    channels = [await world.channel(fresh("c"), alice) for _ in range(2)]
    updater = world.server.channel_batch_updater()
    which = {"cids": {"$in": [channel.cid for channel in channels]}}

    async def done(answer: Any) -> None:
        task = await world.server.get_task(answer["task_id"])
        assert task["status"] == "completed"
        assert set(task["result"]) == {channel.cid for channel in channels}

    async def roles() -> list[str | None]:
        members = [await channel.query_members({"user_id": bob}) for channel in channels]
        return [member[0]["channel_role"] if member else None for member in members]

    await done(await updater.add_members(which, [{"user_id": bob}]))
    assert await roles() == ["channel_member"] * 2
    await done(await updater.add_moderators(which, [{"user_id": bob}]))
    assert await roles() == ["channel_moderator"] * 2
    await done(await updater.demote_moderators(which, [{"user_id": bob}]))
    await done(await updater.assign_roles(which, [{"user_id": bob, "channel_role": "channel_moderator"}]))
    assert await roles() == ["channel_moderator"] * 2
    await done(await updater.hide(which, [{"user_id": bob}]))
    assert await found(world, bob, cid=which["cids"]) == []
    await done(await updater.show(which, [{"user_id": bob}]))
    assert len(await found(world, bob, cid=which["cids"])) == 2
    await done(await updater.archive(which, [{"user_id": bob}]))
    assert len(await found(world, bob, cid=which["cids"], archived=True)) == 2
    await done(await updater.unarchive(which, [{"user_id": bob}]))
    await done(await updater.update_data(which, {"frozen": True, "custom": {"color": "blue"}}))
    assert len(await found(world, cid=which["cids"], frozen=True, color="blue")) == 2
    await done(await updater.remove_members(which, [{"user_id": bob}]))
    await done(await updater.invite_members(which, [{"user_id": bob}]))
    assert len(await found(world, bob, invite="pending")) == 2
    for wrong in ({"operation": "fly", "filter": which}, {"operation": "hide"}, {"operation": "addMembers"}):
        with pytest.raises(StreamAPIException):
            await world.server.update_channels_batch(wrong)


async def test_reads_unread_counts_of_several_users(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    await channel.send_message({"text": "x"}, alice)
    counts = (await world.server.unread_counts_batch([alice, bob]))["counts_by_user"]
    assert (counts[alice]["total_unread_count"], counts[bob]["total_unread_count"]) == (0, 1)
    assert counts[bob]["channels"][0]["channel_id"] == channel.cid
    assert counts[bob]["channel_type"][0]["channel_count"] == 1
    await world.server.mark_all_read(bob)
    assert (await world.server.unread_counts(bob))["total_unread_count"] == 0


async def test_tells_how_much_teams_use(world: World) -> None:
    team = fresh("team")
    (alice,) = await people(world, 1, teams=[team])
    channel = world.server.channel("messaging", fresh("c"), {"team": team, "members": [alice]})
    await channel.create(alice)
    await channel.send_message({"text": "x"}, alice)
    teams = {entry["team"]: entry for entry in (await world.server.query_team_usage_stats())["teams"]}
    assert teams[team]["messages_total"]["total"] == 1
    assert teams[team]["users_total"]["total"] == 1
    today = datetime.now(UTC).date().isoformat()
    daily = await world.server.query_team_usage_stats(start_date=today, end_date=today, team=team)
    assert daily["teams"][0]["messages_daily"]["daily"] == [{"date": today, "value": 1}]
    for wrong in ({"month": "2026"}, {"month": today[:7], "start_date": today, "end_date": today}, {"limit": 31}):
        with pytest.raises(StreamAPIException):
            await world.server.query_team_usage_stats(**wrong)


async def test_read_receipts_can_be_kept_private(world: World) -> None:
    alice, bob = await people(world, 2)
    settings = {"read_receipts": {"enabled": False}, "typing_indicators": {"enabled": False}}
    await world.server.upsert_user({"id": bob, "privacy_settings": settings})
    channel = await world.channel(fresh("c"), alice, bob)
    await channel.send_message({"text": "x"}, alice)
    watcher = world.person(alice)
    async with await watcher.online() as socket:
        await watcher.watch(channel.id)
        await channel.mark_read(bob)
        await channel.send_event({"type": "typing.start"}, bob)
        await channel.send_event({"type": "probe"}, alice)
        kinds: list[str] = []
        while not kinds or kinds[-1] != "probe":
            kinds.append((await socket.receive_json(timeout=PATIENCE))["type"])
    assert not {"message.read", "typing.start"} & set(kinds)
    assert (await world.server.unread_counts(bob))["total_unread_count"] == 0


async def test_the_blocking_client_manages_channels(world: World) -> None:
    client, channel_id = sync_client(world.running), fresh("c")
    (alice,) = await people(world, 1)

    def use() -> Any:
        channel = client.channel("messaging", channel_id, {"members": [alice]})
        channel.create(alice)
        channel.hide(alice)
        channel.show(alice)
        channel.mute(alice)
        channel.unmute(alice)
        channel.truncate()
        return client.get_task(client.delete_channels([channel.cid])["task_id"])["status"]

    assert await asyncio.to_thread(use) == "completed"


async def test_the_second_dialect_manages_channels(world: World, v2: Any) -> None:
    m: Any = pytest.importorskip("getstream.models")
    alice, bob = await people(world, 2)
    channel = v2.chat.channel("messaging", fresh("c"))
    data = m.ChannelInput(created_by_id=alice, custom={"k": 1}, members=[m.ChannelMemberRequest(user_id=alice)])
    made = (await channel.get_or_create(data=data)).data
    assert (made.channel.custom, made.members[0].user_id) == ({"k": 1}, alice)
    added = (await channel.update(add_members=[m.ChannelMemberRequest(user_id=bob, custom={"c": 2})])).data
    assert {member.user_id: member.custom for member in added.members} == {alice: {}, bob: {"c": 2}}
    assert (await channel.update_channel_partial(set={"k": 2}, unset=[])).data.channel.custom == {"k": 2}
    own = await channel.update_member_partial(user_id=bob, set={"hat": "blue"})
    assert own.data.channel_member.custom == {"c": 2, "hat": "blue"}
    cid = made.channel.cid
    muted = (await v2.chat.mute_channel(user_id=alice, channel_cids=[cid], expiration=1000)).data
    assert muted.channel_mute.channel.cid == cid
    await v2.chat.unmute_channel(user_id=alice, channel_cids=[cid])
    await channel.hide(user_id=alice)
    await channel.show(user_id=alice)
    message = m.MessageRequest(text="gone", user_id=alice)
    assert (await channel.truncate(message=message)).data.message.text == "gone"
    read = (await v2.chat.get_channel(type="messaging", id=made.channel.id, messages_limit=1)).data
    assert (read.channel.cid, len(read.messages)) == (cid, 1)
    payload = m.QueryMembersPayload(type="messaging", id=made.channel.id, filter_conditions={"user_id": bob})
    assert [member.user_id for member in (await v2.chat.query_members(payload)).data.members] == [bob]
    conditions = {"cid": cid, "pinned": False}
    listed = (await v2.chat.query_channels(filter_conditions=conditions, user_id=alice)).data.channels
    assert [state.channel.cid for state in listed] == [cid]
    assert (await v2.chat.unread_counts(user_id=bob)).data.channels[0].unread_count == 1
    assert bob in (await v2.chat.unread_counts_batch(user_ids=[bob])).data.counts_by_user
    assert (await v2.chat.query_team_usage_stats()).data.teams is not None
    batch = await v2.chat.channel_batch_update(
        operation="updateData", filter={"cids": [cid]}, custom_set={"z": 1}, custom_unset=["k"]
    )
    assert (await v2.get_task(id=batch.data.task_id)).data.status == "completed"
    assert (await channel.get_or_create()).data.channel.custom == {"z": 1}
    export = await v2.chat.export_channels(channels=[m.ChannelExport(cid=cid)])
    assert "url" in (await v2.get_task(id=export.data.task_id)).data.result
    gone = (await v2.chat.delete_channels(cids=[cid], hard_delete=True)).data
    assert gone.result[cid].status == "ok"
    other = v2.chat.channel("messaging", fresh("c"))
    await other.get_or_create(data=m.ChannelInput(created_by_id=alice))
    assert (await other.delete()).data.channel.deleted_at is not None


async def test_groups_channels_by_their_tag(world: World, v2: Any) -> None:
    m: Any = pytest.importorskip("getstream.models")
    (alice,) = await people(world, 1)
    for _ in range(3):
        await (await world.channel(fresh("c"), alice)).add_filter_tags(["support"])
    groups = (await v2.chat.grouped_query_channels(user_id=alice)).data.groups
    assert {name: len(group.channels) for name, group in groups.items()} == {"support": 3}
    wanted = {"support": m.GroupedChannelsGroupRequest(limit=2)}
    first = (await v2.chat.grouped_query_channels(user_id=alice, groups=wanted)).data.groups["support"]
    wanted = {"support": m.GroupedChannelsGroupRequest(limit=2, next=first.next)}
    second = (await v2.chat.grouped_query_channels(user_id=alice, groups=wanted)).data.groups["support"]
    assert (len(first.channels), len(second.channels), second.next) == (2, 1, None)


async def test_people_of_other_teams_stay_apart(world: World) -> None:
    red, blue = (await people(world, 1, teams=["red"]))[0], (await people(world, 1, teams=["blue"]))[0]
    channel = world.server.channel("messaging", fresh("c"), {"team": "red", "members": [red, blue]})
    await channel.create(red)
    await world.server.update_app_settings(multi_tenant_enabled=True)
    try:
        path = f"/channels/messaging/{channel.id}/query"
        assert (await world.person(red).call("POST", path, {}))[0] == 201
        assert (await world.person(blue).call("POST", path, {}))[0] == 403
    finally:
        await world.server.update_app_settings(multi_tenant_enabled=False)
