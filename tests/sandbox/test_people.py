"""Users: queries, accounts that end and resume, blocks, guests; through both SDKs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
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


async def result_of(world: World, answer: Any) -> Any:
    """The result of a completed task."""
    task = await world.server.get_task(answer["task_id"])
    assert task["status"] == "completed"
    return task["result"]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"rank": {"$gt": 1}}, "bc"),
        ({"teams": {"$contains": "red"}}, "ac"),
        ({"teams": {"$in": ["blue"]}}, "b"),
        ({"teams": None}, "d"),
        ({"name": {"$autocomplete": "an"}}, "ab"),
        ({"role": "admin"}, "c"),
        ({"role": {"$nin": ["admin"]}}, "abd"),
        ({"$nor": [{"rank": 1}, {"rank": 3}]}, "bd"),
        ({"$or": [{"rank": 1}, {"name": "Zoe"}]}, "ac"),
        ({"rank": {"$exists": False}}, "d"),
        ({"address.city": "Rome"}, "b"),
        ({"banned": False}, "abcd"),
    ],
)
async def test_finds_users(world: World, conditions: dict[str, Any], expected: str) -> None:
    batch = fresh("batch")
    users: list[dict[str, Any]] = [
        {"name": "Anna", "rank": 1, "teams": ["red"]},
        {"name": "Andrew", "rank": 2, "teams": ["blue"], "address": {"city": "Rome"}},
        {"name": "Zoe", "rank": 3, "teams": ["red", "green"], "role": "admin"},
        {"name": "Bo"},
    ]
    named = zip("abcd", users, strict=True)
    await world.server.upsert_users([{"id": f"{letter}-{batch}", "batch": batch, **user} for letter, user in named])
    found = await world.server.query_users({"$and": [{"batch": batch}, conditions]}, {"id": 1})
    assert "".join(user["id"][0] for user in found["users"]) == expected


async def test_sorts_and_pages_users(world: World) -> None:
    batch = fresh("batch")
    await world.server.upsert_users([{"id": f"{rank}-{batch}", "batch": batch, "rank": rank} for rank in range(5)])
    found = await world.server.query_users({"batch": batch}, {"rank": -1}, limit=2, offset=1)
    assert [user["rank"] for user in found["users"]] == [3, 2]
    found = await world.server.query_users({"batch": batch}, {"id": 1}, id_gt=f"3-{batch}")
    assert [user["rank"] for user in found["users"]] == [4]


async def test_changes_single_fields(world: World) -> None:
    (alice,) = await people(world, 1, name="Alice", pet={"kind": "cat", "age": 3})
    update = {"id": alice, "set": {"pet.age": 4, "role": "admin"}, "unset": ["name"]}
    changed = (await world.server.update_user_partial(update))["users"][alice]
    assert (changed["pet"], changed["role"]) == ({"kind": "cat", "age": 4}, "admin")
    assert "name" not in changed


async def test_a_deactivated_user_is_out_until_it_is_reactivated(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice, bob)
    message = (await channel.send_message({"text": "mine"}, alice))["message"]
    answer = await world.server.deactivate_user(alice, mark_messages_deleted=True, created_by_id=bob)
    assert answer["user"]["deactivated_at"]
    assert (await world.server.get_message(message["id"]))["message"]["type"] == "deleted"
    assert (await world.server.query_users({"id": alice}))["users"] == []
    assert len((await world.server.query_users({"id": alice}, include_deactivated_users=True))["users"]) == 1
    assert (await world.person(alice).call("GET", "/unread"))[0] == 401
    back = await world.server.reactivate_user(alice, restore_messages=True, name="Back")
    assert back["user"]["name"] == "Back"
    assert (await world.server.get_message(message["id"]))["message"]["type"] == "regular"
    with pytest.raises(StreamAPIException) as raised:
        await world.server.reactivate_user(alice)
    assert raised.value.status_code == 400


async def test_deactivates_several_users_as_a_task(world: World) -> None:
    ids = await people(world, 2)
    result = await result_of(world, await world.server.deactivate_users(ids))
    assert result == {user_id: {"status": "ok"} for user_id in ids}
    assert (await world.server.query_users({"id": {"$in": ids}}))["users"] == []
    answer = await world.server.post("users/reactivate", data={"user_ids": ids})
    assert set(await result_of(world, answer)) == set(ids)
    assert len((await world.server.query_users({"id": {"$in": ids}}))["users"]) == 2


async def test_a_softly_deleted_user_can_be_restored(world: World) -> None:
    (alice,) = await people(world, 1)
    assert (await world.server.delete_user(alice))["user"]["deleted_at"]
    assert (await world.server.query_users({"id": alice}))["users"] == []
    with pytest.raises(StreamAPIException):
        await world.server.upsert_user({"id": alice})
    await world.server.restore_users([alice])
    assert len((await world.server.query_users({"id": alice}))["users"]) == 1


async def test_deletes_users_with_their_messages_as_a_task(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), bob, alice)
    message = (await channel.send_message({"text": "x"}, alice))["message"]
    answer = await world.server.delete_users([alice], "hard", messages="hard", conversations="hard")
    assert await result_of(world, answer) == {alice: {"status": "ok"}}
    with pytest.raises(StreamAPIException) as raised:
        await world.server.get_message(message["id"])
    assert raised.value.status_code == 404
    assert (await world.server.query_channels({"cid": channel.cid}))["channels"] == []
    await world.server.upsert_user({"id": alice})


async def test_hands_channels_to_a_new_owner(world: World) -> None:
    alice, bob = await people(world, 2)
    channel = await world.channel(fresh("c"), alice)
    await world.server.delete_users([alice], "hard", new_channel_owner_id=bob)
    assert (await channel.query())["channel"]["created_by"]["id"] == bob


async def test_exports_users(world: World) -> None:
    (alice,) = await people(world, 1, name="Alice")
    channel = await world.channel(fresh("c"), alice)
    sent = await channel.send_message({"text": "mine"}, alice)
    await channel.send_reaction(sent["message"]["id"], {"type": "like"}, alice)
    one = await world.server.export_user(alice)
    assert (one["user"]["id"], len(one["messages"]), len(one["reactions"])) == (alice, 1, 1)
    url = (await result_of(world, await world.server.export_users([alice])))["url"]
    assert "/exports/users/" in url
    async with world.http.get(url) as answer:
        assert (await answer.json())[0]["messages"][0]["text"] == "mine"


async def test_refuses_users_that_do_not_exist(world: World) -> None:
    for call in (
        world.server.delete_user(fresh()),
        world.server.deactivate_user(fresh()),
        world.server.export_user(fresh()),
        world.server.get_task(fresh()),
    ):
        with pytest.raises(StreamAPIException) as raised:
            await call
        assert (raised.value.status_code, raised.value.error_code) == (404, 16)
    gone = fresh()
    result = await result_of(world, await world.server.delete_users([gone], "soft"))
    assert result[gone]["status"] == "error"
    result = await result_of(world, await world.server.deactivate_users([gone]))
    assert result[gone]["status"] == "error"


async def test_a_block_takes_the_conversation_out_of_sight(world: World) -> None:
    alice, bob, carol = await people(world, 3)
    pair, group = await world.channel(fresh("c"), alice, bob), await world.channel(fresh("c"), alice, bob, carol)
    answer = await world.server.block_user(bob, alice)
    assert (answer["blocked_by_user_id"], answer["blocked_user_id"]) == (alice, bob)
    blocks = (await world.server.get_blocked_users(alice))["blocks"]
    assert [block["blocked_user"]["id"] for block in blocks] == [bob]
    assert (await world.server.query_users({"id": alice}))["users"][0]["blocked_user_ids"] == [bob]

    async def seen(**conditions: Any) -> set[str]:
        found = await world.server.query_channels({"members": {"$in": [alice]}, **conditions}, user_id=alice)
        return {entry["channel"]["cid"] for entry in found["channels"]}

    assert await seen() == {group.cid}
    assert await seen(blocked=True) == {pair.cid}
    await world.server.unblock_user(bob, alice)
    assert await seen() == {pair.cid, group.cid}
    assert (await world.server.get_blocked_users(alice))["blocks"] == []


async def test_a_guest_gets_a_token_that_works(world: World) -> None:
    guest = fresh("guest")
    answer = await world.server.set_guest_user({"id": guest, "name": "G"})
    assert answer["user"]["role"] == "guest"
    person = world.person(answer["user"]["id"])
    person.token = answer["access_token"]
    assert (await person.call("GET", "/unread"))[0] == 200


async def test_an_invisible_user_is_not_online(world: World) -> None:
    alice, bob = await people(world, 2)
    await world.channel(fresh("c"), alice, bob)
    async with await world.person(alice).online():
        assert (await world.server.query_users({"id": alice}))["users"][0]["online"] is True
        await world.server.update_user_partial({"id": alice, "set": {"invisible": True}})
        assert (await world.server.query_users({"id": alice}))["users"][0]["online"] is False


async def test_the_blocking_client_manages_users(world: World) -> None:
    client, user_id = sync_client(world.running), fresh("user")

    def use() -> tuple[Any, ...]:
        client.upsert_user({"id": user_id, "name": "S"})
        client.deactivate_user(user_id)
        client.reactivate_user(user_id)
        exported = client.export_user(user_id)["user"]["name"]
        task = client.get_task(client.delete_users([user_id], "soft")["task_id"])
        return exported, task["status"]

    assert await asyncio.to_thread(use) == ("S", "completed")


async def test_the_second_dialect_manages_users(v2: Any) -> None:
    m: Any = pytest.importorskip("getstream.models")
    alice, bob = fresh("alice"), fresh("bob")
    users = {alice: m.UserRequest(id=alice, name="A", custom={"k": 1}), bob: m.UserRequest(id=bob)}
    made = (await v2.update_users(users=users)).data
    assert made.users[alice].custom == {"k": 1}
    changed = await v2.update_users_partial(users=[m.UpdateUserPartialRequest(id=alice, set={"k": 2}, unset=["name"])])
    assert (changed.data.users[alice].custom, changed.data.users[alice].name) == ({"k": 2}, None)
    query = m.QueryUsersPayload(
        filter_conditions={"id": {"$in": [alice, bob]}}, sort=[m.SortParamRequest(field="id", direction=-1)]
    )
    assert [user.id for user in (await v2.query_users(query)).data.users] == [bob, alice]
    await v2.block_users(blocked_user_id=bob, user_id=alice)
    assert (await v2.get_blocked_users(user_id=alice)).data.blocks[0].blocked_user_id == bob
    await v2.unblock_users(blocked_user_id=bob, user_id=alice)
    assert (await v2.deactivate_user(user_id=alice)).data.user.deactivated_at is not None
    assert (await v2.reactivate_user(user_id=alice)).data.user.deactivated_at is None
    for answer in (
        await v2.deactivate_users(user_ids=[alice]),
        await v2.reactivate_users(user_ids=[alice]),
        await v2.export_users(user_ids=[alice]),
        await v2.delete_users(user_ids=[alice], user="soft"),
    ):
        task = (await v2.get_task(id=answer.data.task_id)).data
        assert (task.status, task.error) == ("completed", None)
    await v2.restore_users(user_ids=[alice])
    assert (await v2.export_user(user_id=alice)).data.user.id == alice
    guest = (await v2.create_guest(user=m.UserRequest(id=fresh("guest"), name="G"))).data
    assert (guest.user.role, bool(guest.access_token)) == ("guest", True)


async def test_people_see_of_others_neither_devices_nor_mutes_nor_whether_they_hide(world: World) -> None:
    ids = await people(world, 2, invisible=True)
    query = json.dumps({"filter_conditions": {"id": {"$in": ids}}})
    _, found = await world.person(ids[0]).call("GET", "/users", payload=query)
    me, other = ({user["id"]: user for user in found["users"]}[user_id] for user_id in ids)
    private = {"devices", "mutes", "channel_mutes", "unread_count"}
    assert private <= me.keys()
    assert not private & other.keys()
    assert (me["invisible"], "invisible" in other) == (True, False)
