"""Channel types, commands, roles, permissions and user groups, through both SDKs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.clients import connect, fresh, people, shared_world, sync_client, v2_client
from tests.sandbox.conftest import World
from tests.support.sandbox import start_sandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with shared_world() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def v2(world: World) -> AsyncIterator[Any]:
    async with v2_client(world.running) as client:
        yield client


async def test_a_channel_type_can_be_made_read_changed_and_deleted(world: World) -> None:
    name = fresh("type")
    made = await world.server.create_channel_type({"name": name, "max_message_length": 20})
    assert "giphy" in made["commands"]
    read = await world.server.get_channel_type(name)
    assert (read["max_message_length"], read["permissions"]) == (20, [])
    assert {command["name"] for command in read["commands"]} == set(made["commands"])
    assert "create-message" in read["grants"]["channel_member"]
    changed = await world.server.update_channel_type(name, commands=["ban", "unban"], replies=False)
    assert changed["commands"] == ["ban", "unban"]
    listed = (await world.server.list_channel_types())["channel_types"]
    assert listed[name]["replies"] is False
    assert {"messaging", "team", "livestream", "gaming", "commerce"} <= set(listed)
    await world.server.delete_channel_type(name)
    with pytest.raises(StreamAPIException) as raised:
        await world.server.get_channel_type(name)
    assert (raised.value.status_code, raised.value.error_code) == (404, 16)


async def test_a_channel_type_holds_for_its_channels(world: World) -> None:
    name, (alice,) = fresh("type"), await people(world, 1)
    await world.server.create_channel_type({"name": name, "max_message_length": 3, "reactions": False})
    channel = world.server.channel(name, fresh("c"))
    state = await channel.create(alice)
    assert state["channel"]["config"]["reactions"] is False
    with pytest.raises(StreamAPIException) as raised:
        await channel.send_message({"text": "four"}, alice)
    assert raised.value.error_code == 20
    with pytest.raises(StreamAPIException) as raised:
        await world.server.delete_channel_type(name)
    assert raised.value.status_code == 400


async def test_grants_decide_what_a_member_may_do(world: World) -> None:
    name, (alice, bob) = fresh("type"), await people(world, 2)
    grants = {"channel_member": ["read-channel", "create-reaction"]}
    await world.server.create_channel_type({"name": name, "grants": grants})
    await world.server.channel(name, "c", {"members": [alice, bob]}).create(alice)
    status, body = await world.person(bob).call("POST", f"/channels/{name}/c/message", {"message": {"text": "hi"}})
    assert (status, body["code"]) == (403, 17)
    permission = fresh("write")
    await world.server.create_permission({"id": permission, "name": "Write", "action": "CreateMessage"})
    await world.server.update_channel_type(name, grants={"channel_member": ["read-channel", permission]})
    status, _ = await world.person(bob).call("POST", f"/channels/{name}/c/message", {"message": {"text": "hi"}})
    assert status == 201
    overrides = {"grants": {"channel_member": [f"!{permission}", "!create-message"]}}
    await world.server.channel(name, "c").update_partial({"config_overrides": overrides})
    status, _ = await world.person(bob).call("POST", f"/channels/{name}/c/message", {"message": {"text": "hi"}})
    assert status == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_message_length": 0},
        {"max_message_length": 20001},
        {"automod": "sometimes"},
        {"replies": "yes"},
        {"commands": ["no-such"]},
        {"grants": {"user": "all"}},
    ],
)
async def test_refuses_wrong_settings_of_a_channel_type(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(StreamAPIException) as raised:
        await world.server.update_channel_type("gaming", **wrong)
    assert (raised.value.status_code, raised.value.error_code) == (400, 4)


async def test_a_command_can_be_made_used_changed_and_deleted(world: World) -> None:
    name, kind = fresh("cmd"), fresh("type")
    made = await world.server.create_command({"name": name, "description": "I am testing"})
    assert made["command"]["name"] == name
    await world.server.create_channel_type({"name": kind, "commands": [name]})
    assert (await world.server.get_channel_type(kind))["commands"][0]["description"] == "I am testing"
    changed = await world.server.update_command(name, description="Changed", args="[text]")
    assert changed["command"]["description"] == "Changed"
    assert (await world.server.get_command(name))["args"] == "[text]"
    listed = await world.server.list_commands()
    assert {name, "giphy", "ban"} <= {command["name"] for command in listed["commands"]}
    assert (await world.server.delete_command(name))["name"] == name
    assert (await world.server.get_channel_type(kind))["commands"] == []
    with pytest.raises(StreamAPIException) as raised:
        await world.server.get_command(name)
    assert raised.value.status_code == 404


async def test_roles_and_permissions_come_and_go(world: World) -> None:
    role, permission = fresh("role"), fresh("permission")
    assert (await world.server.create_role(role))["role"]["custom"] is True
    roles = {entry["name"]: entry for entry in (await world.server.list_roles())["roles"]}
    assert roles[role]["custom"] is True
    assert roles["admin"]["custom"] is False
    body = {"id": permission, "name": "Mine", "action": "DeleteChannel", "owner": False, "same_team": True}
    await world.server.create_permission(body)
    assert (await world.server.get_permission(permission))["permission"]["custom"] is True
    await world.server.update_permission(permission, {**body, "owner": True})
    read = (await world.server.get_permission(permission))["permission"]
    assert (read["owner"], read["action"]) == (True, "DeleteChannel")
    listed = {entry["id"] for entry in (await world.server.list_permissions())["permissions"]}
    assert {permission, "create-message", "update-message-owner", "read-channel"} <= listed
    await world.server.delete_permission(permission)
    await world.server.delete_role(role)
    with pytest.raises(StreamAPIException) as raised:
        await world.server.delete_role(role)
    assert raised.value.status_code == 404
    with pytest.raises(StreamAPIException) as raised:
        await world.server.get_permission(permission)
    assert raised.value.status_code == 404


async def test_a_role_in_use_stays(world: World) -> None:
    role = fresh("role")
    await world.server.create_role(role)
    await people(world, 1, role=role)
    with pytest.raises(StreamAPIException) as raised:
        await world.server.delete_role(role)
    assert raised.value.status_code == 400


async def test_a_person_may_not_configure_the_app(world: World) -> None:
    (alice,) = await people(world, 1)
    for method, path in (("POST", "/roles"), ("PUT", "/channeltypes/team"), ("POST", "/commands"), ("GET", "/tasks/x")):
        status, body = await world.person(alice).call(method, path, {"name": "x"})
        assert (status, body["code"]) == (403, 17)


async def test_the_blocking_client_configures_types(world: World) -> None:
    client, name = sync_client(world.running), fresh("type")

    def use() -> dict[str, Any]:
        client.create_channel_type({"name": name})
        client.update_channel_type(name, commands=["all"])
        read: dict[str, Any] = client.get_channel_type(name)
        client.delete_channel_type(name)
        return read

    assert len((await asyncio.to_thread(use))["commands"]) == 6


async def test_the_second_dialect_configures_types_and_commands(v2: Any) -> None:
    name, command = fresh("type"), fresh("cmd")
    settings = {"automod": "disabled", "automod_behavior": "flag", "max_message_length": 100}
    made = (await v2.chat.create_channel_type(name=name, **settings)).data
    assert (made.name, made.max_message_length) == (name, 100)
    await v2.chat.create_command(name=command, description="x")
    changed = (await v2.chat.update_channel_type(name=name, **settings, commands=[command, "giphy"])).data
    assert changed.commands == [command, "giphy"]
    read = (await v2.chat.get_channel_type(name=name)).data
    assert [one.name for one in read.commands] == [command, "giphy"]
    assert read.grants["channel_member"]
    assert name in (await v2.chat.list_channel_types()).data.channel_types
    assert (await v2.chat.get_command(name=command)).data.description == "x"
    assert (await v2.chat.update_command(name=command, description="y")).data.command.description == "y"
    assert len((await v2.chat.list_commands()).data.commands) >= 7
    assert (await v2.chat.delete_command(name=command)).data.name == command
    await v2.chat.delete_channel_type(name=name)


async def test_the_second_dialect_has_roles_permissions_and_groups(world: World, v2: Any) -> None:
    role, permission = fresh("role"), fresh("permission")
    assert (await v2.create_role(name=role)).data.role.name == role
    assert role in [one.name for one in (await v2.list_roles()).data.roles]
    assert [one.name for one in (await v2.search_roles(query=role)).data.roles] == [role]
    await v2.delete_role(name=role)
    await v2.create_permission(id=permission, name="n", action="ReadChannel", condition={"$subject.magic": "yes"})
    assert (await v2.get_permission(id=permission)).data.permission.condition == {"$subject.magic": "yes"}
    await v2.update_permission(id=permission, name="m", action="ReadChannel", condition={})
    listed = {one.id: one.name for one in (await v2.list_permissions()).data.permissions}
    assert listed[permission] == "m"
    await v2.delete_permission(id=permission)


async def test_user_groups_live(world: World, v2: Any) -> None:
    alice, bob = await people(world, 2)
    name = fresh("group")
    group = (await v2.create_user_group(name=name, description="d", member_ids=[alice])).data.user_group
    added = (await v2.add_user_group_members(id=group.id, member_ids=[bob], as_admin=True)).data.user_group
    assert {member.user_id: member.is_admin for member in added.members} == {alice: False, bob: True}
    await v2.remove_user_group_members(id=group.id, member_ids=[alice])
    await v2.update_user_group(id=group.id, description="e")
    read = (await v2.get_user_group(id=group.id)).data.user_group
    assert (read.description, [member.user_id for member in read.members]) == ("e", [bob])
    assert [one.id for one in (await v2.search_user_groups(query=name)).data.user_groups] == [group.id]
    assert group.id in [one.id for one in (await v2.list_user_groups(limit=100)).data.user_groups]
    await v2.delete_user_group(id=group.id)
    with pytest.raises(Exception, match="not found") as raised:
        await v2.get_user_group(id=group.id)
    assert getattr(raised.value, "status_code", 404) == 404


async def test_settings_and_tasks_outlive_a_restart(tmp_path: Path) -> None:
    data, name = str(tmp_path / "sandbox.db"), fresh("x")
    async with start_sandbox(data) as running, connect(running) as server:
        await server.upsert_users([{"id": "alice"}, {"id": "bob"}])
        await server.create_command({"name": name, "description": "d"})
        await server.create_channel_type({"name": name, "commands": [name], "grants": {"user": ["read-channel"]}})
        await server.create_role(name)
        await server.block_user("bob", "alice")
        channel = server.channel(name, "c", {"members": ["alice", "bob"]})
        await channel.create("alice")
        await channel.mute("alice", expiration=60_000)
        await channel.hide("bob")
        task = (await server.export_users(["alice"]))["task_id"]
    async with start_sandbox(data) as running, connect(running) as server:
        kind = await server.get_channel_type(name)
        assert (kind["grants"]["user"], kind["commands"][0]["name"]) == (["read-channel"], name)
        assert name in [role["name"] for role in (await server.list_roles())["roles"]]
        assert len((await server.get_blocked_users("alice"))["blocks"]) == 1
        muted = await server.query_channels({"muted": True, "blocked": True}, user_id="alice")
        hidden = await server.query_channels({"hidden": True}, user_id="bob")
        assert (len(muted["channels"]), len(hidden["channels"])) == (1, 1)
        assert (await server.get_task(task))["result"]["url"].endswith(".json")
