"""The app, growth and moderation through the v2 SDK."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import getstream.models as m
import pytest
import requests
from getstream.exceptions import StreamApiException

from tests.sandbox.conformance.world import Typed, fresh
from tests.support.waiting import PATIENCE


def test_settings_of_the_app(typed: Typed) -> None:
    app = typed.stream.get_app().data.app
    assert app.name
    assert "messaging" in app.channel_configs
    typed.stream.update_app(
        async_url_enrich_enabled=True, enforce_unique_usernames="no", webhook_url="https://x.test/hook",
        file_upload_config=m.FileUploadConfig(size_limit=1000, allowed_file_extensions=["txt"]),
        event_hooks=[m.EventHook(hook_type="webhook", enabled=True, event_types=["message.new"], webhook_url="https://x.test/a")],
    )  # fmt: skip
    app = typed.stream.get_app().data.app
    assert app.async_url_enrich_enabled is True
    assert app.file_upload_config.allowed_file_extensions == ["txt"]
    assert app.event_hooks[0].webhook_url == "https://x.test/a"
    assert app.event_hooks[0].id
    typed.stream.update_app(
        event_hooks=[], webhook_url="", file_upload_config=m.FileUploadConfig(size_limit=0, allowed_file_extensions=[])
    )
    with pytest.raises(StreamApiException):
        typed.stream.update_app(enforce_unique_usernames="sometimes")


def test_blocklists(typed: Typed) -> None:
    name = fresh("list")
    made = typed.stream.create_block_list(
        name=name, words=["fudge"], type="word", is_leet_check_enabled=True, is_plural_check_enabled=True
    ).data.blocklist
    assert (made.name, made.words, made.is_leet_check_enabled) == (name, ["fudge"], True)
    assert typed.stream.get_block_list(name).data.blocklist.type == "word"
    assert name in [item.name for item in typed.stream.list_block_lists().data.blocklists]
    changed = typed.stream.update_block_list(name, words=["dang"]).data.blocklist
    assert changed.words == ["dang"]
    typed.stream.delete_block_list(name)
    with pytest.raises(StreamApiException) as raised:
        typed.stream.get_block_list(name)
    assert raised.value.status_code == 404


def test_permissions_and_roles(typed: Typed) -> None:
    permission, role = fresh("permission"), fresh("role")
    condition = {"$subject.magic": {"$eq": "true"}}
    typed.stream.create_permission(
        id=permission, name="P", action="DeleteChannel", condition=condition, description="D", owner=False
    )
    found = typed.stream.get_permission(permission).data.permission
    assert (found.id, found.action, found.custom, found.condition) == (permission, "DeleteChannel", True, condition)
    typed.stream.update_permission(permission, name="Q", action="DeleteChannel", condition=condition, same_team=True)
    assert permission in [item.id for item in typed.stream.list_permissions().data.permissions]
    typed.stream.delete_permission(permission)
    assert typed.stream.create_role(name=role).data.role.name == role
    assert role in [item.name for item in typed.stream.list_roles().data.roles]
    assert role in [item.name for item in typed.stream.search_roles(query=role[:10], limit=10).data.roles]
    typed.stream.delete_role(role)


def test_push(typed: Typed) -> None:
    user = typed.user()
    name = fresh("push")
    made = typed.stream.upsert_push_provider(
        push_provider=m.PushProviderRequest(name=name, type="xiaomi", xiaomi_package_name="p", xiaomi_app_secret="s")
    ).data.push_provider
    assert (made.name, made.type) == (name, "xiaomi")
    template = typed.stream.upsert_push_template(
        event_type="message.new",
        push_provider_type="xiaomi",
        push_provider_name=name,
        template='{"a": 1}',
        enable_push=True,
    ).data.template
    assert template.event_type == "message.new"
    found = typed.stream.get_push_templates(push_provider_type="xiaomi", push_provider_name=name).data.templates
    assert [item.event_type for item in found] == ["message.new"]
    assert name in [item.name for item in typed.stream.list_push_providers().data.push_providers]
    typed.stream.delete_push_provider("xiaomi", name)
    message = typed.send(typed.channel(user), user)
    answer = typed.stream.check_push(
        message_id=message.id, user_id=user, skip_devices=True, event_type="message.new"
    ).data
    assert answer.rendered_message is not None
    assert typed.stream.check_sqs(sqs_key="k", sqs_secret="s", sqs_url="https://foo.com/bar").data.status == "error"
    assert (
        typed.stream.check_sns(sns_key="k", sns_secret="s", sns_topic_arn="arn:aws:sns:us-east-1:1:t").data.status
        == "error"
    )


def test_limits_and_tasks(typed: Typed) -> None:
    every = typed.stream.get_rate_limits().data
    assert every.server_side
    one = typed.stream.get_rate_limits(server_side=True, endpoints="GetRateLimits,SendMessage").data
    assert set(one.server_side) == {"GetRateLimits", "SendMessage"}
    with pytest.raises(StreamApiException):
        typed.stream.get_task(fresh())


def test_imports(typed: Typed) -> None:
    place = typed.stream.create_import_url(filename=fresh() + ".json").data
    user = fresh("imported")
    requests.put(
        place.upload_url, data=json.dumps([{"type": "user", "item": {"id": user, "role": "user"}}]), timeout=PATIENCE
    )
    task = typed.stream.create_import(path=place.path, mode="upsert").data.import_task
    assert typed.stream.get_import(task.id).data.import_task.state in ("uploaded", "completed")
    assert task.id in [item.id for item in typed.stream.list_imports().data.import_tasks]
    second = typed.stream.create_import_v2_task(
        product="chat", settings=m.ImportV2TaskSettings(mode="upsert", path=place.path)
    ).data
    assert typed.stream.get_import_v2_task(second.id).data.id == second.id
    assert second.id in [item.id for item in typed.stream.list_import_v2_tasks().data.import_tasks]
    typed.stream.delete_import_v2_task(second.id)


def test_external_storage(typed: Typed) -> None:
    name = fresh("store")
    typed.stream.create_external_storage(
        name=name, bucket="b", storage_type="s3", path="p",
        aws_s3=m.S3Request(s3_region="us-east-1", s3_api_key="k", s3_secret="s"),
    )  # fmt: skip
    assert name in typed.stream.list_external_storage().data.external_storages
    typed.stream.update_external_storage(name, bucket="c", storage_type="s3", aws_s3=m.S3Request(s3_region="eu-west-1"))
    with pytest.raises(StreamApiException) as raised:
        typed.stream.check_external_storage(name)
    assert raised.value.status_code == 400
    typed.stream.delete_external_storage(name)


def test_segments_and_campaigns(typed: Typed) -> None:
    sender, target = typed.users(2)
    segment = typed.chat.create_segment(
        type="user", name=fresh(), filter={"role": "user"}, description="D"
    ).data.segment
    typed.chat.add_segment_targets(segment.id, target_ids=[target])
    typed.chat.segment_target_exists(segment.id, target)
    targets = typed.chat.query_segment_targets(segment.id, limit=5).data.targets
    assert [item.target_id for item in targets] == [target]
    typed.chat.delete_segment_targets(segment.id, target_ids=[target])
    with pytest.raises(StreamApiException):
        typed.chat.segment_target_exists(segment.id, target)
    assert typed.chat.update_segment(segment.id, name="N").data.segment.name == "N"
    found = typed.chat.query_segments(filter={"id": segment.id}, limit=1).data.segments
    assert [item.id for item in found] == [segment.id]
    template = m.CampaignMessageTemplate(text="Hi", attachments=[], custom={})
    campaign = typed.chat.create_campaign(
        sender_id=sender, message_template=template, user_ids=[target], name="C", create_channels=True, skip_push=True,
        channel_template=m.CampaignChannelTemplate(type="messaging", custom={}),
    ).data.campaign  # fmt: skip
    assert (campaign.status, campaign.user_ids) == ("draft", [target])
    when = datetime.now(UTC) + timedelta(hours=1)
    started = typed.chat.start_campaign(
        campaign.id, scheduled_for=when, stop_at=when + timedelta(hours=1)
    ).data.campaign
    assert started.status == "scheduled"
    assert typed.chat.stop_campaign(campaign.id).data.id == campaign.id
    assert typed.chat.query_campaigns(filter={"id": campaign.id}, limit=1).data.campaigns[0].name == "C"
    assert typed.chat.get_campaign(campaign.id).data.campaign.name == "C"
    changed = typed.chat.update_campaign(
        campaign.id, sender_id=sender, message_template=template, user_ids=[target], name="E"
    )
    assert changed.data.name == "E"
    typed.chat.delete_campaign(campaign.id)
    typed.chat.delete_segment(segment.id)


def test_usage_and_retention(typed: Typed) -> None:
    assert isinstance(typed.chat.query_team_usage_stats(month=datetime.now(UTC).strftime("%Y-%m")).data.teams, list)
    made = typed.chat.set_retention_policy(policy="old-messages", max_age_hours=24 * 30).data.policy
    assert made.policy == "old-messages"
    assert "old-messages" in [item.policy for item in typed.chat.get_retention_policy().data.policies]
    assert isinstance(typed.chat.get_retention_policy_runs(limit=5).data.runs, list)
    typed.chat.delete_retention_policy(policy="old-messages")


def test_bans_mutes_and_flags(typed: Typed) -> None:
    admin, user = typed.users(2)
    channel = typed.channel(admin, user)
    cid = f"messaging:{channel.channel_id}"
    typed.moderation.ban(target_user_id=user, banned_by_id=admin, channel_cid=cid, timeout=60, reason="r")
    payload = m.QueryBannedUsersPayload(filter_conditions={"channel_cid": cid}, limit=5)
    bans = typed.chat.query_banned_users(payload=payload).data.bans
    assert [(item.user.id, item.reason, item.channel.cid) for item in bans] == [(user, "r", cid)]
    assert isinstance(bans[0].expires, datetime)
    typed.moderation.unban(target_user_id=user, channel_cid=cid, unbanned_by_id=admin)
    assert typed.chat.query_banned_users(payload=payload).data.bans == []
    future = typed.chat.query_future_channel_bans(payload=m.QueryFutureChannelBansPayload(user_id=admin)).data
    assert future.bans == []
    mutes = typed.moderation.mute(target_ids=[user], user_id=admin, timeout=10).data.mutes
    assert [(item.target.id, item.user.id) for item in mutes] == [(user, admin)]
    typed.moderation.unmute(target_ids=[user], user_id=admin)
    message = typed.send(channel, user, "bad")
    flag = typed.moderation.flag(
        entity_type="stream:chat:v1:message", entity_id=message.id, entity_creator_id=user, user_id=admin, reason="spam"
    ).data
    assert flag.item_id
    queue = typed.moderation.query_review_queue(filter={"entity_id": message.id}, limit=5).data.items
    assert [item.entity_id for item in queue] == [message.id]
    typed.moderation.submit_action(
        action_type="mark_reviewed", item_id=flag.item_id, user_id=admin, mark_reviewed=m.MarkReviewedRequestPayload()
    )
    assert typed.moderation.get_review_queue_item(flag.item_id).data.item.id == flag.item_id
    logs = typed.moderation.query_moderation_logs(filter={}, limit=5).data.logs
    assert logs
    flags = typed.chat.query_message_flags(
        payload=m.QueryMessageFlagsPayload(filter_conditions={"channel_cid": cid})
    ).data
    assert isinstance(flags.flags, list)
    assert typed.moderation.get_flag_count(entity_creator_id=user).data.count >= 1


def test_moderation_settings_and_checks(typed: Typed) -> None:
    user = typed.user()
    name, key = fresh("list"), fresh("key")
    typed.stream.create_block_list(name=name, words=["fudge"])
    rules = [m.BlockListRule(name=name, action="remove")]
    made = typed.moderation.upsert_config(
        key=key, block_list_config=m.BlockListConfig(enabled=True, rules=rules)
    ).data.config
    assert (made.key, made.block_list_config.rules[0].name) == (key, name)
    assert typed.moderation.get_config(key).data.config.key == key
    assert [item.key for item in typed.moderation.query_moderation_configs(filter={"key": key}).data.configs] == [key]
    for text, action in (("oh fudge", "remove"), ("fine", "keep")):
        checked = typed.moderation.check(
            entity_type="general", entity_id=fresh(), entity_creator_id=user, config_key=key,
            moderation_payload=m.ModerationPayload(texts=[text]), options={"force_sync": True},
        ).data  # fmt: skip
        assert checked.recommended_action == action
    typed.moderation.delete_config(key)
    with pytest.raises(StreamApiException):
        typed.moderation.get_config(key)
    typed.stream.delete_block_list(name)


def test_a_preview_of_a_page_that_cannot_be_reached(typed: Typed) -> None:
    with pytest.raises(StreamApiException) as raised:
        typed.stream.get_og(url="http://127.0.0.1:1/nothing")
    assert raised.value.status_code in (400, 404)


def test_errors_are_typed(typed: Typed) -> None:
    with pytest.raises(StreamApiException) as raised:
        typed.chat.get_channel_type(fresh())
    assert (raised.value.status_code, raised.value.code) == (404, 16)
    assert "GetChannelType failed with error" in str(raised.value)
