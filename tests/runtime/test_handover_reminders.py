"""A handover for which nobody comes does not rot: the next person of the team is called, and the next."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any, get_args

import pytest

from framework.definition.parts.phrases import PhraseTexts
from framework.definition.parts.sentences import Language
from framework.runtime.handover.told import TOLD
from framework.stream.model import ChannelRef, User
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.bots import CID, Running
from tests.support.chat import ANN, World

CARL, DORA = User("carl", "Carl", role="moderator"), User("dora", "Dora", role="admin")
ALERTS = "team:alerts"


def definition(**handover: Any) -> dict[str, Any]:
    return {"handover": {"enabled": True, "to": ["carl"], "remind": "10m", "alert": ALERTS, **handover}}


@pytest.fixture(autouse=True)
async def _people(world: World) -> None:
    for person in (CARL, DORA):
        world.people[person.id] = person
    world.room(CID)
    world.add_member(CID, ANN.id, user=ANN)


def shown(world: World) -> dict[str, Any]:
    value = world.rooms[ChannelRef.parse(CID)].custom["handover"]
    assert isinstance(value, dict)
    return value


def alerts(world: World) -> list[str]:
    return [message.text for message in world.messages(ALERTS) if message.user.id == "agent-bot"]


async def test_the_next_person_is_called_once_after_the_time_and_the_team_is_told(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    async with Running(world, agent, timing=timing, definition=definition()):
        world.post(CID, "human please")
        await asyncio.sleep(9 * 60)
        assert shown(world)["to"] == ["carl"]
        await asyncio.sleep(2 * 60)
        assert shown(world)["to"] == ["carl", "dora"]
        assert "dora" in world.rooms[ChannelRef.parse(CID)].members
        assert [text for text in alerts(world) if "has waited" in text] == [
            f"`{CID}` has waited for a person for 10 min. Called now: `dora`."
        ]
        await asyncio.sleep(11 * 60)
        assert shown(world)["to"] == ["carl", "dora", "carl"]  # nobody else is left: from the front again
        assert len(alerts(world)) == 3
        world.post(CID, "I am here", user=CARL)
        await asyncio.sleep(60 * 60)
        assert shown(world)["taken_by"] == "Carl"
        assert len(alerts(world)) == 3


@pytest.mark.parametrize(
    "more",
    [
        {"handover": {"enabled": True, "to": ["carl"], "alert": ALERTS}},
        {**definition(), "team": {"hours": {"timezone": "UTC", "days": {"sun": "0:00-0:01"}}}},
    ],
    ids=["not asked for", "out of hours"],
)
async def test_nobody_else_is_called_unless_it_is_asked_for_and_somebody_is_there(
    world: World, agent: ScriptedAgent, timing: Timing, more: dict[str, Any]
) -> None:
    async with Running(world, agent, timing=timing, definition=more):
        world.post(CID, "human please")
        await asyncio.sleep(40 * 60)
        assert shown(world)["to"] == ["carl"]
        assert len(alerts(world)) == 1


async def test_what_came_out_of_hours_waits_for_them_and_the_team_is_told_once(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    opens = timing.now() + timedelta(hours=20)
    days = {"mon-sun": f"{opens:%H:%M}-{opens + timedelta(hours=1):%H:%M}"}
    spec = {
        "identity": {"language": "de"},
        "handover": {"enabled": True, "to": ["carl"], "alert": ALERTS, "resume_after": "12h"},
        "team": {"hours": {"timezone": "UTC", "days": days}},
    }
    async with (
        Running(world, agent, timing=timing, definition=spec),
        Running(world, agent, timing=timing, definition=spec),
    ):
        world.post(CID, "human please")
        await asyncio.sleep(13 * 3600)
        world.post(CID, "Is anybody there?")  # longer than resume_after: it waits all the same
        await asyncio.sleep(60)
        assert (shown(world)["state"], shown(world)["away"]) == ("open", True)
        assert len(alerts(world)) == 1
        assert alerts(world)[0].endswith("Gerufen: `carl`.")
        await asyncio.sleep(7 * 3600)
        assert (shown(world)["state"], shown(world).get("away")) == ("open", None)
        begun = f"Die Zeiten des Teams haben begonnen. `{CID}` wartet auf einen Menschen."
        assert alerts(world)[1:] == [begun]
        await asyncio.sleep(2 * 3600)
        assert alerts(world)[1:] == [begun]
        told = [one.text for one in world.messages(CID) if one.user.id == "agent-bot" and not one.visible_to]
        assert told == [PhraseTexts().handover_closed], "the bot is not back, and says nothing more"


@pytest.mark.parametrize("language", [one for one in get_args(Language) if one != "en"])
def test_what_a_handover_tells_exists_in_every_language_with_the_same_words_to_fill_in(language: str) -> None:
    assert TOLD[language].keys() == TOLD["en"].keys()
    for name, english in TOLD["en"].items():
        assert sorted(re.findall(r"\{\w+\}", TOLD[language][name])) == sorted(re.findall(r"\{\w+\}", english)), name
        assert TOLD[language][name] != english, name
