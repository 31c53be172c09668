"""What the sandbox knows of the bots that run, and who may enter which channel by it."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import jwt
import pytest

from framework.app.presented import conversations, present, presented
from framework.definition.model import BotDefinition
from framework.definition.parts.channels import Channels
from framework.sandbox.dev import invites
from framework.sandbox.dev.server import Running, serving
from framework.sandbox.kernel.config import SandboxConfig
from framework.settings import Settings

SPEC: dict[str, Any] = {
    "identity": {"name": "Bikes", "user_id": "bike-bot"},
    "description": "Rents bikes.",
    "starters": "How much is a day?",
    "channels": {"join": ["messaging:bike-*"], "create": ["messaging:bike-club"], "open_to": ["ann", "b*"]},
    "handover": {"enabled": True, "alert": "team:bike-desk"},
    "team": {"users": ["carl"], "roles": ["moderator"]},
}


class World:
    """A sandbox with a bot that was told to it, and people who call it."""

    def __init__(self, running: Running, http: aiohttp.ClientSession) -> None:
        self.running = running
        self._http = http

    async def call(self, user: str | None, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        """Call as a person, or as the server."""
        config = self.running.config
        token = jwt.encode({"user_id": user} if user else {"server": True}, config.api_secret, "HS256")
        headers = {"Authorization": token, "stream-auth-type": "jwt"}
        params = {"api_key": config.api_key}
        async with self._http.request(method, path, json=body, params=params, headers=headers) as answer:
            return answer.status, await answer.json()

    async def bots(self, user: str) -> list[dict[str, Any]]:
        """The bots as a person may know them."""
        return (await self.call(user, "GET", "/sandbox/bots"))[1]["bots"]  # type: ignore[no-any-return]  # JSON


@pytest.fixture
async def world() -> Any:
    async with serving(SandboxConfig(port=0)) as running, aiohttp.ClientSession(running.url) as http:
        world = World(running, http)
        people = {id_: {"id": id_} for id_ in ("ann", "ben", "eve", "carl", "bike-bot")}
        await world.call(None, "POST", "/users", {"users": {**people, "mo": {"id": "mo", "role": "moderator"}}})
        for path in ("messaging/bike-club", "messaging/bike-private", "team/bike-desk", "messaging/of-others"):
            data = {"created_by_id": "bike-bot", "members": ["ben" if path.endswith("others") else "bike-bot"]}
            status, _ = await world.call(None, "POST", f"/channels/{path}/query", {"data": data})
            assert status == 201
        settings = Settings(
            stream_api_key=running.config.api_key,
            stream_api_secret=running.config.api_secret,
            stream_base_url=running.url,
        )
        await present([BotDefinition.model_validate(SPEC)], settings)
        yield world


async def test_everybody_sees_the_bot_and_the_team_sees_its_channels(world: World) -> None:
    (bot,) = await world.bots("eve")
    assert (bot["name"], bot["description"], bot["starters"]) == ("Bikes", "Rents bikes.", ["How much is a day?"])
    assert (bot["conversations"], bot["online"]) == (["messaging:bike-*"], False)
    assert (bot["rooms"], bot["desks"], bot["of_team"], bot["resume"]) == ([], [], False, "")
    assert (await world.bots("ben"))[0]["rooms"] == ["messaging:bike-club"]
    for who in ("carl", "mo"):
        (bot,) = await world.bots(who)
        assert (bot["desks"], bot["of_team"], bot["resume"]) == (["team:bike-desk"], True, "/bot resume")
    assert "team_users" not in bot


async def test_a_bot_that_is_told_again_is_one_bot_and_others_stay(world: World) -> None:
    other = {"user_id": "ann", "name": "Ann"}
    newer = presented(BotDefinition.model_validate({**SPEC, "starters": []}))
    assert (await world.call(None, "PUT", "/sandbox/bots", {"bots": [newer, other]}))[0] == 201
    assert [(bot["name"], bot["starters"]) for bot in await world.bots("eve")] == [("Ann", []), ("Bikes", [])]


@pytest.mark.parametrize(
    ("who", "cid", "status"),
    [
        ("ann", "messaging:bike-club", 201),
        ("ben", "messaging:bike-club", 201),
        ("eve", "messaging:bike-club", 403),
        ("ann", "messaging:bike-private", 403),
        ("ann", "team:bike-desk", 403),
        ("carl", "team:bike-desk", 201),
        ("mo", "team:bike-desk", 201),
        ("carl", "messaging:bike-private", 201),
        ("carl", "messaging:of-others", 403),
        ("ann", "messaging:nowhere", 403),
        ("ann", "", 400),
        ("ann", 7, 400),
    ],
)
async def test_who_may_join_by_themselves(world: World, who: str, cid: Any, status: int) -> None:
    assert (await world.call(who, "POST", "/sandbox/join", {"cid": cid}))[0] == status
    if status == 201:
        type_, _, id_ = cid.partition(":")
        _, state = await world.call(None, "POST", f"/channels/{type_}/{id_}/query", {"state": True})
        assert who in [member["user_id"] for member in state["members"]]


async def test_only_the_server_tells_of_bots(world: World) -> None:
    claim = {"bots": [{"user_id": "eve", "rooms": ["messaging:bike-private"], "open_to": ["eve"]}]}
    assert (await world.call("eve", "PUT", "/sandbox/bots", claim))[0] == 403
    assert (await world.call("eve", "POST", "/sandbox/join", {"cid": "messaging:bike-private"}))[0] == 403
    assert (await world.call(None, "PUT", "/sandbox/bots", {"bots": "no"}))[0] == 400
    assert (await world.call(None, "PUT", "/sandbox/bots", {"bots": [{"name": "nameless"}]}))[0] == 400


async def test_an_invite_lets_in_whoever_has_it_into_one_channel_for_a_week(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = {"cid": "messaging:bike-private"}
    assert (await world.call("eve", "POST", "/sandbox/invites", private))[0] == 403
    status, answer = await world.call("mo", "POST", "/sandbox/invites", private)
    assert status == 201
    for forged in (
        answer["invite"][:-1],
        f"f{answer['invite']}",
        "zz-1",
        "ü-ü",
        "-",
        answer["invite"].partition("-")[0],
    ):
        assert (await world.call("eve", "POST", "/sandbox/join", {**private, "invite": forged}))[0] == 403
    elsewhere = {"cid": "team:bike-desk", "invite": answer["invite"]}
    assert (await world.call("eve", "POST", "/sandbox/join", elsewhere))[0] == 403
    assert (await world.call("eve", "POST", "/sandbox/join", {**private, **answer}))[0] == 201
    monkeypatch.setattr(invites, "LIFETIME_S", -1)
    _, late = await world.call("mo", "POST", "/sandbox/invites", private)
    assert (await world.call("ann", "POST", "/sandbox/join", {**private, **late}))[0] == 403


async def test_the_team_hands_back_unseen_by_the_customer(world: World) -> None:
    await world.call(None, "POST", "/channels/messaging/bike-private", {"add_members": ["ann", "carl"]})
    command = {"cid": "messaging:bike-private", "bot": "bike-bot"}
    assert (await world.call("ann", "POST", "/sandbox/hand-back", command))[0] == 403
    assert (await world.call("carl", "POST", "/sandbox/hand-back", {**command, "bot": "ben"}))[0] == 403
    assert (await world.call("carl", "POST", "/sandbox/hand-back", {**command, "cid": "messaging:none"}))[0] == 404
    assert (await world.call("carl", "POST", "/sandbox/hand-back", command))[0] == 201
    seen = {}
    for who in ("ann", "carl", "bike-bot"):
        _, state = await world.call(who, "POST", "/channels/messaging/bike-private/query", {"state": True})
        seen[who] = [(message["text"], message["user"]["id"]) for message in state["messages"]]
    assert seen == {"ann": [], "carl": [("/bot resume", "carl")], "bike-bot": [("/bot resume", "carl")]}


async def test_an_invite_is_no_token(world: World) -> None:
    _, answer = await world.call("mo", "POST", "/sandbox/invites", {"cid": "messaging:bike-private"})
    headers = {"Authorization": answer["invite"], "stream-auth-type": "jwt"}
    async with aiohttp.ClientSession(world.running.url) as http:
        params = {"api_key": world.running.config.api_key}
        async with http.get("/sandbox/bots", params=params, headers=headers) as refused:
            assert refused.status == 401


async def test_a_guest_is_never_of_the_team(world: World) -> None:
    _, answer = await world.call(None, "POST", "/guest", {"user": {"id": "carl", "name": "Carl"}})
    (bot,) = await world.bots(answer["user"]["id"])
    assert not bot["of_team"]


@pytest.mark.parametrize(
    ("join", "expected"),
    [
        ("messaging:support-*", ["messaging:support-*"]),
        ("messaging:my-bot-?", ["messaging:my-bot-?"]),
        ("messaging:*-vip", ["messaging:*-vip"]),
        ("messaging:**", ["messaging:*"]),
        ("messaging:room[5-9]-*", ["messaging:room5-*"]),
        ("messaging:room[!a-z]", ["messaging:room0"]),
        ("livestream:front", ["livestream:front"]),
        (["messaging:a.b-*", "team:ok-*"], ["team:ok-*"]),
        ("messaging:" + "x" * 60 + "*", []),
    ],
)
def test_conversations_that_the_patterns_match(join: Any, expected: list[str]) -> None:
    channels = Channels.model_validate({"join": join})
    assert conversations(channels) == expected


PRIVATE = "/channels/messaging/bike-private"


async def test_a_note_of_the_team_reaches_the_team_alone(world: World) -> None:
    await world.call(None, "POST", PRIVATE, {"add_members": ["ann", "carl"]})
    note = {"cid": "messaging:bike-private", "text": "She is a regular, be kind."}
    assert (await world.call("ann", "POST", "/sandbox/notes", note))[0] == 403
    assert (
        await world.call("ann", "POST", f"{PRIVATE}/message", {"message": {**note, "restricted_visibility": ["ann"]}})
    )[0] == 403
    assert (await world.call("carl", "POST", "/sandbox/notes", {**note, "text": ""}))[0] == 400
    assert (await world.call("carl", "POST", "/sandbox/notes", {**note, "cid": "messaging:of-others"}))[0] == 403
    status, answer = await world.call("carl", "POST", "/sandbox/notes", note)
    kept = answer["message"]
    assert (status, kept["user"]["id"], kept["restricted_visibility"]) == (201, "carl", ["carl", "mo"])
    quote = {"text": "See above", "quoted_message_id": kept["id"]}
    await world.call("carl", "POST", f"{PRIVATE}/message", {"message": quote})
    for who, sees in (("ann", False), ("bike-bot", False), ("carl", True), ("mo", True)):
        _, state = await world.call(who, "POST", f"{PRIVATE}/query", {"state": True})
        assert (note["text"] in str(state)) is sees, who


async def test_no_call_with_a_customers_token_brings_a_note_to_light(world: World) -> None:
    await world.call(None, "POST", PRIVATE, {"add_members": ["ann", "carl"]})
    _, answer = await world.call(
        "carl", "POST", "/sandbox/notes", {"cid": "messaging:bike-private", "text": "Xylophone: she is a regular."}
    )
    id_, here = answer["message"]["id"], {"cid": "messaging:bike-private"}
    search = {"filter_conditions": here, "query": "Xylophone"}
    mine = {"filter_conditions": here, "message_filter_conditions": {"user.id": "carl"}}
    for method, path, body in (
        ("GET", f"/messages/{id_}", None),
        ("GET", f"/messages/{id_}/replies", None),
        ("GET", f"/messages/{id_}/reactions", None),
        ("GET", f"{PRIVATE}/messages?ids={id_}", None),
        ("GET", f"/search?payload={json.dumps(search)}", None),
        ("GET", f"/search?payload={json.dumps(mine)}", None),
        ("POST", f"{PRIVATE}/query", {"state": True, "messages": {"id_around": id_, "limit": 30}}),
        ("POST", f"{PRIVATE}/query", {"state": True, "messages": {"limit": 30}}),
        ("POST", "/channels", {"filter_conditions": here, "state": True, "message_limit": 30}),
        ("POST", "/threads", {"state": True}),
        ("POST", f"{PRIVATE}/message", {"message": {"text": "?", "quoted_message_id": id_}}),
        ("POST", f"{PRIVATE}/message", {"message": {"text": "?", "parent_id": id_}}),
        ("POST", f"/messages/{id_}/reaction", {"reaction": {"type": "like"}}),
        ("POST", f"/messages/{id_}/translate", {"language": "de"}),
        ("PUT", f"/messages/{id_}", {"set": {"pinned": True}}),
        ("POST", "/moderation/flag", {"target_message_id": id_}),
        ("POST", "/sync", {"channel_cids": [here["cid"]], "last_sync_at": "2020-01-01T00:00:00Z"}),
        ("GET", f"/messages/{id_}/replies", None),
        ("DELETE", f"/messages/{id_}", None),
    ):
        _, got = await world.call("ann", method, path, body)
        assert "Xylophone" not in str(got), (method, path)
    status, again = await world.call("carl", "GET", f"/messages/{id_}")
    assert (status, again["message"]["text"]) == (200, "Xylophone: she is a regular.")
