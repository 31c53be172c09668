"""The app through the v1 SDK: settings, types, commands, roles, blocklists, push, checks, tasks, answers' headers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import stream_chat
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conformance.world import World, fresh
from tests.support.waiting import PATIENCE


def test_answers_carry_headers_status_and_limits(client: Any) -> None:
    answer = client.get_app_settings()
    assert json.loads(json.dumps(answer))["app"]
    assert answer.is_ok()
    assert answer.status_code() == 200
    assert len(answer.headers()) > 0
    limit = answer.rate_limit()
    if limit is None:
        pytest.skip("aiohttp respells the headers' names, and the asynchronous SDK does not find them")
    assert limit.limit > 0
    assert limit.remaining > 0
    assert isinstance(limit.reset, datetime)
    assert limit.reset > datetime.now(UTC)


def test_wrong_credentials_are_refused(service: Any, client: Any) -> None:
    for key, secret in ((client.api_key, "w" * 32), ("bad", client.api_secret), ("bad", "g" * 32)):
        stranger = stream_chat.StreamChat(api_key=key, api_secret=secret, base_url=service.url)
        with pytest.raises(StreamAPIException) as raised:
            stranger.get_channel_type("team")
        assert raised.value.status_code == 401
        assert raised.value.error_code in (2, 5, 43)
        stranger.session.close()


def test_app_settings_are_changed_and_kept(client: Any) -> None:
    app = client.get_app_settings()["app"]
    for name in ("name", "organization", "permission_version", "file_upload_config", "image_upload_config", "grants"):
        assert name in app, name
    assert "messaging" in app["channel_configs"]
    client.update_app_settings(
        disable_auth_checks=False,
        async_url_enrich_enabled=True,
        file_upload_config={"blocked_file_extensions": ["exe"]},
    )
    app = client.get_app_settings()["app"]
    assert app["async_url_enrich_enabled"] is True
    assert app["file_upload_config"]["blocked_file_extensions"] == ["exe"]
    client.update_app_settings(file_upload_config={"blocked_file_extensions": []})


def test_hooks_of_every_kind_are_kept(client: Any) -> None:
    hooks = [
        {
            "hook_type": "webhook",
            "enabled": True,
            "event_types": ["message.new"],
            "webhook_url": "https://example.com/webhook",
        },
        {
            "hook_type": "sqs",
            "enabled": True,
            "event_types": [],
            "sqs_queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
            "sqs_region": "us-east-1",
            "sqs_auth_type": "keys",
            "sqs_key": "key",
            "sqs_secret": "secret",
        },
        {
            "hook_type": "sns",
            "enabled": False,
            "event_types": [],
            "sns_topic_arn": "arn:aws:sns:us-east-1:123456789012:t",
            "sns_region": "us-east-1",
            "sns_auth_type": "resource",
        },
        {
            "hook_type": "pending_message",
            "enabled": True,
            "webhook_url": "https://example.com/pending",
            "timeout_ms": 10000,
            "callback": {"mode": "CALLBACK_MODE_REST"},
        },
    ]
    client.update_app_settings(event_hooks=hooks)
    kept = client.get_app_settings()["app"]["event_hooks"]
    assert [hook["hook_type"] for hook in kept] == ["webhook", "sqs", "sns", "pending_message"]
    assert kept[0]["webhook_url"] == "https://example.com/webhook"
    assert kept[0]["event_types"] == ["message.new"]
    assert all(hook["id"] for hook in kept)
    client.update_app_settings(event_hooks=[])
    assert client.get_app_settings()["app"]["event_hooks"] == []


def test_channel_types_from_creation_to_removal(client: Any) -> None:
    name = fresh("type")
    made = client.create_channel_type({"name": name, "commands": ["all"], "max_message_length": 100})
    assert made["name"] == name
    assert set(made["commands"]) >= {"giphy", "ban", "unban", "mute", "unmute"}
    kind = client.get_channel_type(name)
    assert kind["max_message_length"] == 100
    assert all({"name", "description", "args", "set"} <= set(command) for command in kind["commands"])
    for option in ("typing_events", "read_events", "connect_events", "search", "reactions", "replies", "mutes"):
        assert isinstance(kind[option], bool), option
    assert kind["automod"] in ("disabled", "simple", "AI")
    changed = client.update_channel_type(name, commands=["ban", "unban"], reactions=False)
    assert changed["commands"] == ["ban", "unban"]
    assert changed["reactions"] is False
    assert name in client.list_channel_types()["channel_types"]
    client.delete_channel_type(name)
    with pytest.raises(StreamAPIException) as raised:
        client.get_channel_type(name)
    assert raised.value.status_code == 404


def test_built_in_channel_types(client: Any) -> None:
    kinds = client.list_channel_types()["channel_types"]
    assert {"messaging", "team", "livestream", "gaming", "commerce"} <= set(kinds)
    assert "grants" in client.get_channel_type("team")
    assert "permissions" in client.get_channel_type("team")
    with pytest.raises(StreamAPIException):
        client.create_channel_type({"name": "messaging"})
    with pytest.raises(StreamAPIException):
        client.update_channel_type(fresh("type"), replies=False)
    with pytest.raises(StreamAPIException):
        client.delete_channel_type(fresh("type"))


def test_commands_from_creation_to_removal(client: Any) -> None:
    name = "cmd" + fresh()[-8:]
    made = client.create_command({"name": name, "description": "My test command", "args": "[text]"})
    assert made["command"]["name"] == name
    found = client.get_command(name)
    assert (found["name"], found["description"]) == (name, "My test command")
    changed = client.update_command(name, description="Changed")
    assert changed["command"]["description"] == "Changed"
    assert name in [command["name"] for command in client.list_commands()["commands"]]
    with pytest.raises(StreamAPIException):
        client.create_command({"name": name, "description": "again"})
    assert client.delete_command(name)["name"] == name
    with pytest.raises(StreamAPIException):
        client.get_command(name)


def test_permissions_and_roles_of_the_app(client: Any) -> None:
    permission_id, role = fresh("permission"), fresh("role")
    custom = {
        "id": permission_id,
        "name": "My permission",
        "description": "For a test",
        "action": "DeleteChannel",
        "condition": {"$subject.magic_custom_field": {"$eq": "true"}},
    }
    client.create_permission(custom)
    found = client.get_permission(permission_id)["permission"]
    assert (found["id"], found["custom"], found["action"]) == (permission_id, True, "DeleteChannel")
    assert not found["owner"]
    client.update_permission(permission_id, {**custom, "owner": True})
    assert client.get_permission(permission_id)["permission"]["owner"] is True
    ids = [item["id"] for item in client.list_permissions()["permissions"]]
    assert permission_id in ids
    assert "create-channel" in ids
    client.delete_permission(permission_id)
    with pytest.raises(StreamAPIException):
        client.get_permission(permission_id)
    client.create_role(role)
    listed = {item["name"]: item for item in client.list_roles()["roles"]}
    assert listed[role]["custom"] is True
    assert listed["admin"]["custom"] is False
    assert {"created_at", "updated_at"} <= set(listed[role])
    with pytest.raises(StreamAPIException):
        client.create_role(role)
    client.delete_role(role)
    assert role not in [item["name"] for item in client.list_roles()["roles"]]
    with pytest.raises(StreamAPIException):
        client.delete_role("admin")


def test_blocklists_from_creation_to_removal(client: Any) -> None:
    name = fresh("list")
    client.create_blocklist(name, ["fudge", "heck"], type="word")
    found = client.get_blocklist(name)["blocklist"]
    assert (found["name"], found["words"], found["type"]) == (name, ["fudge", "heck"], "word")
    names = [item["name"] for item in client.list_blocklists()["blocklists"]]
    assert name in names
    assert "profanity_en_2020_v1" in names
    client.update_blocklist(name, ["dang"])
    assert client.get_blocklist(name)["blocklist"]["words"] == ["dang"]
    with pytest.raises(StreamAPIException):
        client.create_blocklist(name, ["twice"])
    client.delete_blocklist(name)
    with pytest.raises(StreamAPIException) as raised:
        client.get_blocklist(name)
    assert raised.value.status_code == 404


def test_push_is_rendered(world: World) -> None:
    user = world.user()
    sent = world.channel(user).send_message({"text": "hello"}, user)["message"]
    world.client.add_device(fresh("device"), "apn", user)
    answer = world.client.check_push(
        {
            "message_id": sent["id"],
            "apn_template": '{"aps": {"alert": {"title": "{{ sender.name }}", "body": "{{ message.text }}"}}}',
            "firebase_template": '{"data": {"version": "v2"}}',
            "skip_devices": True,
            "user_id": user,
        }
    )
    assert "rendered_message" in answer
    assert "rendered_apn_template" in answer
    assert "hello" in answer["rendered_apn_template"]


def test_push_is_rendered_for_what_is_only_offered(world: World) -> None:
    user = world.user()
    channel = world.channel(user)
    channel.send_message({"text": "sent"}, user)
    offered = channel.send_message({"text": "/giphy wave"}, user)["message"]["id"]
    for named in ({"message_id": offered}, {}):
        assert "rendered_message" in world.client.check_push({**named, "skip_devices": True, "user_id": user})


def test_queues_that_cannot_be_reached_are_told(client: Any) -> None:
    sqs = client.check_sqs("key", "secret", "https://foo.com/bar")
    assert sqs["status"] == "error"
    assert "invalid SQS url" in sqs["error"]
    sns = client.check_sns("key", "secret", "arn:aws:sns:us-east-1:123456789012:sns-topic")
    assert sns["status"] == "error"
    assert "publishing the message failed." in sns["error"]


def test_push_providers(client: Any) -> None:
    name = fresh("apn")
    made = client.upsert_push_provider(
        {"type": "xiaomi", "name": name, "xiaomi_package_name": "package", "xiaomi_app_secret": "secret"}
    )
    assert made["push_provider"]["name"] == name
    assert name in [item["name"] for item in client.list_push_providers()["push_providers"]]
    client.delete_push_provider("xiaomi", name)
    assert name not in [item["name"] for item in client.list_push_providers()["push_providers"]]


def test_rate_limits_by_platform_and_endpoint(client: Any) -> None:
    every = client.get_rate_limits()
    assert {"server_side", "android", "ios", "web"} <= set(every)
    some = client.get_rate_limits(server_side=True, android=True)
    assert {"server_side", "android"} <= set(some)
    assert not {"ios", "web"} & set(some)
    two = client.get_rate_limits(server_side=True, endpoints=["GetRateLimits", "QueryChannels"])
    assert set(two["server_side"]) == {"GetRateLimits", "QueryChannels"}
    limit = two["server_side"]["GetRateLimits"]
    assert limit["limit"] > 0
    assert limit["remaining"] >= 0
    assert limit["reset"] > 0


def test_an_unknown_task_is_missing(client: Any) -> None:
    with pytest.raises(StreamAPIException) as raised:
        client.get_task(fresh())
    assert raised.value.status_code == 404


def test_imports_end_completed(world: World) -> None:
    made = world.client.create_import_url(fresh("import") + ".json")
    assert {"upload_url", "path"} <= set(made)
    user = fresh("imported")
    content = json.dumps([{"type": "user", "item": {"id": user, "role": "user", "name": "Imported"}}])
    put = requests.put(made["upload_url"], data=content, headers={"Content-Type": "application/json"}, timeout=PATIENCE)
    assert put.status_code in (200, 201)
    task = world.client.create_import(made["path"], mode="upsert")["import_task"]
    assert task["id"]
    found = world.client.get_import(task["id"])["import_task"]
    assert found["state"] in ("uploaded", "completed")
    assert found["path"] == made["path"]
    assert found["mode"] == "upsert"
    assert isinstance(found["history"], list)
    assert len(world.client.list_imports({"limit": 1})["import_tasks"]) == 1
    assert world.client.list_imports()["import_tasks"]
    assert world.client.query_users({"id": user})["users"][0]["name"] == "Imported"


def test_channels_are_exported_in_a_task(world: World) -> None:
    channel = world.channel(world.user())
    channel.send_message({"text": "kept"}, world.user())
    answer = world.client.export_channel(
        "messaging",
        channel.id,
        messages_since="2020-11-10T09:30:00.000Z",
        messages_until=datetime.now(UTC),
        include_truncated_messages=True,
        clear_deleted_message_text=True,
        version="v2",
    )
    status = world.client.get_export_channel_status(answer["task_id"])
    assert status["status"] == "completed"
    assert "error" not in status or status["error"] is None
    assert {"created_at", "updated_at", "task_id"} <= set(status)
    assert "/exports/" in status["result"]["url"]
    assert requests.get(status["result"]["url"], timeout=PATIENCE).status_code == 200
    with pytest.raises(StreamAPIException):
        world.client.export_channels([{"type": "messaging", "id": fresh()}])
    with pytest.raises(StreamAPIException):
        world.client.get_export_channel_status(fresh())


def test_team_usage_has_every_measure(client: Any) -> None:
    answer = client.query_team_usage_stats(month=datetime.now(UTC).strftime("%Y-%m"), limit=10)
    assert isinstance(answer["teams"], list)
    for team in answer["teams"]:
        assert "team" in team
        assert len([name for name in team if name != "team"]) == 16
    assert client.query_team_usage_stats(start_date="2026-01-01", end_date="2026-01-31").is_ok()
    for wrong in ({"month": "soon"}, {"start_date": "soon"}, {"limit": 31}):
        with pytest.raises(StreamAPIException) as raised:
            client.query_team_usage_stats(**wrong)
        assert raised.value.status_code == 400


def test_a_users_token_cannot_do_what_only_the_server_may(world: World) -> None:
    person = world.as_user(world.user())
    for method, path in (
        ("PATCH", "/app"),
        ("POST", "/channeltypes"),
        ("POST", "/users/delete"),
        ("GET", "/permissions"),
        ("POST", "/roles"),
        ("POST", "/imports"),
        ("POST", "/segments"),
        ("POST", "/campaigns"),
        ("POST", "/export_channels"),
        ("GET", "/rate_limits"),
    ):
        status, body = person.call(method, path, {} if method != "GET" else None)
        assert (status, body.get("code")) == (403, 17), (method, path, body)
