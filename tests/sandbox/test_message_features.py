"""What messages can do beside being sent: waiting, hiding, moving, translating, offering a picture."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conftest import World, frame, until


async def shown(world: World, user_id: str) -> list[str]:
    """The ids of the messages that a person sees in the channel `c`."""
    _, state = await world.person(user_id).call("POST", "/channels/messaging/c/query", {"state": True})
    return [message["id"] for message in state["messages"]]


async def test_a_pending_message_is_its_authors_alone_until_it_is_committed(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    bob = world.person("bob")
    async with await bob.online() as socket:
        await bob.watch("c")
        metadata = {"why": "check"}
        sent = await channel.send_message(
            {"id": "m", "text": "wait"}, "alice", pending=True, pending_message_metadata=metadata
        )
        assert sent["pending_message_metadata"] == metadata
        assert (await shown(world, "bob"), await shown(world, "alice")) == ([], [])
        _, mine = await world.person("alice").call("POST", "/channels/messaging/c/query", {"state": True})
        assert [one["message"]["id"] for one in mine["pending_messages"]] == ["m"]
        assert "pending_messages" not in await bob.watch("c")
        assert (await bob.call("GET", "/messages/m"))[0] == 404
        assert (await world.server.unread_counts("bob"))["total_unread_count"] == 0
        await world.server.post("messages/m/commit")
        event = await until(socket, "message.new")
    assert (event["message"]["id"], event["total_unread_count"]) == ("m", 1)
    assert await shown(world, "bob") == ["m"]
    with pytest.raises(StreamAPIException, match="is not pending"):
        await world.server.post("messages/m/commit")


async def test_a_message_with_restricted_visibility_reaches_those_it_names(world: World) -> None:
    channel = await world.channel("c", "alice", "bob", "carol")
    bob, carol = world.person("bob"), world.person("carol")
    async with await bob.online() as to_bob, await carol.online() as to_carol:
        await bob.watch("c")
        await carol.watch("c")
        await channel.send_message({"id": "secret", "text": "x", "restricted_visibility": ["bob"]}, "alice")
        await channel.send_message({"id": "open", "text": "y"}, "alice")
        assert (await until(to_bob, "message.new"))["message"]["id"] == "secret"
        assert (await until(to_carol, "message.new"))["message"]["id"] == "open"
    assert await shown(world, "carol") == ["open"]
    assert (await carol.call("GET", "/messages/secret"))[0] == 404
    counts = {one: (await world.server.unread_counts(one))["total_unread_count"] for one in ("bob", "carol")}
    assert counts == {"bob": 2, "carol": 1}
    secret = {"message": {"text": "x", "restricted_visibility": ["carol"]}}
    assert (await bob.call("POST", "/channels/messaging/c/message", secret))[0] == 403


async def test_a_message_deleted_for_one_stays_for_the_others(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    await channel.send_message({"id": "m", "text": "x"}, "alice")
    bob = world.person("bob")
    async with await bob.online() as socket:
        answer = await world.server.delete_message("m", delete_for_me=True, deleted_by="bob")
        event = await until(socket, "message.deleted")
    assert answer["message"]["deleted_for_me"] is True
    assert event["deleted_for_me"] is True
    assert (await shown(world, "bob"), await shown(world, "alice")) == ([], ["m"])


async def test_earlier_versions_are_kept_for_a_server(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    await channel.send_message({"id": "m", "text": "v0", "mood": 0}, "alice")
    for number in (1, 2):
        await world.server.update_message_partial("m", {"set": {"text": f"v{number}", "mood": number}}, "bob")
    await world.server.delete_message("m", deleted_by="alice")
    query = world.server.query_message_history
    first = await query({"message_id": {"$eq": "m"}}, [{"message_updated_at": 1}], limit=2)
    versions = [(one["text"], one["mood"], one["message_updated_by_id"]) for one in first["message_history"]]
    assert versions == [("v0", 0, "alice"), ("v1", 1, "bob")]
    rest = await query({"message_id": {"$eq": "m"}}, [{"message_updated_at": 1}], limit=2, next=first["next"])
    assert [one["text"] for one in rest["message_history"]] == ["v2"]
    status, body = await world.person("alice").call("POST", "/messages/history", {"filter": {"message_id": "m"}})
    assert (status, body["code"]) == (403, 17)


async def test_a_live_location_moves_until_it_ends(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    end_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    place = {"created_by_device_id": "phone", "latitude": 47.5, "longitude": 19.0, "end_at": end_at}
    sent = await channel.send_message({"id": "m", "text": "here", "shared_location": place}, "alice")
    assert sent["message"]["shared_location"]["latitude"] == 47.5
    bob = world.person("bob")
    async with await bob.online() as socket:
        state = await bob.watch("c")
        assert [one["message_id"] for one in state["active_live_locations"]] == ["m"]
        moved = await world.server.update_user_location("alice", "m", {"latitude": 48.0, "longitude": 19.5})
        event = await until(socket, "message.updated")
    assert (moved["latitude"], moved["end_at"]) == (48.0, sent["message"]["shared_location"]["end_at"])
    assert event["message"]["shared_location"]["longitude"] == 19.5
    status, _ = await bob.call("PUT", "/users/live_locations", {"message_id": "m", "latitude": 1, "longitude": 1})
    assert status == 403
    assert len((await world.server.get_user_locations("alice"))["active_live_locations"]) == 1
    past = {"end_at": datetime.now(UTC).isoformat()}
    await world.server.put("users/live_locations", data={"message_id": "m", "user_id": "alice", **past})
    assert (await world.server.get_user_locations("alice"))["active_live_locations"] == []
    with pytest.raises(StreamAPIException, match="is not live"):
        await world.server.update_user_location("alice", "m", {"latitude": 48.0, "longitude": 19.5})


@pytest.mark.parametrize("place", [{"latitude": 91, "longitude": 0}, {"latitude": "x", "longitude": 0}, {}])
async def test_refuses_places_that_are_not_on_earth(world: World, place: dict[str, Any]) -> None:
    channel = await world.channel("c", "alice")
    with pytest.raises(StreamAPIException) as raised:
        await channel.send_message({"text": "x", "shared_location": place}, "alice")
    assert (raised.value.status_code, raised.value.error_code) == (400, 4)
    assert await shown(world, "alice") == []


async def test_giphy_offers_a_picture_to_its_author_who_sends_shuffles_or_cancels(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    offered = (await channel.send_message({"id": "g", "text": "/giphy hi/there"}, "alice"))["message"]
    attachment = offered["attachments"][0]
    assert (offered["type"], offered["command"], offered["args"]) == ("ephemeral", "giphy", "hi/there")
    assert [action["value"] for action in attachment["actions"]] == ["send", "shuffle", "cancel"]
    assert attachment["sandbox"] is True
    assert await shown(world, "alice") == []

    async def run(action: str, user_id: str = "alice") -> Any:
        data = {"user": {"id": user_id}, "form_data": {"image_action": action}}
        return await world.server.run_message_action("g", data)

    another = (await run("shuffle"))["message"]["attachments"][0]["thumb_url"]
    assert another != attachment["thumb_url"]
    async with world.http.get(another) as picture:
        assert (picture.status, picture.content_type) == (200, "image/svg+xml")
    with pytest.raises(StreamAPIException) as raised:
        await run("send", "bob")
    assert raised.value.status_code == 403
    sent = (await run("send"))["message"]
    assert (sent["id"], sent["type"], sent["attachments"][0]["thumb_url"]) == ("g", "regular", another)
    assert "actions" not in sent["attachments"][0]
    assert await shown(world, "bob") == ["g"]
    with pytest.raises(StreamAPIException, match="has no actions"):
        await run("send")
    await channel.send_message({"id": "g2", "text": "/giphy no"}, "alice")
    cancelled = await world.server.run_message_action(
        "g2", {"user": {"id": "alice"}, "form_data": {"image_action": "cancel"}}
    )
    assert "message" not in cancelled
    assert await shown(world, "alice") == ["g"]


async def test_a_translation_is_a_marked_echo(world: World) -> None:
    channel = await world.channel("c", "alice")
    await channel.send_message({"id": "m", "text": "hello"}, "alice")
    await world.server.translate_message("m", "hu")
    message = (await world.server.translate_message("m", "fr-CA"))["message"]
    expected = {"language": "en", "en_text": "hello", "hu_text": "[hu] hello", "fr_CA_text": "[fr-CA] hello"}
    assert message["i18n"] == expected
    with pytest.raises(StreamAPIException, match="is not supported"):
        await world.server.translate_message("m", "xx")


async def test_pins_are_paged_by_their_time_and_expire(world: World) -> None:
    channel = await world.channel("c", "alice")
    for name in ("m1", "m2", "m3", "m4"):
        await channel.send_message({"id": name, "text": name}, "alice")
    for name in ("m3", "m1", "m2"):
        await world.server.pin_message(name, "alice")
    expired = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    await world.server.update_message_partial("m4", {"set": {"pinned": True, "pin_expires": expired}}, "alice")

    async def pinned(**params: Any) -> list[str]:
        answer = await world.server.get("channels/messaging/c/pinned_messages", params=params)
        return [message["id"] for message in answer["messages"]]

    assert await pinned() == ["m2", "m1", "m3"]
    assert await pinned(limit=1, offset=1) == ["m1"]
    assert await pinned(sort='[{"field":"pinned_at","direction":1}]') == ["m3", "m1", "m2"]
    assert await pinned(id_lt="m2", limit=1) == ["m1"]
    assert await pinned(id_gte="m1") == ["m2", "m1"]
    assert await pinned(id_around="m1", limit=3) == ["m2", "m1", "m3"]
    at = (await world.server.get_message("m1"))["message"]["pinned_at"]
    assert await pinned(pinned_at_before=at) == ["m3"]


async def test_slow_mode_makes_people_wait_but_no_moderator(world: World) -> None:
    channel = await world.channel("c", "alice", "bob", "mod")
    await channel.add_moderators(["mod"])
    await channel.update_partial(to_set={"cooldown": 60})
    message = {"message": {"text": "x"}}

    async def send(user_id: str) -> tuple[int, int | None]:
        status, body = await world.person(user_id).call("POST", "/channels/messaging/c/message", message)
        return status, body.get("code")

    assert await send("bob") == (201, None)
    assert await send("bob") == (403, 60)
    assert [await send("mod") for _ in range(2)] == [(201, None), (201, None)]


async def test_reactions_have_scores_codes_and_data_and_are_queried(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    await channel.send_message({"id": "m", "text": "x"}, "alice")
    made = await channel.send_reaction("m", {"type": "clap", "score": 5, "emoji_code": "👏", "why": "good"}, "alice")
    reaction = made["reaction"]
    assert (reaction["score"], reaction["emoji_code"], reaction["why"]) == (5, "👏", "good")
    await channel.send_reaction("m", {"type": "love"}, "bob")
    query = {"filter": {"type": "clap"}, "sort": [{"field": "created_at", "direction": 1}]}
    found = await world.server.post("messages/m/reactions", data=query)
    assert [one["user_id"] for one in found["reactions"]] == ["alice"]
    first = await world.server.post("messages/m/reactions", data={"limit": 1})
    second = await world.server.post("messages/m/reactions", data={"limit": 1, "next": first["next"]})
    assert [one["reactions"][0]["type"] for one in (first, second)] == ["love", "clap"]
    body = {"reaction": {"type": "wow"}, "enforce_unique": True}
    _, unique = await world.person("alice").call("POST", "/messages/m/reaction", body)
    assert unique["message"]["reaction_counts"] == {"love": 1, "wow": 1}


async def test_a_silent_message_counts_for_nobody_and_a_new_one_shows_a_hidden_channel(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    await channel.send_message({"text": "x", "silent": True}, "alice")
    assert (await world.server.unread_counts("bob"))["total_unread_count"] == 0
    await channel.hide("bob")
    bob = world.person("bob")
    await channel.send_message({"text": "y"}, "alice", keep_channel_hidden=True)
    assert (await bob.call("POST", "/channels", {"filter_conditions": {}}))[1]["channels"] == []
    async with await bob.online() as socket:
        await channel.send_message({"text": "z"}, "alice")
        assert (await until(socket, "channel.visible"))["cid"] == "messaging:c"
    assert len((await bob.call("POST", "/channels", {"filter_conditions": {}}))[1]["channels"]) == 1


async def test_previews_read_a_page_that_is_there(world: World) -> None:
    preview = await world.server.get("og", params={"url": f"{world.running.url}/"})
    assert preview["title"] == "Playground"
    for url in ("ftp://x/y", "nonsense", f"{world.running.url}/nowhere", "http://127.0.0.1:1/"):
        with pytest.raises(StreamAPIException) as raised:
            await world.server.get("og", params={"url": url})
        assert (raised.value.status_code, raised.value.error_code) == (400, 4)


async def test_delivery_is_noted_and_told(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    await channel.send_message({"id": "m", "text": "x"}, "alice")
    alice = world.person("alice")
    async with await alice.online() as socket:
        await alice.watch("c")
        await world.server.mark_delivered_simple("bob", "m", "messaging:c")
        event = await frame(socket)
    assert (event["type"], event["last_delivered_message_id"], event["user"]["id"]) == ("message.delivered", "m", "bob")
    reads = {read["user"]["id"]: read for read in (await channel.query())["read"]}
    assert reads["bob"]["last_delivered_message_id"] == "m"


async def test_a_pin_comes_off_at_its_time(world: World) -> None:
    channel = await world.channel("c", "alice")
    await channel.send_message({"id": "m", "text": "x"}, "alice")
    alice = world.person("alice")
    async with await alice.online() as socket:
        await alice.watch("c")
        soon = (datetime.now(UTC) + timedelta(milliseconds=50)).isoformat()
        await world.server.update_message_partial("m", {"set": {"pinned": True, "pin_expires": soon}}, "alice")
        assert (await until(socket, "message.updated"))["message"]["pinned"] is True
        assert (await until(socket, "message.updated"))["message"]["pinned"] is False


async def test_commands_act_on_a_user_with_the_rights_of_who_types_them(world: World) -> None:
    commands = ["giphy", "mute", "ban", "unban"]
    await world.server.create_channel_type({"name": "club", "commands": commands})
    await world.server.upsert_users([{"id": "mod"}, {"id": "bob", "name": "Bob B"}, {"id": "carol"}])
    channel = world.server.channel("club", "c", {"members": ["mod", "bob", "carol"]})
    await channel.create("mod")
    await channel.add_moderators(["mod"])
    path, carol = "/channels/club/c/message", world.person("carol")
    status, body = await carol.call("POST", path, {"message": {"text": "/mute @bob"}})
    assert (status, body["message"]["type"], body["message"]["text"]) == (201, "ephemeral", "@Bob B was muted")
    status, body = await carol.call("POST", path, {"message": {"text": "/ban @bob"}})
    assert (status, body["code"]) == (403, 17)
    status, _ = await world.person("mod").call("POST", path, {"message": {"text": "/ban @bob rude"}})
    assert status == 201
    status, body = await world.person("bob").call("POST", path, {"message": {"text": "hello"}})
    assert (status, body["code"]) == (403, 17)
    status, _ = await world.person("mod").call("POST", path, {"message": {"text": "/unban @nobody"}})
    assert status == 400
    sent = await channel.send_message({"text": "/flag @bob"}, "carol")
    assert (sent["message"]["type"], sent["message"]["text"]) == ("regular", "/flag @bob")
    assert len((await channel.query())["messages"]) == 1


async def test_a_send_tells_its_channel_and_which_mentioned_users_are_members_when_asked(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    await world.server.upsert_user({"id": "eve"})
    asked = {"include_channel_context": True, "include_mentioned_members": True}
    sent = await channel.send_message({"text": "x", "mentioned_users": ["bob", "eve"]}, "alice", **asked)
    assert sent["mentioned_members"] == {"bob": True, "eve": False}
    assert (sent["channel_context"]["cid"], sent["channel_context"]["created_by"]["id"]) == ("messaging:c", "alice")
    assert "channel_context" not in await channel.send_message({"text": "y"}, "alice")


async def test_a_sort_says_at_which_end_of_a_thread_a_page_is(world: World) -> None:
    channel = await world.channel("c", "alice")
    await channel.send_message({"id": "p", "text": "x"}, "alice")
    for name in ("r1", "r2", "r3"):
        await channel.send_message({"id": name, "text": name, "parent_id": "p"}, "alice")

    async def replies(direction: int) -> list[str]:
        sort = f'[{{"field":"created_at","direction":{direction}}}]'
        return [one["id"] for one in (await channel.get_replies("p", limit=2, sort=sort))["messages"]]

    assert (await replies(1), await replies(-1)) == (["r1", "r2"], ["r2", "r3"])
