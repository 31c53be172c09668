"""Segments, campaigns, imports, predefined filters and retention, through both SDKs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from stream_chat.base.exceptions import StreamAPIException
from stream_chat.types.base import SortOrder
from stream_chat.types.segment import SegmentType

from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.kernel.scheduler import SCHEDULED
from tests.sandbox.clients import fresh, people, shared_world, sync_client, v2_client
from tests.sandbox.conftest import World
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with shared_world() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def v2(world: World) -> AsyncIterator[Any]:
    async with v2_client(world.running) as client:
        yield client


def template(text: str = "Hello {{ receiver.name }}") -> dict[str, Any]:
    return {"text": text, "attachments": [{"type": "image", "colour": "red"}], "custom": {"promo": True}}


async def texts(world: World, user_id: str) -> list[str]:
    """What stands in a user's channels."""
    answer = await world.server.query_channels({"members": {"$in": [user_id]}})
    return [message["text"] for entry in answer["channels"] for message in entry["messages"]]


async def test_a_segment_holds_targets_that_need_not_exist(world: World) -> None:
    segment = world.server.segment(SegmentType.USER, fresh("segment"), {"name": "Some", "description": "people"})
    made = (await segment.create())["segment"]
    assert (made["name"], made["type"], made["size"]) == ("Some", "user", 0)
    ids = sorted(fresh("u") for _ in range(3))
    await segment.add_targets(ids)
    assert (await segment.get())["segment"]["size"] == 3
    await segment.target_exists(ids[0])
    with pytest.raises(StreamAPIException) as missing:
        await segment.target_exists("nobody")
    assert (missing.value.status_code, missing.value.error_code) == (404, 16)
    sort = [{"field": "target_id", "direction": SortOrder.DESC}]
    page = await segment.query_targets({"target_id": {"$lte": ids[1]}}, sort, {"limit": 1})
    assert [one["target_id"] for one in page["targets"]] == [ids[1]]
    rest = await segment.query_targets({"target_id": {"$lte": ids[1]}}, sort, {"limit": 1, "next": page["next"]})
    assert [one["target_id"] for one in rest["targets"]] == [ids[0]]
    await segment.remove_targets(ids[:2])
    assert (await segment.get())["segment"]["size"] == 1
    assert (await segment.update({"name": "Other"}))["segment"]["name"] == "Other"
    found = await world.server.query_segments({"id": {"$eq": segment.segment_id}}, [{"field": "name", "direction": 1}])
    assert [one["name"] for one in found["segments"]] == ["Other"]
    await segment.delete()
    with pytest.raises(StreamAPIException):
        await segment.get()


async def test_a_campaign_reaches_each_target_in_a_channel_of_its_own(world: World) -> None:
    sender, bob = await people(world, 2)
    carol = (await people(world, 1, name="Carol", tier="gold"))[0]
    segment = world.server.segment(SegmentType.USER, data={"filter": {"tier": "gold"}})
    await segment.create()
    await segment.add_targets([bob])
    data: dict[str, Any] = {
        "name": "spring",
        "sender_id": sender,
        "segment_ids": [segment.segment_id],
        "message_template": template(),
        "create_channels": True,
        "channel_template": {"type": "messaging", "custom": {"from": "campaign"}},
    }
    campaign = world.server.campaign(data=data)
    made = (await campaign.create())["campaign"]
    assert (made["status"], made["stats"]["stats_messages_sent"]) == ("draft", 0)
    started = (await campaign.start())["campaign"]
    assert (started["status"], started["stats"]["progress"]) == ("in_progress", 0.0)
    started = await ended(campaign)
    assert started["stats"]["progress"] == 1.0
    assert started["stats"]["stats_users_sent"] == started["stats"]["stats_channels_created"] == 2
    assert await texts(world, carol) == ["Hello Carol"]
    states = (await world.server.query_channels({"members": {"$in": [carol]}}))["channels"]
    assert (states[0]["channel"]["from"], len(states[0]["members"])) == ("campaign", 2)
    message = states[0]["messages"][0]
    assert (message["user"]["id"], message["promo"], message["attachments"][0]["colour"]) == (sender, True, "red")
    await world.server.channel("messaging", states[0]["channel"]["id"]).mark_read(carol)
    assert (await campaign.get())["campaign"]["stats"]["stats_users_read"] == 1
    with pytest.raises(StreamAPIException):
        await campaign.start()


async def ended(campaign: Any) -> dict[str, Any]:
    """The campaign, once it is completed."""

    async def completed() -> Any:
        found = (await campaign.get())["campaign"]
        return found if found["status"] == "completed" else None

    return dict(await until(completed))


async def test_a_campaign_is_stopped_in_the_middle_and_goes_on_without_repeating_anybody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = world.running.sandbox
    monkeypatch.setattr(sandbox, "config", replace(sandbox.config, campaign_rate=20))
    sender, *receivers = await people(world, 9)
    data = {
        "sender_id": sender,
        "user_ids": receivers,
        "message_template": template("hi"),
        "create_channels": True,
        "channel_template": {"type": "messaging"},
    }
    campaign = world.server.campaign(fresh("campaign"), data)
    await campaign.create()
    await campaign.start()

    async def under_way() -> bool:
        return bool(0 < (await campaign.get())["campaign"]["stats"]["progress"] < 1)

    await until(under_way)
    stopped = (await campaign.stop())["campaign"]
    assert stopped["status"] == "stopped"
    assert 0 < stopped["stats"]["stats_messages_sent"] < 8
    await campaign.start()
    assert (await ended(campaign))["stats"]["stats_messages_sent"] == 8
    assert [await texts(world, one) for one in receivers] == [["hi"]] * 8


async def test_a_campaign_leaves_out_who_is_gone_and_has_limits(world: World) -> None:
    sender, bob, carol = await people(world, 3)
    await world.server.deactivate_user(carol)
    base = {"sender_id": sender, "message_template": template("hi"), "create_channels": True,
            "channel_template": {"type": "messaging"}}  # fmt: skip
    campaign = world.server.campaign(fresh("campaign"), {**base, "user_ids": [bob, carol]})
    await campaign.create()
    await campaign.start()
    assert (await ended(campaign))["stats"]["stats_users_sent"] == 1
    for wrong in ({"user_ids": [f"u{n}" for n in range(10_001)]}, {"segment_ids": [f"s{n}" for n in range(26)]}):
        with pytest.raises(StreamAPIException, match="at most"):
            await world.server.campaign(fresh("campaign"), {**base, **wrong}).create()


async def test_a_scheduled_campaign_waits_can_be_stopped_and_runs_at_its_time(world: World) -> None:
    sender, bob = await people(world, 2)
    data = {
        "sender_id": sender,
        "user_ids": [bob],
        "message_template": template("later"),
        "create_channels": True,
        "channel_template": {"type": "messaging"},
    }
    campaign = world.server.campaign(fresh("campaign"), data)
    await campaign.create()
    at = datetime.now(UTC) + timedelta(hours=1)
    assert (await campaign.start(scheduled_for=at, stop_at=at + timedelta(hours=1)))["campaign"][
        "status"
    ] == "scheduled"
    assert (await campaign.stop())["campaign"]["status"] == "stopped"
    assert await texts(world, bob) == []
    await campaign.start(scheduled_for=datetime.now(UTC) + timedelta(milliseconds=50))
    await ended(campaign)
    assert await texts(world, bob) == ["later"]


async def test_campaigns_are_queried_changed_and_deleted(world: World) -> None:
    sender, bob = await people(world, 2)
    campaign = world.server.campaign(data={"sender_id": sender, "message_template": template(), "name": "a"})
    await campaign.create()
    changed = await campaign.update({"sender_id": sender, "message_template": template("new"), "name": "b"})
    assert (changed["campaign"]["name"], changed["campaign"]["message_template"]["text"]) == ("b", "new")
    found = await world.server.query_campaigns({"id": campaign.campaign_id}, [{"field": "name", "direction": 1}])
    assert [one["name"] for one in found["campaigns"]] == ["b"]
    with pytest.raises(StreamAPIException):
        await campaign.start()  # it goes to nobody
    trial = await world.server.test_campaign(campaign.campaign_id, [bob])
    assert trial["results"] == {bob: "ok"}
    assert await texts(world, bob) == ["new"]
    await campaign.delete()
    with pytest.raises(StreamAPIException) as gone:
        await campaign.get()
    assert gone.value.status_code == 404


async def test_an_import_takes_in_people_channels_and_messages(world: World) -> None:
    alice, channel, message = fresh("alice"), fresh("c"), fresh("m")
    items = [
        {"type": "message", "item": {"id": message, "channel_type": "messaging", "channel_id": channel, "user": alice,
                                     "text": "old news", "created_at": "2020-01-02T03:04:05Z", "mood": "good"}},
        {"type": "user", "item": {"id": alice, "name": "Alice", "role": "user"}},
        {"type": "channel", "item": {"id": channel, "type": "messaging", "created_by": alice, "topic": "x"}},
        {"type": "member", "item": {"channel_type": "messaging", "channel_id": channel, "user_id": alice}},
        {"type": "reaction", "item": {"message_id": message, "type": "love", "user_id": alice}},
        {"type": "reaction", "item": {"message_id": "none", "type": "love", "user_id": alice}},
    ]  # fmt: skip
    url = await world.server.create_import_url(fresh("import") + ".json")
    async with world.http.put(url["upload_url"], data=json.dumps(items)) as response:
        assert response.status == 200
    task = (await world.server.create_import(url["path"], "upsert"))["import_task"]
    assert (task["state"], task["history"][-1]["next_state"]) == ("completed", "completed")
    assert [error["item"] for error in task["result"]["errors"]] == [6]
    read = (await world.server.get_message(message))["message"]
    assert (read["text"], read["created_at"], read["mood"]) == ("old news", "2020-01-02T03:04:05Z", "good")
    assert read["reaction_counts"] == {"love": 1}
    assert (await world.server.get_import(task["id"]))["import_task"]["state"] == "completed"
    assert len((await world.server.list_imports({"limit": 1}))["import_tasks"]) == 1
    with pytest.raises(StreamAPIException):
        await world.server.create_import("nowhere.json")
    async with world.http.put(url["upload_url"].replace(url["path"].split("/")[1], "0"), data="[]") as response:
        assert response.status == 404


async def test_an_import_of_a_file_that_was_never_put_fails_as_a_task(world: World) -> None:
    url = await world.server.create_import_url("later.json")
    task = (await world.server.create_import(url["path"], "upsert"))["import_task"]
    assert task["state"] == "failed"
    assert "nothing was put" in task["result"]["errors"][0]["error"]
    assert (await world.server.get_import(task["id"]))["import_task"]["state"] == "failed"


async def test_a_retention_policy_deletes_what_is_old(world: World) -> None:
    alice = (await people(world, 1))[0]
    channel = await world.channel(fresh("c"), alice)
    kept = (await channel.send_message({"text": "young"}, alice))["message"]["id"]
    old = (await channel.send_message({"text": "old"}, alice))["message"]["id"]
    record = world.running.sandbox.store[MESSAGES].get(old)
    assert record is not None
    record.created_at = datetime.now(UTC) - timedelta(days=3)
    await world.server.post("retention_policy", data={"policy": "old-messages", "max_age_hours": 24})
    planned = world.running.sandbox.store[SCHEDULED].get("retention.run/old-messages")
    assert planned is not None
    world.running.sandbox.store[SCHEDULED].remove(planned.key)
    planned.at = datetime.now(UTC)
    world.running.sandbox.store[SCHEDULED].put(planned)
    runs = (await world.server.post("retention_policy/runs", data={}))["runs"]
    assert (runs[0]["policy"], runs[0]["stats"]["messages_deleted"] > 0) == ("old-messages", True)
    assert [message["id"] for message in (await channel.get_messages([kept, old]))["messages"]] == [kept]
    assert len((await world.server.get("retention_policy"))["policies"]) == 1
    await world.server.post("retention_policy/delete", data={"policy": "old-messages"})
    with pytest.raises(StreamAPIException):
        await world.server.post("retention_policy/delete", data={"policy": "old-messages"})


async def test_a_predefined_filter_is_filled_in_by_a_query(world: World) -> None:
    alice, name = (await people(world, 1))[0], fresh("filter")
    channel = await world.channel(fresh("c"), alice)
    body = {
        "name": name,
        "operation": "QueryChannels",
        "filter": {"members": {"$in": ["{{ user_id }}"]}},
        "sort": [{"field": "created_at", "direction": -1}],
    }
    assert (await world.server.post("predefined_filters", data=body))["predefined_filter"]["name"] == name
    found = await world.server.query_channels({}, predefined_filter=name, filter_values={"user_id": alice})
    assert [entry["channel"]["cid"] for entry in found["channels"]] == [channel.cid]
    assert found["predefined_filter"]["filter"] == {"members": {"$in": [alice]}}
    with pytest.raises(StreamAPIException):
        await world.server.query_channels({}, predefined_filter=name)
    listed = await world.server.get("predefined_filters", params={"include_stats": "true"})
    assert any(one["name"] == name and one["stats"]["calls"] == 1 for one in listed["predefined_filters"])
    await world.server.delete(f"predefined_filters/{name}")


async def test_the_blocking_client_runs_a_campaign(world: World) -> None:
    sender, bob = await people(world, 2)

    def use() -> str:
        client = sync_client(world.running)
        segment = client.segment(SegmentType.USER)
        segment.create()
        segment.add_targets([bob])
        data = {"sender_id": sender, "segment_ids": [segment.segment_id], "message_template": {"text": "{Hello}"}}
        campaign = client.campaign(data=data)
        campaign.create()
        campaign.start()
        while (status := campaign.get()["campaign"]["status"]) == "in_progress":
            time.sleep(0.05)
        return str(status)

    assert await asyncio.to_thread(use) == "completed"
    assert await texts(world, bob) == []  # it may create no channel, and there was none


@pytest.mark.filterwarnings("ignore:Missing value of non-optional type")  # times that are still to come are null
async def test_the_second_dialect_grows(world: World, v2: Any) -> None:
    m: Any = pytest.importorskip("getstream.models")
    sender, bob = await people(world, 2)
    segment = (await v2.chat.create_segment(type="user", name="s", filter={"id": bob})).data.segment
    assert segment.size == 1
    await v2.chat.add_segment_targets(id=segment.id, target_ids=[sender])
    await v2.chat.segment_target_exists(id=segment.id, target_id=sender)
    assert len((await v2.chat.query_segment_targets(id=segment.id)).data.targets) == 1
    await v2.chat.delete_segment_targets(id=segment.id, target_ids=[sender])
    assert (await v2.chat.update_segment(id=segment.id, name="t")).data.segment.name == "t"
    assert (await v2.chat.query_segments(filter={"id": segment.id})).data.segments[0].name == "t"
    text = m.CampaignMessageTemplate(
        text="hi", searchable=True, poll_id="", attachments=[m.Attachment(type="x", custom={"a": 1})], custom={"b": 2}
    )
    rooms = m.CampaignChannelTemplate(type="messaging", custom={"c": 3}, members=[])
    made = await v2.chat.create_campaign(
        sender_id=sender, message_template=text, segment_ids=[segment.id], create_channels=True, channel_template=rooms
    )
    campaign = made.data.campaign
    assert (campaign.message_template.attachments[0].custom, campaign.stats.stats_messages_sent) == ({"a": 1}, 0)
    updated = await v2.chat.update_campaign(id=campaign.id, sender_id=sender, message_template=text, name="n")
    assert updated.data.name == "n"
    at = datetime.now(UTC) + timedelta(hours=1)
    assert (await v2.chat.start_campaign(id=campaign.id, scheduled_for=at)).data.campaign.status == "scheduled"
    assert (await v2.chat.stop_campaign(id=campaign.id)).data.status == "stopped"
    assert (await v2.chat.start_campaign(id=campaign.id)).data.campaign.status == "in_progress"

    async def completed() -> bool:
        return bool((await v2.chat.get_campaign(id=campaign.id)).data.campaign.status == "completed")

    await until(completed)
    assert (await v2.chat.get_campaign(id=campaign.id)).data.campaign.stats.stats_messages_sent == 1
    assert (await v2.chat.query_campaigns(filter={"id": campaign.id})).data.campaigns[0].id == campaign.id
    await v2.chat.delete_campaign(id=campaign.id)
    await v2.chat.delete_segment(id=segment.id)


async def test_the_second_dialect_imports_and_keeps(world: World, v2: Any) -> None:
    m: Any = pytest.importorskip("getstream.models")
    alice = fresh("alice")
    url = (await v2.create_import_url(filename="x.json")).data
    item = json.dumps({"type": "user", "item": {"id": alice}})
    async with world.http.put(url.upload_url, data=item) as response:
        assert response.status == 200
    task = (await v2.create_import(mode="upsert", path=url.path)).data.import_task
    assert (await v2.get_import(id=task.id)).data.import_task.history[-1].next_state == "completed"
    assert len((await v2.list_imports()).data.import_tasks) >= 1
    second = (await v2.create_import_v2_task(product="chat", settings=m.ImportV2TaskSettings(path=url.path))).data
    assert (await v2.get_import_v2_task(id=second.id)).data.result["imported"] == {"user": 1}
    bucket = m.ImportV2TaskSettings(s3=m.ImportV2TaskSettingsS3(bucket="b", dir="d", region="r"))
    third = (await v2.create_import_v2_task(product="chat", settings=bucket)).data
    await v2.cancel_import_v2_task(id=third.id)
    assert [one.id for one in (await v2.list_import_v2_tasks(state=5)).data.import_tasks] == [third.id]
    await v2.delete_import_v2_task(id=third.id)
    policy = (await v2.chat.set_retention_policy(max_age_hours=48, policy="inactive-channels")).data.policy
    assert policy.config.max_age_hours == 48
    assert (await v2.chat.get_retention_policy_runs()).data.runs is not None
    await v2.chat.delete_retention_policy(policy="inactive-channels")
    name = fresh("filter")
    sort = [{"field": "created_at", "direction": 1}]
    await v2.chat.create_predefined_filter(name=name, operation="QueryChannels", filter={"a": 1}, sort=sort)
    assert (await v2.chat.get_predefined_filter(name=name)).data.predefined_filter.sort[0].field == "created_at"
    assert (await v2.chat.get_predefined_filters(include_stats=True)).data.predefined_filters[0].stats is not None
    await v2.chat.update_predefined_filter(name=name, operation="QueryChannels", filter={"a": 2})
    await v2.chat.delete_predefined_filter(name=name)
    s3 = m.S3Request(s3_region="eu", s3_api_key="k", s3_secret="s")
    storage = fresh("storage")
    await v2.create_external_storage(bucket="b", name=storage, storage_type="s3", aws_s3=s3)
    assert (await v2.list_external_storage()).data.external_storages[storage].bucket == "b"
    await v2.update_external_storage(name=storage, bucket="c", storage_type="s3", aws_s3=s3)
    with pytest.raises(Exception, match="reaches no external storage"):
        await v2.check_external_storage(name=storage)
    await v2.delete_external_storage(name=storage)
    role = m.UpsertExternalStorageAWSS3Request(bucket="b", region="eu", role_arn="arn:x")
    await v2.upsert_importer_external_storage(type="s3", aws_s3=role)
    assert (await v2.get_importer_external_storage()).data.aws_s3.bucket == "b"
    await v2.delete_importer_external_storage()
