"""Who is called at a handover is reached by push, once for one handover, with the reason and the message."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from framework.stream.timing import Timing
from tests.runtime.test_handover_reminders import CARL, DORA
from tests.support.agent import ScriptedAgent
from tests.support.bots import CID, Running
from tests.support.chat import ANN, World


def definition(**more: Any) -> dict[str, Any]:
    rules = {"enabled": True, "to": ["carl"], "push": True, "remind": "10m", **more.pop("handover", {})}
    return {"handover": rules, **more}


@pytest.fixture(autouse=True)
async def _people(world: World) -> None:
    for person in (CARL, DORA):
        world.people[person.id] = person
    world.room(CID)
    world.add_member(CID, ANN.id, user=ANN)


def notices(world: World) -> list[tuple[str, str]]:
    """Who was notified, and of what."""
    return [
        (room.custom["notices_to"], message.text)
        for channel, room in world.rooms.items()
        if channel.id.startswith("notice-")
        for message in world.messages(str(channel))
    ]


async def test_each_person_who_is_called_gets_one_push_for_one_handover(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    async with Running(world, agent, timing=timing, definition=definition()):
        world.post(CID, "human please, my order is lost")
        await asyncio.sleep(60)
        ((who, text),) = notices(world)
        assert who == "carl"
        assert text.startswith("Ann (`ann`) needs a person in")
        assert text.endswith("human please, my order is lost")
        world.post(CID, "human please!!")
        await asyncio.sleep(15 * 60)
        assert [one for one, _ in notices(world)] == ["carl", "dora"]  # dora was called since nobody came
        await asyncio.sleep(60 * 60)
        assert sorted(one for one, _ in notices(world)) == ["carl", "dora"]


async def test_out_of_hours_the_push_waits_for_the_teams_hours(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    # The virtual clock stands at noon of a Thursday.
    team = {"hours": {"timezone": "UTC", "days": {"mon-fri": "14:00-18:00"}}}
    spec = definition(team=team, handover={"remind": "0s"})
    async with Running(world, agent, timing=timing, definition=spec):
        world.post(CID, "human please")
        await asyncio.sleep(60 * 60)
        assert notices(world) == []
        await asyncio.sleep(75 * 60)
        ((who, text),) = notices(world)
        assert who == "carl"
        assert CID in text


async def test_a_message_for_some_is_not_told_to_others(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    async with Running(world, agent, timing=timing, definition=definition()):
        world.post(CID, "human please, my secret", visible_to=("ann", "agent-bot"))
        await asyncio.sleep(60)
        ((_, text),) = notices(world)
        assert "secret" not in text


async def test_without_the_key_nobody_is_pushed(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    async with Running(world, agent, timing=timing, definition=definition(handover={"push": False})):
        world.post(CID, "human please")
        await asyncio.sleep(60)
        assert notices(world) == []
