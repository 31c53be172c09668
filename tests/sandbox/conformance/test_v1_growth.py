"""Segments and campaigns through the v1 SDK."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from stream_chat.base.exceptions import StreamAPIException
from stream_chat.types.base import SortOrder
from stream_chat.types.segment import SegmentType

from tests.sandbox.conformance.world import World, fresh


def test_segments_from_creation_to_removal(client: Any) -> None:
    segment = client.segment(SegmentType.USER, data={"name": "test_segment", "description": "test_description"})
    created = segment.create()
    assert created.is_ok()
    assert created["segment"]["type"] == "user"
    assert segment.segment_id == created["segment"]["id"]
    found = segment.get()["segment"]
    assert (found["name"], found["description"]) == ("test_segment", "test_description")
    assert {"created_at", "updated_at", "size"} <= set(found)
    updated = segment.update(data={"name": "updated_segment", "description": "updated_description"})
    assert updated["segment"]["name"] == "updated_segment"
    assert updated["segment"]["description"] == "updated_description"
    assert segment.delete().is_ok()
    with pytest.raises(StreamAPIException) as raised:
        segment.get()
    assert raised.value.status_code == 404


def test_targets_are_added_paged_and_removed(client: Any) -> None:
    segment = client.segment(SegmentType.USER, segment_id=fresh("segment"))
    segment.create(data={"name": "targets"})
    targets = sorted(fresh() for _ in range(10))
    assert segment.add_targets(target_ids=targets).is_ok()
    assert segment.target_exists(target_id=targets[0]).is_ok()
    first = segment.query_targets(options={"limit": 3})
    assert len(first["targets"]) == 3
    assert first["next"]
    second = segment.query_targets(options={"limit": 3, "next": first["next"]})
    assert len(second["targets"]) == 3
    seen = {item["target_id"] for item in first["targets"]} | {item["target_id"] for item in second["targets"]}
    assert len(seen) == 6
    some = segment.query_targets(
        filter_conditions={"target_id": {"$lte": targets[4]}},
        sort=[{"field": "target_id", "direction": SortOrder.DESC}],
        options={"limit": 4},
    )
    assert [item["target_id"] for item in some["targets"]] == targets[4:0:-1]
    assert segment.remove_targets(target_ids=targets).is_ok()
    with pytest.raises(StreamAPIException) as raised:
        segment.target_exists(target_id=targets[0])
    assert raised.value.status_code == 404
    segment.delete()


def test_segments_are_queried(client: Any) -> None:
    names = [fresh("segment") for _ in range(3)]
    ids = [
        client.create_segment(SegmentType.USER, data={"name": name, "filter": {"role": "user"}})["segment"]["id"]
        for name in names
    ]
    every = client.segment(SegmentType.USER, data={"name": fresh(), "all_users": True}).create()
    assert every["segment"]["all_users"] is True
    sender = client.segment(SegmentType.CHANNEL, data={"name": fresh(), "all_sender_channels": True}).create()
    assert sender["segment"]["all_sender_channels"] is True
    page = client.query_segments(
        filter_conditions={"id": {"$in": ids}}, sort=[{"field": "created_at", "direction": -1}], options={"limit": 2}
    )
    assert [item["id"] for item in page["segments"]] == [ids[2], ids[1]]
    rest = client.query_segments(
        filter_conditions={"id": {"$in": ids}},
        sort=[{"field": "created_at", "direction": -1}],
        options={"limit": 2, "next": page["next"]},
    )
    assert [item["id"] for item in rest["segments"]] == [ids[0]]
    assert client.query_segments({"name": names[1]})["segments"][0]["id"] == ids[1]
    for segment_id in [*ids, every["segment"]["id"], sender["segment"]["id"]]:
        client.delete_segment(segment_id)
    with pytest.raises(StreamAPIException):
        client.get_segment(ids[0])


def _data(segment_id: str, sender: str, **more: Any) -> Any:
    return {
        "message_template": {"text": "{Hello}", "attachments": [], "custom": {"a": 1}},
        "segment_ids": [segment_id],
        "sender_id": sender,
        "name": "some name",
        "description": "some description",
        **more,
    }


@pytest.fixture
def segment(world: World) -> Any:
    made = world.client.segment(SegmentType.USER, data={"name": fresh("segment")})
    made.create()
    return made


def test_campaigns_from_creation_to_removal(world: World, segment: Any) -> None:
    sender, target = world.users(2)
    segment.add_targets([target])
    campaign = world.client.campaign(
        data=_data(
            segment.segment_id,
            sender,
            create_channels=True,
            channel_template={"type": "messaging", "id": "{{receiver.id}}"},
        )
    )
    created = campaign.create()
    assert created.is_ok()
    body = created["campaign"]
    assert campaign.campaign_id == body["id"]
    assert body["segment_ids"] == [segment.segment_id]
    assert body["message_template"]["text"] == "{Hello}"
    assert body["sender_id"] == sender
    assert body["status"] == "draft"
    assert body["stats"]["stats_messages_sent"] == 0
    found = campaign.get()
    assert found["campaign"]["name"] == "some name"
    updated = campaign.update(data=_data(segment.segment_id, sender, name="updated name"))
    assert updated["campaign"]["name"] == "updated name"
    assert campaign.delete().is_ok()
    with pytest.raises(StreamAPIException) as raised:
        campaign.get()
    assert raised.value.status_code == 404


def test_campaigns_start_now_and_later(world: World, segment: Any) -> None:
    sender, target = world.users(2)
    segment.add_targets([target])
    now = datetime.now(UTC)
    campaign = world.client.campaign(
        campaign_id=fresh("campaign"),
        data={
            "message_template": {"text": "{Hello}"},
            "user_ids": [target],
            "sender_id": sender,
            "name": "later",
            "create_channels": True,
            "channel_template": {"type": "messaging", "custom": {}},
        },
    )
    assert campaign.create().is_ok()
    started = campaign.start(scheduled_for=(now + timedelta(hours=1)).isoformat(), stop_at=now + timedelta(hours=2))
    assert started["campaign"]["status"] == "scheduled"
    assert "scheduled_for" in started["campaign"]
    stopped = campaign.stop()
    assert stopped["campaign"]["status"] == "stopped"
    with pytest.raises(StreamAPIException):
        campaign.start(scheduled_for="soon")
    world.client.delete_campaign(campaign.campaign_id)


def test_campaigns_are_queried(world: World, segment: Any) -> None:
    sender = world.user()
    made = [world.client.create_campaign(data=_data(segment.segment_id, sender))["campaign"]["id"] for _ in range(3)]
    page = world.client.query_campaigns(
        filter_conditions={"id": {"$in": made}},
        sort=[{"field": "created_at", "direction": SortOrder.DESC}],
        options={"limit": 2},
    )
    assert [item["id"] for item in page["campaigns"]] == [made[2], made[1]]
    assert page["campaigns"][0]["segments"][0]["id"] == segment.segment_id
    assert page["next"]
    for campaign_id in made:
        world.client.delete_campaign(campaign_id)


def test_campaigns_without_what_they_need_are_refused(world: World) -> None:
    sender = world.user()
    for data in (
        {"sender_id": sender},
        {"message_template": {"text": "x"}, "sender_id": fresh(), "user_ids": [sender]},
        {"message_template": {"text": "x"}, "sender_id": sender, "segment_ids": [fresh()]},
    ):
        with pytest.raises(StreamAPIException) as raised:
            world.client.create_campaign(data=data)
        assert raised.value.status_code in (400, 404)
    for call in (world.client.get_campaign, world.client.start_campaign, world.client.stop_campaign):
        with pytest.raises(StreamAPIException) as raised:
            call(fresh())
        assert raised.value.status_code == 404
