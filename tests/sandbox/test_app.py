"""The app: settings, devices, push, revoked tokens, rate limits, and checks of what is outside; through both SDKs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.clients import fresh, people, shared_world, sync_client, v2_client
from tests.sandbox.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with shared_world() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def v2(world: World) -> AsyncIterator[Any]:
    async with v2_client(world.running) as client:
        yield client


async def settings(world: World) -> dict[str, Any]:
    return dict((await world.server.get_app_settings())["app"])


async def test_settings_are_kept_until_they_are_reset(world: World) -> None:
    uploads = {"size_limit": 1000, "allowed_file_extensions": ["png"]}
    await world.server.update_app_settings(
        image_upload_config=uploads, multi_tenant_enabled=True, reminders_interval=30
    )
    app = await settings(world)
    assert (app["multi_tenant_enabled"], app["reminders_interval"]) == (True, 30)
    assert app["image_upload_config"]["blocked_mime_types"] == []
    await world.server.update_app_settings(multi_tenant_enabled=None, image_upload_config=None)
    assert (await settings(world))["multi_tenant_enabled"] is False
    for wrong in ({"reminders_interval": "soon"}, {"webhook_url": "nowhere"}, {"enforce_unique_usernames": "perhaps"}):
        with pytest.raises(StreamAPIException):
            await world.server.update_app_settings(**wrong)


async def test_event_hooks_replace_each_other(world: World) -> None:
    webhook = {"hook_type": "webhook", "webhook_url": "http://127.0.0.1:9/x", "event_types": ["message.new"]}
    queue = {"hook_type": "sqs", "sqs_queue_url": "https://sqs.eu-west-1.amazonaws.com/1/q", "sqs_region": "eu-west-1"}
    await world.server.update_app_settings(event_hooks=[webhook, {**queue, "enabled": False}])
    hooks = (await settings(world))["event_hooks"]
    assert [(hook["hook_type"], hook["enabled"], bool(hook["id"])) for hook in hooks] == [
        ("webhook", True, True),
        ("sqs", False, True),
    ]
    await world.server.update_app_settings(event_hooks=[hooks[0]])
    kept = (await settings(world))["event_hooks"]
    assert [(hook["id"], hook["created_at"]) for hook in kept] == [(hooks[0]["id"], hooks[0]["created_at"])]
    with pytest.raises(StreamAPIException):
        await world.server.update_app_settings(event_hooks=[{"hook_type": "webhook"}])
    await world.server.update_app_settings(event_hooks=[])
    assert (await settings(world))["event_hooks"] == []


async def test_tokens_from_before_a_revocation_are_refused(world: World) -> None:
    alice, bob = await people(world, 2)
    now = datetime.now(UTC)
    old, young = int((now - timedelta(hours=1)).timestamp()), int((now + timedelta(seconds=2)).timestamp())

    async def code(user_id: str, iat: int | None) -> int:
        claims = {} if iat is None else {"iat": iat}
        status, body = await world.person(user_id, **claims).call("GET", "/devices")
        return 0 if status == 200 else int(body["code"])

    await world.server.revoke_user_token(alice, now)
    assert [await code(alice, iat) for iat in (old, None, young)] == [40, 40, 0]
    assert await code(bob, old) == 0
    assert "revoke_tokens_issued_before" in (await world.server.query_users({"id": alice}))["users"][0]
    await world.server.revoke_user_token(alice, None)
    assert await code(alice, old) == 0
    await world.server.revoke_tokens(now)
    assert (await settings(world))["revoke_tokens_issued_before"]
    assert [await code(bob, iat) for iat in (old, young)] == [40, 0]
    await world.server.revoke_tokens(None)
    assert "revoke_tokens_issued_before" not in await settings(world)
    assert await code(bob, old) == 0


async def test_a_device_belongs_to_its_last_user(world: World) -> None:
    alice, bob = await people(world, 2)
    device = fresh("device")
    assert (await world.server.get_devices(alice))["devices"] == []
    await world.server.add_device(device, "apn", alice)
    await world.server.add_device(device, "firebase", bob, "mine")
    assert (await world.server.get_devices(alice))["devices"] == []
    shown = (await world.server.get_devices(bob))["devices"][0]
    assert (shown["id"], shown["push_provider"], shown["push_provider_name"]) == (device, "firebase", "mine")
    with pytest.raises(StreamAPIException):
        await world.server.delete_device(device, alice)
    await world.server.delete_device(device, bob)
    assert (await world.server.get_devices(bob))["devices"] == []
    with pytest.raises(StreamAPIException):
        await world.server.add_device(device, "pigeon", bob)


async def test_push_is_set_up_and_rendered_but_not_sent(world: World) -> None:
    alice, bob = await people(world, 2)
    name = fresh("provider")
    provider = {"type": "firebase", "name": name, "firebase_credentials": "{}"}
    assert (await world.server.upsert_push_provider(provider))["push_provider"]["name"] == name
    assert name in [one["name"] for one in (await world.server.list_push_providers())["push_providers"]]
    channel = await world.channel(fresh("c"), alice, bob)
    sent = (await channel.send_message({"text": 'say "hi"'}, alice))["message"]["id"]
    data = {"message_id": sent, "user_id": bob, "skip_devices": True, "apn_template": '{"t":"{{ message.text }}"}'}
    answer = await world.server.check_push(data)
    assert (answer["rendered_apn_template"], answer["general_errors"]) == ('{"t":"say \\"hi\\""}', [])
    assert answer["rendered_message"]["id"] == sent
    level = {"preferences": [{"user_id": bob, "chat_level": "mentions"}, {"user_id": bob, "channel_cid": channel.cid,
             "chat_level": "none"}]}  # fmt: skip
    kept = await world.server.post("push_preferences", data=level)
    assert kept["user_preferences"][bob]["chat_level"] == "mentions"
    assert kept["user_channel_preferences"][bob][channel.cid]["chat_level"] == "none"
    await world.server.delete_push_provider("firebase", name)
    with pytest.raises(StreamAPIException):
        await world.server.delete_push_provider("firebase", name)


async def test_queues_and_topics_are_not_reached(world: World) -> None:
    queue = await world.server.check_sqs("key", "secret", "https://foo.com/bar")
    assert (queue["status"], "invalid SQS url" in queue["error"]) == ("error", True)
    topic = await world.server.check_sns("key", "secret", "arn:aws:sns:us-east-1:123456789012:sns-topic")
    assert (topic["status"], "publishing the message failed." in topic["error"]) == ("error", True)


async def test_rate_limits_are_told_by_platform_and_endpoint(world: World) -> None:
    everything = await world.server.get_rate_limits()
    assert all(len(everything[name]) > 100 for name in ("server_side", "android", "ios", "web"))
    some = await world.server.get_rate_limits(
        server_side=True, android=True, endpoints=["GetRateLimits", "SendMessage"]
    )
    assert set(some) & {"server_side", "android", "ios", "web"} == {"server_side", "android"}
    assert set(some["android"]) == {"GetRateLimits", "SendMessage"}
    quiet, own = some["android"]["GetRateLimits"], some["server_side"]["GetRateLimits"]
    assert (quiet["limit"] == quiet["remaining"], own["limit"] > own["remaining"]) == (True, True)
    with pytest.raises(StreamAPIException):
        await world.server.get_rate_limits(endpoints=["Nothing"])


async def test_the_events_for_hooks_are_listed_by_product(world: World) -> None:
    names = [event["name"] for event in (await world.server.get("hook/events"))["events"]]
    assert "message.new" in names
    assert (await world.server.get("hook/events", params={"product": "video"}))["events"] == []


async def test_the_blocking_client_sets_the_app_up(world: World) -> None:
    alice = (await people(world, 1))[0]

    def use() -> int:
        client = sync_client(world.running)
        client.update_app_settings(poll_enabled=True)
        client.add_device(fresh("device"), "apn", alice)
        return len(client.get_devices(alice)["devices"])

    assert await asyncio.to_thread(use) == 1


async def test_the_second_dialect_sets_the_app_up(world: World, v2: Any) -> None:
    m: Any = pytest.importorskip("getstream.models")
    alice = (await people(world, 1))[0]
    hook = m.EventHook(hook_type="webhook", webhook_url="http://127.0.0.1:9/y", enabled=True, event_types=[])
    firebase = m.FirebaseConfig(credentials_json="{}")
    before = datetime.now(UTC) - timedelta(days=1)
    await v2.update_app(event_hooks=[hook], firebase_config=firebase, revoke_tokens_issued_before=before)
    app = (await v2.get_app()).data.app
    assert (app.event_hooks[0].webhook_url, app.push_notifications.firebase.enabled) == ("http://127.0.0.1:9/y", True)
    assert abs(app.revoke_tokens_issued_before - before) < timedelta(milliseconds=1)
    await world.server.update_app_settings(event_hooks=None, firebase_config=None, revoke_tokens_issued_before=None)
    device = fresh("device")
    await v2.create_device(id=device, push_provider="apn", user_id=alice, voip_token=True)
    assert (await v2.list_devices(user_id=alice)).data.devices[0].voip is True
    await v2.delete_device(id=device, user_id=alice)
    name = fresh("provider")
    provider = m.PushProviderRequest(type="apn", name=name, apn_auth_key="k", apn_key_id="i", apn_team_id="t")
    assert (await v2.upsert_push_provider(push_provider=provider)).data.push_provider.apn_key_id == "i"
    template = await v2.upsert_push_template(
        event_type="message.new", push_provider_type="apn", push_provider_name=name, template="{}", enable_push=False
    )
    assert template.data.template.enable_push is False
    listed = await v2.get_push_templates(push_provider_type="apn", push_provider_name=name)
    assert [one.template for one in listed.data.templates] == ["{}"]
    assert name in [one.name for one in (await v2.list_push_providers()).data.push_providers]
    await v2.delete_push_provider(type="apn", name=name)
    wanted = m.PushPreferenceInput(user_id=alice, chat_level="none", disabled_until=before)
    kept = (await v2.update_push_notification_preferences(preferences=[wanted])).data.user_preferences[alice]
    assert (kept.chat_level, abs(kept.disabled_until - before) < timedelta(milliseconds=1)) == ("none", True)
    assert (await v2.check_sqs(sqs_url="x")).data.status == (await v2.check_sns()).data.status == "error"
    limits = (await v2.get_rate_limits(server_side=True, endpoints="SendMessage")).data
    assert (limits.server_side["SendMessage"].limit, limits.web) == (1000, None)
    names = fresh("list")
    await v2.create_block_list(name=names, words=["a"], type="domain", team="red")
    assert (await v2.get_block_list(name=names, team="red")).data.blocklist.team == "red"
    assert (await v2.update_block_list(name=names, team="red", words=["b"])).data.blocklist.words == ["b"]
    page = (await v2.list_block_lists(limit=1)).data
    assert (len(page.blocklists), bool(page.next_cursor)) == (1, True)
    assert (await v2.list_block_lists(limit=1, cursor=page.next_cursor)).data.blocklists[0].name == names
    await v2.delete_block_list(name=names, team="red")
