"""Bans, mutes, flags, blocklists and the review queue: what they do, through both SDKs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from stream_chat.base.exceptions import StreamAPIException

from framework.sandbox.kernel.scheduler import SCHEDULED
from tests.sandbox.clients import fresh, people, shared_world, sync_client, v2_client
from tests.sandbox.conftest import World, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with shared_world() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def v2(world: World) -> AsyncIterator[Any]:
    async with v2_client(world.running) as client:
        yield client


async def say(world: World, user_id: str, channel_id: str, text: str = "hi") -> tuple[int, dict[str, Any]]:
    """A person posts a message."""
    return await world.person(user_id).call(
        "POST", f"/channels/messaging/{channel_id}/message", {"message": {"text": text}}
    )


async def end(world: World, kind: str) -> None:
    """Let the time of everything planned of a kind be over."""
    dues = world.running.sandbox.store[SCHEDULED]
    for due in [one for one in dues if one.kind == kind]:
        dues.remove(due.key)
        due.at = datetime.now(UTC) - timedelta(seconds=1)
        dues.put(due)
    await world.server.get("app")  # the next call does what is due


async def test_a_ban_forbids_writing_until_it_is_lifted(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    await world.server.ban_user(bob, banned_by_id=alice, reason="because", timeout=30)
    status, body = await say(world, bob, channel.id)
    assert (status, body["code"]) == (403, 17)
    user = (await world.server.query_users({"id": bob}))["users"][0]
    assert user["banned"] is True
    assert "ban_expires" in user
    bans = (await world.server.query_banned_users({"filter_conditions": {"reason": "because"}, "limit": 1}))["bans"]
    assert (bans[0]["user"]["id"], bans[0]["banned_by"]["id"], bans[0]["reason"]) == (bob, alice, "because")
    await world.server.unban_user(bob, unbanned_by_id=alice)
    assert (await say(world, bob, channel.id))[0] == 201
    assert (await world.server.query_users({"banned": True, "id": bob}))["users"] == []


async def test_a_timed_ban_ends_by_itself(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    await channel.ban_user(bob, user_id=alice, timeout=1)
    assert (await say(world, bob, channel.id))[0] == 403
    await end(world, "ban.lift")
    assert (await say(world, bob, channel.id))[0] == 201


async def test_a_ban_from_a_channel_holds_only_there(world: World) -> None:
    alice, bob = await people(world, 2)
    here, there = await world.channel(fresh("c"), alice, bob), await world.channel(fresh("c"), alice, bob)
    await here.ban_user(bob, user_id=alice)
    assert (await say(world, bob, here.id))[0] == 403
    assert (await say(world, bob, there.id))[0] == 201
    found = await world.server.query_banned_users({"filter_conditions": {"channel_cid": here.cid}})
    assert [(ban["user"]["id"], ban["channel"]["cid"]) for ban in found["bans"]] == [(bob, here.cid)]
    await here.unban_user(bob)
    assert (await say(world, bob, here.id))[0] == 201


async def test_a_shadow_banned_user_writes_unseen(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    await world.server.shadow_ban(bob, user_id=alice)
    sent = (await channel.send_message({"text": "psst"}, bob))["message"]["id"]
    assert (await world.server.get_message(sent))["message"]["shadowed"] is True
    seen = await world.person(alice).call("POST", f"/channels/messaging/{channel.id}/query", {"state": True})
    assert seen[1]["messages"] == []
    await world.server.remove_shadow_ban(bob, user_id=alice)
    sent = (await channel.send_message({"text": "hello"}, bob))["message"]["id"]
    assert (await world.server.get_message(sent))["message"]["shadowed"] is False


async def test_a_ban_takes_messages_along_and_reaches_future_channels(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    await channel.send_message({"text": "rude"}, bob)
    options = {"banned_by_id": alice, "channel_cid": channel.cid, "delete_messages": "hard"}
    await world.server.ban_user(bob, ban_from_future_channels=True, **options)
    assert (await channel.query())["messages"] == []
    assert [ban["user"]["id"] for ban in (await world.server.query_future_channel_bans(user_id=alice))["bans"]] == [bob]
    later = await world.channel(fresh("c"), alice, bob)
    assert (await say(world, bob, later.id))[0] == 403
    await world.server.unban_user(bob, unbanned_by_id=alice, remove_future_channels_ban=True)
    assert (await world.server.query_future_channel_bans(user_id=alice))["bans"] == []


async def test_a_person_needs_the_right_to_ban(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    ban = {"target_user_id": alice, "type": "messaging", "id": channel.id}
    assert (await world.person(bob).call("POST", "/moderation/ban", ban))[0] == 403
    await channel.add_moderators([bob])
    assert (await world.person(bob).call("POST", "/moderation/ban", ban))[0] == 201
    assert (await world.person(bob).call("POST", "/moderation/ban", {"target_user_id": alice}))[0] == 403


async def test_messages_of_a_muted_user_are_not_unread(world: World) -> None:
    alice, bob, carol = await people(world, 3)
    channel = await world.channel(fresh("c"), alice, bob)
    answer = await world.server.mute_user(bob, alice, timeout=10)
    assert (answer["mute"]["target"]["id"], answer["mute"]["user"]["id"]) == (bob, alice)
    assert "expires" in answer["mute"]
    await channel.send_message({"text": "muted"}, bob)
    assert (await world.server.unread_counts(alice))["total_unread_count"] == 0
    muted = (await world.server.query_users({"id": alice}))["users"][0]["mutes"]
    assert [mute["target"]["id"] for mute in muted] == [bob]
    several = await world.server.mute_users([bob, carol, "nobody"], alice)
    assert (len(several["mutes"]), several["non_existing_users"]) == (2, ["nobody"])
    await world.server.unmute_user(bob, alice)
    assert (await world.server.unread_counts(alice))["total_unread_count"] == 1
    await world.server.unmute_users([carol], alice)
    assert (await world.server.query_users({"id": alice}))["users"][0]["mutes"] == []


async def test_a_timed_mute_ends_and_its_owner_is_told(world: World) -> None:
    alice, bob = await people(world, 2)
    socket = await world.person(alice).online()
    await world.server.mute_user(bob, alice, timeout=1)
    assert len((await until(socket, "notification.mutes_updated"))["me"]["mutes"]) == 1
    await end(world, "mute.lift")
    assert (await until(socket, "notification.mutes_updated"))["me"]["mutes"] == []
    await socket.close()


async def test_messages_and_users_are_flagged_once_by_each(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    sent = (await channel.send_message({"text": "spam"}, bob))["message"]["id"]
    flag = (await world.server.flag_message(sent, user_id=alice, reason="spam"))["flag"]
    assert (flag["target_message_id"], flag["user"]["id"], flag["created_by_automod"]) == (sent, alice, False)
    with pytest.raises(StreamAPIException, match="flag already exists"):
        await world.server.flag_message(sent, user_id=alice)
    for conditions in ({"channel_cid": channel.cid}, {"user_id": {"$in": [bob]}}):
        flags = (await world.server.query_message_flags(conditions))["flags"]
        assert [one["message"]["id"] for one in flags] == [sent]
    report = (await world.server._query_flag_reports(message_id=sent))["flag_reports"][0]
    assert (report["message"]["id"], report["flags_count"]) == (sent, 1)
    reviewed = await world.server._review_flag_report(report["id"], "reviewed", alice, custom="x")
    assert (reviewed["flag_report"]["review_result"], reviewed["flag_report"]["review_details"]) == (
        "reviewed",
        {"custom": "x"},
    )
    await world.server.post("automod/v1/moderation/update_flags", data={"message_ids": [sent], "reviewed_by": bob})
    assert (await world.server.query_message_flags({"channel_cid": channel.cid}))["flags"][0]["reviewed_by"][
        "id"
    ] == bob
    await world.server.unflag_message(sent, user_id=alice)
    assert (await world.server.query_message_flags({"channel_cid": channel.cid}))["flags"] == []
    assert (await world.server.flag_user(bob, user_id=alice))["flag"]["target_user"]["id"] == bob
    await world.server.unflag_user(bob, user_id=alice)
    with pytest.raises(StreamAPIException):
        await world.server.flag_message("none", user_id=alice)


async def test_blocklists_are_kept(world: World) -> None:
    name = fresh("list")
    await world.server.create_blocklist(name=name, words=["fudge", "heck"], type="word")
    with pytest.raises(StreamAPIException):
        await world.server.create_blocklist(name=name, words=["x"])
    listed = {one["name"]: one for one in (await world.server.list_blocklists())["blocklists"]}
    assert {name, "profanity_en_2020_v1"} <= set(listed)
    await world.server.update_blocklist(name, words=["dang"])
    assert (await world.server.get_blocklist(name))["blocklist"]["words"] == ["dang"]
    await world.server.delete_blocklist(name)
    with pytest.raises(StreamAPIException) as gone:
        await world.server.get_blocklist(name)
    assert gone.value.status_code == 404


@pytest.mark.parametrize("behaviour", ["flag", "block", "shadow_block"])
async def test_a_blocklist_of_a_channel_type_applies_on_send(world: World, behaviour: str) -> None:
    alice = (await people(world, 1))[0]
    name, kind = fresh("list"), f"t{fresh()[:20]}"
    await world.server.create_blocklist(name=name, words=["fudge"])
    await world.server.create_channel_type({"name": kind, "blocklist": name, "blocklist_behavior": behaviour})
    channel = world.server.channel(kind, fresh("c"), {"members": [alice]})
    await channel.create(alice)
    path = f"/channels/{kind}/{channel.id}/message"
    status, body = await world.person(alice).call("POST", path, {"message": {"text": "Oh Fudge!"}})
    message = body["message"]
    assert (status, message["type"]) == (201, "error" if behaviour == "block" else "regular")
    assert message["shadowed"] is (behaviour == "shadow_block")
    stored = (await channel.query())["messages"]
    assert len(stored) == (0 if behaviour == "block" else 1)
    if behaviour == "flag":
        flags = (await world.server.query_message_flags({"channel_cid": channel.cid}))["flags"]
        assert flags[0]["created_by_automod"] is True
    if behaviour == "block":
        assert "Fudge" not in message["text"]
        await world.server.post("moderation/unblock_message", data={"target_message_id": message["id"]})
        assert (await channel.query())["messages"][0]["text"] == "Oh Fudge!"
    # A server's own words pass, unless it asks for the check.
    assert (await channel.send_message({"text": "fudge"}, alice))["message"]["type"] == "regular"
    assert (await say(world, alice, "none"))[0] == 404


async def test_conditions_of_rules_that_make_no_sense_hold_never(world: World) -> None:
    alice = (await people(world, 1))[0]
    channel = await world.channel(fresh("c"), alice)
    odd = [{"text_content_params": {"blocklist_match": 5, "text_length": "x"}}, {"user_role_params": {"role": []}}]
    body = {"name": fresh("rule"), "rule_type": "content", "conditions": odd, "action": {"type": "block_content"}}
    path = "/api/v2/moderation/moderation_rule"
    made = await world.server.post(path, data=body)
    assert (await say(world, alice, channel.id))[1]["message"]["type"] == "regular"
    await world.server.delete(f"{path}/{made['rule']['id']}")


async def test_the_blocking_client_moderates(world: World) -> None:
    alice, bob = await people(world, 2)

    def use() -> tuple[str, int]:
        client = sync_client(world.running)
        client.ban_user(bob, user_id=alice)
        client.unban_user(bob)
        client.mute_user(bob, alice)
        client.unmute_user(bob, alice)
        name = fresh("list")
        client.create_blocklist(name, ["a"])
        client.delete_blocklist(name)
        flag = client.flag_user(bob, user_id=alice)["flag"]
        return flag["target_user"]["id"], len(
            client.query_banned_users({"filter_conditions": {"user_id": bob}})["bans"]
        )

    assert await asyncio.to_thread(use) == (bob, 0)


async def test_the_second_dialect_bans_mutes_and_flags(world: World, v2: Any) -> None:
    m: Any = pytest.importorskip("getstream.models")
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    sent = (await channel.send_message({"text": "spam"}, bob))["message"]["id"]
    await v2.moderation.ban(target_user_id=bob, banned_by_id=alice, reason="x", timeout=10, channel_cid=channel.cid)
    payload = m.QueryBannedUsersPayload(filter_conditions={"user_id": bob})
    ban = (await v2.chat.query_banned_users(payload)).data.bans[0]
    assert (ban.user.id, ban.channel.cid, ban.reason) == (bob, channel.cid, "x")
    await v2.moderation.unban(target_user_id=bob, unbanned_by_id=alice, channel_cid=channel.cid)
    assert (await v2.chat.query_banned_users(payload)).data.bans == []
    assert (await v2.chat.query_future_channel_bans(m.QueryFutureChannelBansPayload(user_id=alice))).data.bans == []
    muted = (await v2.moderation.mute(target_ids=[bob], user_id=alice)).data
    assert (muted.mutes[0].target.id, muted.own_user.mutes[0].target.id) == (bob, bob)
    await v2.moderation.unmute(target_ids=[bob], user_id=alice)
    kind = "stream:chat:v1:message"
    item_id = (await v2.moderation.flag(entity_type=kind, entity_id=sent, user_id=alice, reason="spam")).data.item_id
    item = (await v2.moderation.get_review_queue_item(id=item_id)).data.item
    assert (item.message.id, item.flags[0].reason, item.entity_creator.flagged_count) == (sent, "spam", 1)
    flags = m.QueryMessageFlagsPayload(filter_conditions={"channel_cid": channel.cid})
    assert len((await v2.chat.query_message_flags(flags)).data.flags) == 1
    assert (await v2.moderation.query_moderation_flags(filter={"entity_id": sent})).data.flags[0].user.id == alice
    assert (await v2.moderation.get_flag_count(entity_creator_id=bob)).data.count == 1
    queue = (await v2.moderation.query_review_queue(filter={"entity_id": sent})).data
    assert [one.id for one in queue.items] == [item_id]
    done = await v2.moderation.submit_action(
        action_type="delete_message", item_id=item_id, user_id=alice, delete_message=m.DeleteMessageRequestPayload()
    )
    assert (done.data.item.status, done.data.item.latest_moderator_action) == ("reviewed", "delete_message")
    assert (await world.server.get_message(sent))["message"]["type"] == "deleted"
    appeal = await v2.moderation.appeal(appeal_reason="sorry", entity_id=sent, entity_type=kind, user_id=bob)
    assert (await v2.moderation.get_appeal(id=appeal.data.appeal_id)).data.item.status == "submitted"
    bulk = await v2.moderation.bulk_action_appeals(action_type="restore", appeal_ids=[appeal.data.appeal_id, "none"])
    assert (bulk.data.results[0].appeal_item.status, bulk.data.errors[0].appeal_id) == ("accepted", "none")
    assert (await world.server.get_message(sent))["message"]["type"] == "regular"
    assert len((await v2.moderation.query_appeals(filter={"user_id": bob})).data.items) == 1
    logs = (await v2.moderation.query_moderation_logs(filter={"item_id": item_id})).data.logs
    assert {log.type for log in logs} == {"delete_message", "restore"}


async def test_bans_and_their_end_are_noted_with_who_and_why(world: World, v2: Any) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    await v2.moderation.ban(target_user_id=bob, banned_by_id=alice, reason="spam")
    await v2.moderation.ban(target_user_id=bob, banned_by_id=alice, channel_cid=channel.cid)
    for _ in range(2):
        await v2.moderation.unban(target_user_id=bob)
    logs = (await v2.moderation.query_moderation_logs(filter={"target_user_id": bob})).data.logs
    assert [(log.type, log.user_id, log.reason, log.custom) for log in logs] == [
        ("unban", "", "", {}),
        ("ban", alice, "", {"channel_cid": channel.cid}),
        ("ban", alice, "spam", {}),
    ]


async def test_reports_are_found_by_author_channel_and_verdict(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    sent = (await channel.send_message({"text": "bad"}, bob))["message"]["id"]
    await world.server.flag_message(sent, user_id=alice)
    query = world.server._query_flag_reports
    report_id = (await query(message_id=sent))["flag_reports"][0]["id"]
    for found in (
        {"user_id": bob},
        {"user_id": bob, "is_reviewed": False},
        {"report_id": report_id},
        {"channel_cid": channel.cid},
    ):
        assert [report["id"] for report in (await query(**found))["flag_reports"]] == [report_id], found
    await world.server._review_flag_report(report_id, "reviewed", alice)
    assert (await query(user_id=bob, is_reviewed=False))["flag_reports"] == []
    for found in ({"review_result": "reviewed", "user_id": bob}, {"reviewed_by": alice}):
        assert [report["id"] for report in (await query(**found))["flag_reports"]] == [report_id], found


async def test_the_second_dialect_configures_and_checks(world: World, v2: Any) -> None:
    m: Any = pytest.importorskip("getstream.models")
    alice = (await people(world, 1))[0]
    name, kind = fresh("list"), f"t{fresh()[:20]}"
    await v2.create_block_list(name=name, words=["fudge"], is_leet_check_enabled=True, is_plural_check_enabled=True)
    rule = m.BlockListRule(name=name, action="mask_flag")
    key = f"chat:{kind}"
    config = await v2.moderation.upsert_config(key=key, block_list_config=m.BlockListConfig(enabled=True, rules=[rule]))
    assert config.data.config.block_list_config.rules[0].name == name
    assert (await v2.moderation.get_config(key=key)).data.config.key == key
    assert len((await v2.moderation.query_moderation_configs(filter={"key": key})).data.configs) == 1
    await world.server.create_channel_type({"name": kind})
    channel = world.server.channel(kind, fresh("c"), {"members": [alice]})
    await channel.create(alice)
    path = f"/channels/{kind}/{channel.id}/message"
    status, body = await world.person(alice).call("POST", path, {"message": {"text": "two fudg3s please"}})
    assert (status, body["message"]["text"]) == (201, "two ****** please")
    checked = await v2.moderation.check(
        entity_creator_id=alice, entity_id=fresh(), entity_type="post", config_key=key,
        moderation_payload=m.ModerationPayload(texts=["fudge"]),
    )  # fmt: skip
    assert (checked.data.recommended_action, checked.data.item.flags[0].labels) == ("flag", [name])
    clean = await v2.moderation.check(
        entity_creator_id=alice, entity_id=fresh(), entity_type="post", config_key=key,
        moderation_payload=m.ModerationPayload(texts=["fine"]),
    )  # fmt: skip
    assert (clean.data.recommended_action, clean.data.item) == ("keep", None)
    custom = await v2.moderation.custom_check(
        entity_id="p1",
        entity_type="post",
        entity_creator_id=alice,
        flags=[m.CustomCheckFlag(type="mine", labels=["x"])],
    )
    assert custom.data.item.flags[0].type == "mine"
    banned = await v2.moderation.submit_action(
        action_type="ban", item_id=custom.data.id, ban=m.BanActionRequestPayload(reason="r", timeout=5)
    )
    assert banned.data.item.bans[0].reason == "r"
    await v2.moderation.submit_action(action_type="unban", item_id=custom.data.id)
    text = (await v2.moderation.analyze(texts={"a": "fudge", "b": "fine"}, config_key=key)).data.texts
    assert (text["a"].action, text["b"].action) == ("flag", "keep")
    task = (await v2.import_block_list(id=name, items=["heck", "dang"])).data.task_id
    assert (await v2.get_task(id=task)).data.result == {"imported": 2, "total": 3}
    words = m.RuleBuilderCondition(
        type="text_content", text_content_params=m.TextContentParameters(blocklist_match=[name])
    )
    made = await v2.moderation.upsert_moderation_rule(
        name=fresh("rule"), rule_type="content", conditions=[words], config_keys=[key],
        action=m.RuleBuilderAction(type="block_content"),
    )  # fmt: skip
    status, body = await world.person(alice).call("POST", path, {"message": {"text": "heck"}})
    assert (status, body["message"]["type"]) == (201, "error")
    await v2.moderation.bypass(target_user_id=alice, enabled=True)
    status, body = await world.person(alice).call("POST", path, {"message": {"text": "heck"}})
    assert body["message"]["type"] == "regular"
    assert (await v2.moderation.get_moderation_rule(id=made.data.rule.id)).data.rule.conditions[
        0
    ].type == "text_content"
    assert (await v2.moderation.query_moderation_rules(filter={"id": made.data.rule.id})).data.rules
    await v2.moderation.delete_moderation_rule(id=made.data.rule.id)
    tests = await v2.moderation.create_policy_test_set(
        name="t", config_key=key, rows=[m.PolicyTestRow(text="heck", recommended_action="mask_flag")]
    )
    run = (await v2.moderation.start_policy_test_run(id=tests.data.set.id)).data
    assert (run.run.metrics.totals.passed, run.results[0].passed) == (1, True)
    assert (await v2.moderation.get_policy_test_run(id=run.run.id)).data.run.id == run.run.id
    assert (await v2.moderation.get_policy_test_set(id=tests.data.set.id)).data.recent_runs[0].id == run.run.id
    assert len((await v2.moderation.list_policy_test_sets()).data.sets) >= 1
    await v2.moderation.delete_policy_test_set(id=tests.data.set.id)
    await v2.moderation.delete_config(key=key)
    with pytest.raises(Exception, match="not found"):
        await v2.moderation.get_config(key=key)


async def test_the_second_dialect_sets_moderators_up(world: World, v2: Any) -> None:
    m: Any = pytest.importorskip("getstream.models")
    action = (await v2.moderation.upsert_action_config(action="ban", entity_type="post", order=1)).data.action_config
    item = m.UpsertActionConfigItem(action="custom", entity_type="post", order=2, custom={"a": 1})
    more = (await v2.moderation.bulk_upsert_action_config(action_configs=[item])).data.action_configs
    shown = (await v2.moderation.get_action_config(entity_type="post")).data.action_config["post"]
    assert [(one.action, one.custom) for one in shown] == [("ban", {}), ("custom", {"a": 1})]
    assert (await v2.moderation.bulk_delete_action_config(ids=[more[0].id])).data.deleted == 1
    assert (await v2.moderation.delete_action_config(id=action.id)).data.deleted == 1
    queue = (await v2.moderation.create_queue(name="q", type="custom", filters={"entity_type": "none"})).data.queue
    assert (await v2.moderation.get_queue(id=queue.id)).data.queue.item_count == 0
    assert (await v2.moderation.update_queue(id=queue.id, name="r")).data.queue.name == "r"
    assert queue.id in [one.id for one in (await v2.moderation.list_queues()).data.queues]
    await v2.moderation.delete_queue(id=queue.id)
    assert (await v2.moderation.get_setup_session()).data.setup_session is None
    session = await v2.moderation.upsert_setup_session(current_step="one", status="in_progress", setup_data={"a": 1})
    assert session.data.setup_session.setup_data == {"a": 1}
    payload = m.FeedsModerationTemplateConfigPayload(config_key="k", data_types={"a": "text"})
    assert (await v2.moderation.v2_upsert_template(name="t", config=payload)).data.config.config_key == "k"
    assert len((await v2.moderation.v2_query_templates()).data.templates) == 1
    await v2.moderation.v2_delete_template()
    result = (await v2.moderation.labels(content="what the fuck", content_id="c1")).data
    assert (result.recommended_action, result.masked_content) == ("flag", "what the ****")
    assert (await v2.moderation.query_label_results(filter={"content_id": "c1"})).data.label_results[0].content
    await v2.moderation.submit_moderation_feedback(message="m", published_at="2026-01-01", reference="r")
    log = {"action_type": "ban", "entity_creator_id": "x", "entity_id": "e", "entity_type": "post"}
    await v2.moderation.insert_action_log(**log, custom={"a": 1})
    assert (await v2.moderation.query_moderation_logs(filter={"entity_id": "e"})).data.logs[0].custom == {"a": 1}
    assert (await v2.moderation.check_s3_access()).data.success is False
    task = (await v2.moderation.bulk_image_moderation(csv_file="https://x/y.csv")).data.task_id
    assert (await v2.get_task(id=task)).data.status == "failed"


async def test_an_edit_is_screened_as_a_send_is(world: World) -> None:
    name, kind = fresh("list"), fresh("type")
    await world.server.create_blocklist(name=name, words=["fudge"])
    await world.server.create_channel_type({"name": kind, "blocklist": name, "blocklist_behavior": "block"})
    (ann,) = await people(world, 1)
    channel = world.server.channel(kind, fresh("room"), {"members": [ann]})
    await channel.create(ann)
    person = world.person(ann)
    path = f"/channels/{channel.cid.replace(':', '/')}/message"
    _, sent = await person.call("POST", path, {"message": {"text": "hello"}})
    id_ = sent["message"]["id"]
    edits = (
        ("POST", {"message": {"text": "oh f\u200budge"}}),
        ("PUT", {"set": {"text": "FUDGE"}}),
    )
    for method, body in edits:
        status, answer = await person.call(method, f"/messages/{id_}", body)
        assert (status < 300, answer["message"]["type"]) == (True, "error")
        assert (await world.server.get_message(id_))["message"]["text"] == "hello"
    status, answer = await person.call("PUT", f"/messages/{id_}", {"set": {"text": "hello again"}})
    assert (answer["message"]["type"], answer["message"]["text"]) == ("regular", "hello again")


async def configured(world: World, cid: str, **parts: Any) -> None:
    """Set the configuration of one channel."""
    await world.server.post("/api/v2/moderation/config", data={"key": f"chat:{cid}", **parts})


@pytest.mark.parametrize(
    ("parts", "texts", "refused"),
    [
        (
            {
                "velocity_filter_config": {
                    "rules": [{"action": "remove", "fast_spam_threshold": 3, "fast_spam_ttl": 60}]
                }
            },
            ["a", "b", "c"],
            [False, False, True],
        ),
        (
            {
                "velocity_filter_config": {
                    "rules": [{"action": "remove", "fast_spam_threshold": 2, "fast_spam_ttl": 60, "url_only": True}]
                }
            },
            ["https://a.example", "no link", "https://b.example"],
            [False, False, True],
        ),
        (
            {"flood_config": {"identical": {"action": "remove", "threshold": 2, "time_window": "1m"}}},
            ["hello", "bye", "hello"],
            [False, False, True],
        ),
        (
            {"flood_config": {"similar": {"action": "remove", "threshold": 2, "similarity_distance": 20}}},
            ["buy my drill now", "buy my drill now!", "good morning"],
            [False, True, False],
        ),
        (
            {"flood_config": {"identical": {"action": "remove", "threshold": 2}, "allowlist": ["ok"]}},
            ["ok", "ok"],
            [False, False],
        ),
    ],
)
async def test_a_channel_slows_down_who_writes_too_fast_or_the_same(
    world: World, parts: dict[str, Any], texts: list[str], refused: list[bool]
) -> None:
    (ann,) = await people(world, 1)
    channel = await world.channel(fresh("c"), ann)
    await configured(world, channel.cid, **parts)
    said = [(await say(world, ann, channel.id, text))[1]["message"]["type"] == "error" for text in texts]
    assert said == refused


async def test_a_rule_inside_of_a_configuration_acts_and_rests(world: World) -> None:
    (ann,) = await people(world, 1)
    channel = await world.channel(fresh("c"), ann)
    rule = {
        "rule_type": "content",
        "action": {"type": "block_content", "reason": "links"},
        "conditions": [{"type": "text_content", "text_content_params": {"contains_url": True}}],
    }
    await configured(world, channel.cid, rule_builder_config={"rules": [rule]})
    link = "see https://x.example"
    assert (await say(world, ann, channel.id, link))[1]["message"]["type"] == "error"
    assert (await say(world, ann, channel.id, link))[1]["message"]["type"] == "error"
    await configured(world, channel.cid, rule_builder_config={"rules": [{**rule, "id": "r", "cooldown_period": "1h"}]})
    assert (await say(world, ann, channel.id, link))[1]["message"]["type"] == "error"
    assert (await say(world, ann, channel.id, link))[1]["message"]["type"] == "regular"


async def test_the_end_of_a_shadow_is_seen_at_once(world: World) -> None:
    await world.server.upsert_users([{"id": "alice"}, {"id": "bob"}, {"id": "mo"}])
    await world.channel("room", "alice", "bob")
    bob = world.person("bob")
    socket = await bob.online()
    await bob.watch("room")
    sent = (await world.server.channel("messaging", "room").send_message({"text": "hello"}, "alice"))["message"]["id"]
    assert (await until(socket, "message.new"))["message"]["id"] == sent
    flag = await world.server.flag_message(sent, user_id="mo")
    act = {"item_id": flag["review_queue_item_id"], "user_id": "mo"}
    submit = "api/v2/moderation/submit_action"
    await world.server.post(submit, data={**act, "action_type": "shadow_block"})
    assert (await until(socket, "message.deleted"))["message"]["id"] == sent
    assert (await bob.watch("room"))["messages"] == []
    await world.server.post(submit, data={**act, "action_type": "unblock"})
    assert (await until(socket, "message.undeleted"))["message"]["text"] == "hello"
    assert [message["id"] for message in (await bob.watch("room"))["messages"]] == [sent]
    ban = {"type": "messaging", "id": "room", "banned_by_id": "mo"}
    await world.server.shadow_ban("alice", **ban)
    alice = world.person("alice")
    post = "/channels/messaging/room/message"
    await alice.call("POST", post, {"message": {"text": "unseen"}})
    await world.server.remove_shadow_ban("alice", **ban)
    await alice.call("POST", post, {"message": {"text": "seen"}})
    assert (await until(socket, "message.new"))["message"]["text"] == "seen"
    assert [message["text"] for message in (await bob.watch("room"))["messages"]] == ["hello", "seen"]
    await socket.close()
