"""What people without a role get by asking for one: nothing. Beside each attack stands what honest people do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from framework.sandbox.dev.coverage import operations
from framework.sandbox.kernel.http.dispatch import FOR_ANONYMOUS
from framework.sandbox.kernel.operations import Access
from tests.sandbox.conftest import World, frame, until, world

__all__ = ["world"]
SECRET = "the safe opens with 4711"
ROLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("assign_roles", {"assign_roles": [{"user_id": "eve2", "channel_role": "channel_moderator"}]}),
    ("own role", {"assign_roles": [{"user_id": "eve", "channel_role": "admin"}]}),
    ("add_moderators", {"add_moderators": ["eve2"]}),
    ("demote_moderators", {"demote_moderators": ["mo"]}),
    ("a member with a role", {"add_members": [{"user_id": "ada", "channel_role": "channel_moderator"}]}),
    ("a member with an old role", {"add_members": [{"user_id": "ada", "role": "moderator"}]}),
    ("an invited moderator", {"invites": [{"user_id": "ada", "channel_role": "channel_moderator"}]}),
    ("grants of the channel", {"data": {"config_overrides": {"grants": {"channel_member": ["ban-channel-member"]}}}}),
    ("slow mode", {"cooldown": 60}),
    ("slow mode as data", {"data": {"cooldown": 60}}),
    ("another team", {"data": {"team": "blue"}}),
    ("switched off", {"data": {"disabled": True}}),
)


@pytest.fixture
async def owned(world: World) -> World:
    """A channel that Eve made and owns, with her second account and a moderator in it."""
    people = [
        {"id": "eve"},
        {"id": "eve2"},
        {"id": "ada"},
        {"id": "mo", "role": "moderator"},
        {"id": "boss", "role": "admin"},
    ]
    await world.server.upsert_users(people)
    status, _ = await world.person("eve").call(
        "POST", "/channels/messaging/hers/query", {"data": {"members": ["eve", "eve2"]}, "state": True}
    )
    assert status == 201
    await world.server.channel("messaging", "hers").add_moderators(["mo"])
    return world


async def roles(world: World, channel: str) -> dict[str, str]:
    kind, _, name = channel.partition(":")
    found = await world.server.channel(kind, name).query_members({})
    return {member["user_id"]: member["channel_role"] for member in found}


@pytest.mark.parametrize(("what", "change"), ROLES, ids=[what for what, _ in ROLES])
async def test_the_owner_of_a_channel_gives_nobody_a_role_and_sets_nothing_of_the_apps(
    owned: World, what: str, change: dict[str, Any]
) -> None:
    before = await roles(owned, "messaging:hers")
    status, said = await owned.person("eve").call("POST", "/channels/messaging/hers", change)
    assert (status, said["code"]) == (403, 17), what
    if "data" in change:
        status, said = await owned.person("eve").call("PATCH", "/channels/messaging/hers", {"set": change["data"]})
        assert (status, said["code"]) == (403, 17), what
    assert await roles(owned, "messaging:hers") == before


async def test_the_owner_still_names_the_channel_invites_and_removes_people(owned: World) -> None:
    eve = owned.person("eve")
    for change in ({"data": {"name": "Hers", "color": "red"}}, {"add_members": ["ada"]}, {"remove_members": ["ada"]}):
        status, said = await eve.call("POST", "/channels/messaging/hers", change)
        assert status == 201, said
    status, said = await eve.call("PATCH", "/channels/messaging/hers", {"set": {"color": "blue", "frozen": False}})
    assert (status, said["channel"]["color"]) == (200, "blue")
    await owned.server.channel("messaging", "hers").assign_roles(
        [{"user_id": "eve2", "channel_role": "channel_moderator"}]
    )
    assert (await roles(owned, "messaging:hers"))["eve2"] == "channel_moderator"


@pytest.mark.parametrize(
    "data",
    [
        {"members": [{"user_id": "eve2", "channel_role": "channel_moderator"}]},
        {"members": [{"user_id": "eve", "role": "moderator"}]},
        {"members": ["eve"], "config_overrides": {"grants": {"channel_member": ["ban-channel-member"]}}},
    ],
)
async def test_a_new_channel_has_no_moderator_and_no_grants_of_its_makers_choice(
    owned: World, data: dict[str, Any]
) -> None:
    for path in ("/channels/messaging/new/query", "/channels/messaging/query"):
        status, said = await owned.person("eve").call("POST", path, {"data": data})
        assert (status, said["code"]) == (403, 17), path
    assert (
        not await owned.server.query_channels({"id": "new"})
        or not (await owned.server.query_channels({"id": "new"}))["channels"]
    )


async def test_a_member_changes_neither_its_role_nor_its_state(owned: World) -> None:
    for change in (
        {"channel_role": "channel_moderator"},
        {"role": "moderator"},
        {"is_moderator": True},
        {"banned": False},
    ):
        status, _ = await owned.person("eve2").call("PATCH", "/channels/messaging/hers/member", {"set": change})
        assert status in (200, 400, 403), change
    assert (await roles(owned, "messaging:hers"))["eve2"] == "channel_member"


async def test_customers_neither_make_nor_join_channels_of_the_team(owned: World) -> None:
    eve, desk = owned.person("eve"), {"data": {"members": ["eve"]}, "state": True}
    for path in ("/channels/team/desk/query", "/channels/team/query"):
        status, said = await eve.call("POST", path, desk)
        assert (status, said["code"]) == (403, 17), path
    channel = owned.server.channel("team", "desk", {"members": ["mo", "boss"]})
    await channel.create("boss")
    await channel.send_message({"text": SECRET}, "mo")
    attempts: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/channels/team/desk/query", {"state": True}),
        ("/channels/team/desk", {"add_members": ["eve"]}),
        ("/channels/team/desk", {"add_members": [{"user_id": "eve", "channel_role": "channel_moderator"}]}),
        ("/channels/team/desk", {"accept_invite": True}),
        ("/channels/team/desk", {}),
        ("/channels/team/desk", {"message": {"text": "hi"}}),
    )
    for path, body in attempts:
        status, said = await eve.call("POST", path, body)
        assert (status, said["code"]) == (403, 17), (body, said)
        assert SECRET not in json.dumps(said)
    assert set(await roles(owned, "team:desk")) == {"mo", "boss"}
    status, said = await owned.person("mo").call("POST", "/channels/team/desk/query", {"state": True})
    assert (status, [message["text"] for message in said["messages"]]) == (201, [SECRET])
    status, _ = await owned.person("mo").call("POST", "/channels/team/second/query", {"data": {"members": ["mo"]}})
    assert status == 201


async def test_the_apps_grants_open_the_teams_type(owned: World) -> None:
    grants = (await owned.server.get_channel_type("team"))["grants"]
    assert "create-channel" in grants["moderator"]
    assert "create-channel" not in grants["user"]
    await owned.server.update_channel_type("team", grants={"user": [*grants["user"], "create-channel"]})
    status, _ = await owned.person("eve").call("POST", "/channels/team/open/query", {"data": {"members": ["eve"]}})
    assert status == 201


async def test_a_guest_is_never_who_they_ask_to_be(owned: World) -> None:
    for wanted in ("mo", "teammate", "agent-bot"):
        status, said = await owned.person("eve").call("POST", "/guest", {"user": {"id": wanted, "role": "admin"}})
        assert status == 201
        assert said["user"]["id"].startswith("guest-")
        assert said["user"]["id"].endswith(f"-{wanted}")
        assert said["user"]["role"] == "guest"
    assert (await owned.server.query_users({"id": "teammate"}))["users"] == []
    guest = owned.person(said["user"]["id"])
    guest.token = said["access_token"]
    status, _ = await guest.call("POST", "/channels/messaging/of-a-guest/query", {"data": {"members": [guest.user_id]}})
    assert status == 201
    status, _ = await guest.call("POST", "/channels/messaging/of-a-guest/message", {"message": {"text": "hi"}})
    assert status == 201
    status, _ = await guest.call("POST", "/channels/team/x/query", {"data": {"members": [guest.user_id]}})
    assert status == 403


PATHS = {"type": "messaging", "id": "hers", "user_id": "mo", "message_id": "m", "parent_id": "m", "name": "x"}


async def test_nobody_without_a_token_is_who_they_claim_to_be(owned: World) -> None:
    await owned.server.channel("messaging", "hers").send_message({"id": "m", "text": SECRET}, "mo")
    for operation in operations():
        if operation.handler is None or operation.access is not Access.ANY or operation.v1 is None:
            continue
        path = operation.v1.replace("/messages/{id}", "/messages/m")
        for name, value in PATHS.items():
            path = path.replace(f"{{{name}}}", value)
        for claimed in ("mo", "eve", "boss"):
            params = {"api_key": owned.running.api_key, "user_id": claimed, "stream-auth-type": "anonymous"}
            body = {"state": True, "filter_conditions": {"cid": "messaging:hers"}, "members": ["eve"]}
            async with owned.http.request(
                operation.method, owned.running.url + path, params=params, json=body if operation.needs_body else None
            ) as answer:
                text = await answer.text()
                assert answer.status < 500, (operation.id, text)
                assert SECRET not in text, operation.id
                assert operation.id in FOR_ANONYMOUS or answer.status >= 400, operation.id


async def test_a_socket_without_a_token_hears_nothing_that_is_for_somebody_else(owned: World) -> None:
    hello = json.dumps({"user_id": "mo", "user_details": {"id": "mo", "anon": True}})
    params = {"json": hello, "api_key": owned.running.api_key, "stream-auth-type": "anonymous"}
    stranger = await owned.http.ws_connect(owned.running.url + "/connect", params=params)
    first = await frame(stranger)
    assert (first["me"]["id"], first["me"]["role"]) == ("anon:mo", "anonymous")
    honest = await owned.person("mo").online()
    await owned.server.channel("messaging", "hers").send_message({"text": SECRET}, "eve")
    assert (await until(honest, "notification.message_new"))["message"]["text"] == SECRET
    await stranger.send_json([{"type": "health.check"}])
    assert (await frame(stranger))["type"] == "health.check"


FORGED: dict[str, Any] = {
    "quoted_message": {"id": "q", "text": "Your refund is approved.", "user": {"id": "agent-bot"}},
    "member": {"channel_role": "channel_moderator"},
    "restricted_visibility": ["mo"],
    "thread_participants": [{"id": "agent-bot"}],
    "pinned_by": {"id": "mo"},
    "moderation": {"action": "approved"},
    "deleted_at": "2020-01-01T00:00:00Z",
    "poll": {"id": "p"},
    "command": "ban",
    "user_id": "agent-bot",
    "reply_count": 7,
}


@pytest.mark.parametrize("name", FORGED)
async def test_custom_data_never_looks_like_what_the_service_says(owned: World, name: str) -> None:
    """One API has custom data in an object of its own, the other beside the fields: a name must not cross over."""
    eve, forged = owned.person("eve"), {name: FORGED[name]}
    await owned.server.channel("messaging", "hers").send_message({"id": "honest", "text": "x", "color": "red"}, "eve")
    send = "/api/v2/chat/channels/messaging/hers/message"
    status, said = await eve.call("POST", send, {"message": {"id": "m", "text": "x", "custom": forged}})
    assert (status, said["code"]) == (400, 4)
    for path in ("/messages/honest", "/api/v2/chat/messages/honest"):
        for change in ({name: FORGED[name]}, {"custom": forged}, {f"custom.{name}": FORGED[name]}):
            await eve.call("PUT", path, {"set": change})
    stored = (await owned.server.get_message("honest"))["message"]
    assert stored.get(name) != FORGED[name]
    assert stored["color"] == "red"
    assert stored["user"]["id"] == "eve"


async def test_custom_data_of_channels_and_people_has_no_name_of_the_services(owned: World) -> None:
    eve = owned.person("eve")
    for name, value in {"created_by": {"id": "mo"}, "own_capabilities": ["x"], "deleted_at": "x", "team": "z"}.items():
        body = {"data": {"members": [{"user_id": "eve"}], "custom": {name: value}}}
        status, said = await eve.call("POST", "/api/v2/chat/channels/messaging/forged/query", body)
        assert (status, said["code"]) == (400, 4), name
    for name in ("deactivated_at", "banned", "role", "id"):
        status, _ = await eve.call("POST", "/api/v2/users", {"users": {"eve": {"id": "eve", "custom": {name: "x"}}}})
        assert status == 400, name
    status, _ = await eve.call("POST", "/api/v2/users", {"users": {"eve": {"id": "eve", "custom": {"color": "x"}}}})
    assert status == 201


async def test_an_edit_sets_nothing_that_a_new_message_may_not_have(owned: World) -> None:
    eve2, mo = owned.person("eve2"), owned.person("mo")
    path = "/channels/messaging/hers/message"
    status, _ = await eve2.call("POST", path, {"message": {"id": "m", "text": "x"}})
    assert status == 201
    narrow = {"restricted_visibility": ["eve2"]}
    status, said = await eve2.call("POST", path, {"message": {"id": "n", "text": "x", **narrow}})
    assert (status, said["code"]) == (403, 17)
    for method, body in (("PUT", {"set": narrow}), ("POST", {"message": {"id": "m", "text": "y", **narrow}})):
        status, said = await eve2.call(method, "/messages/m", body)
        assert (status, said["code"]) == (403, 17)
    stored = (await owned.server.get_message("m"))["message"]
    assert (stored["text"], stored["restricted_visibility"]) == ("x", [])
    whole = {**stored, "text": "Better words"}
    status, said = await eve2.call("POST", "/messages/m", {"message": {"id": "m", "text": "Better words"}})
    assert (status, said["message"]["text"]) == (201, whole["text"])
    status, said = await mo.call("POST", path, {"message": {"id": "o", "text": "x", "restricted_visibility": ["eve"]}})
    assert (status, said["message"]["restricted_visibility"]) == (201, ["eve"])
