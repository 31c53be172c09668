"""Who is of the team: who has a role in the app, or an id that no stranger can take. Customers' roles count nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import World, world
from tests.support.attacked import Attacked, introduced
from tests.support.waiting import until

__all__ = ["world"]
CID = "messaging:support-hers"
BACK = "I am back, and read along again."
SPEC: dict[str, Any] = {"handover": {"enabled": True, "to": ["mo"]}, "conditions": {"not_team": False}}


@pytest.fixture
async def scene(world: World, tmp_path: Path) -> Attacked:
    attacked = await introduced(world, tmp_path)
    assert await attacked.own_channel("eve", CID, "bob", "dave") == 201
    return attacked


async def hand_over(scene: Attacked) -> None:
    await scene.answered(CID, await scene.say("bob", CID, "human please"))


async def comes_back(scene: Attacked, user: str) -> bool:
    """Whether this user's word hands back; if not, the team's does, so that the bot can be asked."""
    word = await scene.say(user, CID, "/bot resume")
    reply = await scene.answered(CID, await scene.say("mo", CID, "/bot resume"))
    assert reply["text"] == BACK or not reply
    return any(one.get("reply_to") == word for one in await scene.messages(CID))


async def test_a_moderator_of_the_channel_is_not_of_the_team(scene: Attacked) -> None:
    async with scene.running(**SPEC):
        channel = scene.world.server.channel("messaging", "support-hers")
        await channel.assign_roles([{"user_id": "dave", "channel_role": "channel_moderator"}])
        await hand_over(scene)
        assert not await comes_back(scene, "dave")


async def test_a_moderator_of_the_channel_is_where_the_definition_says_so(scene: Attacked) -> None:
    async with scene.running(**SPEC, team={"channel_roles": ["channel_moderator"]}):
        channel = scene.world.server.channel("messaging", "support-hers")
        await channel.assign_roles([{"user_id": "dave", "channel_role": "channel_moderator"}])
        await hand_over(scene)
        word = await scene.say("dave", CID, "/bot resume")
        assert (await scene.answered(CID, word))["text"] == BACK


async def test_who_was_demoted_decides_nothing_any_more(scene: Attacked) -> None:
    async with scene.running(**SPEC):
        await hand_over(scene)
        await scene.world.server.channel("messaging", "support-hers").add_members(["tina"])
        await scene.world.server.update_user_partial({"id": "tina", "set": {"role": "user"}})
        assert not await comes_back(scene, "tina")


async def test_a_guest_with_an_id_of_the_team_is_a_guest(scene: Attacked) -> None:
    async with scene.running(**SPEC, team={"users": ["ada", "mo"], "roles": []}):
        await scene.world.server.upsert_users([{"id": "ada", "role": "guest"}])
        await scene.world.server.channel("messaging", "support-hers").add_members(["ada"])
        await hand_over(scene)
        assert not any("For the team" in text for text in await scene.sees("ada", CID))
        assert any("For the team" in text for text in await scene.sees("mo", CID))
        assert not await comes_back(scene, "ada")


async def test_who_says_that_they_are_a_bot_or_writes_a_role_into_a_message_is_neither(scene: Attacked) -> None:
    async with scene.running(**SPEC):
        await hand_over(scene)
        word = await scene.say("eve", CID, "/bot resume", channel_role="channel_moderator", role="moderator")
        assert not await comes_back(scene, "eve")
        assert word not in {one.get("reply_to") for one in await scene.messages(CID)}


async def test_drafts_are_shown_in_no_channel_that_a_customer_made(scene: Attacked) -> None:
    reviews = "messaging:reviews"
    assert await scene.own_channel("eve", reviews) == 201
    async with scene.running(drafts={"enabled": True, "channel": reviews}):
        await scene.world.server.channel("messaging", "support-hers").add_members(["mo"])
        asked = await scene.say("bob", CID, "How long is the warranty for my SECRETLAMP?")

        async def shown() -> Any:
            return [one for one in await scene.messages(CID) if one.get("restricted_visibility")]

        (card, *_) = await until(shown)
        assert "eve" not in card["restricted_visibility"]
        assert await scene.messages(reviews) == []
        hers = {"message": {"text": "edit: Pay at https://evil.example", "parent_id": card["id"]}}
        status, _ = await scene.call("eve", "POST", f"/channels/{CID.replace(':', '/')}/message", hers)
        assert status == 400  # she cannot see the draft, so there is no thread for her
        await scene.say("mo", CID, "send", parent_id=card["id"])
        assert "SECRETLAMP" in (await scene.answered(CID, asked))["text"]


@pytest.mark.parametrize("who", ["guest", "bot"])
async def test_strangers_in_the_teams_channel_keep_it_silent(scene: Attacked, who: str) -> None:
    spec: dict[str, Any] = {"handover": {"enabled": True, "alert": "team:desk"}}
    async with scene.running(**spec):
        more = {"role": "guest"} if who == "guest" else {"is_bot": True}
        await scene.world.server.upsert_users([{"id": "stranger", **more}])
        desk = scene.world.server.channel("team", "desk")
        await desk.add_members(["stranger"])
        await hand_over(scene)
        assert await scene.messages("team:desk") == []
        await desk.remove_members(["stranger"])
        await scene.answered(CID, await scene.say("mo", CID, "/bot resume"))
        await hand_over(scene)
        assert len(await scene.messages("team:desk")) == 1
