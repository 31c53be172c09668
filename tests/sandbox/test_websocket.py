"""The WebSocket: connecting, pings, watching, routing."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
import jwt
import pytest

from tests.sandbox.conftest import Person, World, frame, until
from tests.support.sandbox import API_SECRET


async def test_greets_with_a_health_check_that_holds_me(world: World) -> None:
    async with await world.person("alice").connect(name="Alice", shoe=42) as socket:
        first = await frame(socket)
    assert (first["type"], first["cid"]) == ("health.check", "*")
    me = first["me"]
    assert (me["id"], me["name"], me["shoe"], me["online"]) == ("alice", "Alice", 42, True)
    expected = {
        "mutes",
        "channel_mutes",
        "devices",
        "unread_count",
        "total_unread_count",
        "unread_channels",
        "unread_threads",
    }
    assert expected <= me.keys()


async def test_answers_a_ping_sent_as_a_json_array(world: World) -> None:
    async with await world.person("alice").online() as socket:
        await socket.send_str(json.dumps([{"type": "health.check", "client_id": "x"}]))
        assert (await frame(socket))["type"] == "health.check"


MONTH = 30 * 86_400  # whenever the tests come to run after they were collected


def token(secret: str = API_SECRET, **claims: Any) -> str:
    return jwt.encode({"user_id": "alice", **claims}, secret, algorithm="HS256")


@pytest.mark.parametrize(
    ("credential", "code"),
    [
        (token(exp=int(time.time()) - 10), 40),
        (token(nbf=int(time.time()) + MONTH), 41),
        (token(iat=int(time.time()) + MONTH), 42),
        (token(secret="another-secret-of-thirty-two-characters"), 43),
        ("nonsense", 5),
        ("", 5),
        (jwt.encode({"user_id": "alice"}, "", algorithm="none"), 5),
    ],
)
async def test_refuses_bad_tokens_with_the_same_code_in_a_first_frame_and_over_rest(
    world: World, credential: str, code: int
) -> None:
    alice = Person(world.running, world.http, "alice", credential)
    async with await alice.connect() as socket:
        first = await frame(socket)
        assert (first["type"], first["error"]["code"], first["error"]["StatusCode"]) == ("connection.error", code, 401)
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code != 1000
    status, body = await alice.call("GET", "/app")
    assert (status, body["code"]) == (401, code)


async def test_refuses_an_unknown_api_key(world: World) -> None:
    async with world.http.get(world.running.url + "/app", params={"api_key": "other"}) as response:
        assert (response.status, (await response.json())["code"]) == (401, 2)


async def test_watching_needs_a_connection(world: World) -> None:
    await world.channel("c", "alice")
    status, body = await world.person("alice").call("POST", "/channels/messaging/c/query", {"watch": True})
    assert (status, body["code"]) == (400, 4)


async def test_watchers_get_the_message_and_absent_members_a_notification(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    alice, bob = world.person("alice"), world.person("bob")
    async with await alice.online() as watching, await bob.online() as absent:
        await alice.watch("c")
        await channel.send_message({"text": "hi"}, "bob")
        new = await until(watching, "message.new")
        notice = await until(absent, "notification.message_new")
    assert new["message"]["text"] == notice["message"]["text"] == "hi"
    assert (new["cid"], new["unread_count"]) == ("messaging:c", 1)
    assert notice["channel"]["cid"] == "messaging:c"


async def test_watching_is_per_connection(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    one, two = world.person("alice"), world.person("alice")
    async with await one.online() as first, await two.online() as second:
        await one.watch("c")
        await channel.send_message({"text": "hi"}, "bob")
        assert (await until(first, "message.new"))["message"]["text"] == "hi"
        assert (await frame(second))["type"] == "notification.message_new"


async def test_carries_typing_ai_states_and_custom_events_to_watchers(world: World) -> None:
    channel = await world.channel("c", "alice", "bot")
    alice = world.person("alice")
    async with await alice.online() as socket:
        await alice.watch("c")
        await channel.send_event({"type": "typing.start"}, "bot")
        await channel.send_event(
            {"type": "ai_indicator.update", "ai_state": "AI_STATE_THINKING", "message_id": "m"}, "bot"
        )
        await channel.send_event({"type": "lamp.on", "colour": "red"}, "bot")
        typing, state, lamp = [await frame(socket) for _ in range(3)]
    assert (typing["type"], typing["user"]["id"]) == ("typing.start", "bot")
    assert (state["ai_state"], state["message_id"]) == ("AI_STATE_THINKING", "m")
    assert (lamp["type"], lamp["colour"]) == ("lamp.on", "red")


async def test_a_person_can_press_stop_without_a_message_id(world: World) -> None:
    await world.channel("c", "alice", "bot")
    alice, bot = world.person("alice"), world.person("bot")
    async with await bot.online() as socket:
        await bot.watch("c")
        status, _ = await alice.call("POST", "/channels/messaging/c/event", {"event": {"type": "ai_indicator.stop"}})
        assert status == 201
        assert (await until(socket, "ai_indicator.stop"))["user"]["id"] == "alice"


async def test_tells_a_new_member_of_its_channel(world: World) -> None:
    channel = await world.channel("c", "alice")
    await world.server.upsert_user({"id": "bob"})
    async with await world.person("bob").online() as socket:
        await channel.add_members(["bob"])
        event = await until(socket, "notification.added_to_channel")
    assert (event["channel"]["cid"], event["member"]["user_id"]) == ("messaging:c", "bob")


async def test_tells_channel_mates_who_comes_and_goes(world: World) -> None:
    await world.channel("c", "alice", "bob")
    async with await world.person("alice").online() as socket:
        async with await world.person("bob").online():
            assert (await until(socket, "user.presence.changed"))["user"]["online"] is True
        assert (await until(socket, "user.presence.changed"))["user"]["online"] is False


async def test_sends_events_only_after_their_call_can_be_read_back(world: World) -> None:
    channel = await world.channel("c", "alice")
    alice = world.person("alice")
    async with await alice.online() as socket:
        await alice.watch("c")
        sends = [asyncio.create_task(channel.send_message({"id": f"m{n}", "text": "x"}, "alice")) for n in range(20)]
        arrived = [(await until(socket, "message.new"))["message"] for _ in range(20)]
        await asyncio.gather(*sends)
    times = [message["created_at"] for message in arrived]
    assert times == sorted(times)
    assert len(set(times)) == 20


async def test_tells_the_reply_count_of_a_parent_whenever_it_changes(world: World) -> None:
    channel = await world.channel("team", "alice", "bob")
    await channel.send_message({"id": "parent", "text": "who comes?"}, "alice")
    alice = world.person("alice")
    async with await alice.online() as socket:
        await alice.watch("team")
        counts = []
        await channel.send_message({"id": "reply", "text": "me", "parent_id": "parent"}, "bob")
        counts.append((await until(socket, "message.updated"))["message"])
        await world.server.delete_message("reply")
        counts.append((await until(socket, "message.updated"))["message"])
        await world.server.undelete_message("reply", "bob")
        counts.append((await until(socket, "message.updated"))["message"])
        await world.server.delete_message("reply", hard=True)
        counts.append((await until(socket, "message.updated"))["message"])
    assert [(parent["id"], parent["reply_count"]) for parent in counts] == [("parent", n) for n in (1, 0, 1, 0)]
    assert [person["id"] for person in counts[0]["thread_participants"]] == ["bob"]
