"""What a language model may cost, and what happens while it is down, through the whole pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from framework.engine.opening import open_engine
from framework.net.breaker import breakers
from framework.stream.model import Message, User
from framework.stream.timing import Timing
from tests.runtime.test_model_tools import CARL, REFUND, Place
from tests.support.bots import CID, Running
from tests.support.chat import BEN, World
from tests.support.ids import ids_of
from tests.support.modelled import answered, bot_folder, modelled, settings_of, settled
from tests.support.openai_server import Asked, ScriptedServer, Step, call, cut, fail, hang, say, scripted_server
from tests.support.waiting import until

PRICE = {"input": 1_000_000, "output": 1_000_000}  # one for a token: a call of the scripted server costs 18


@pytest.fixture
def timing() -> Timing:
    return Timing()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as running:
        yield running


@pytest.fixture
def place(world: World, server: ScriptedServer, timing: Timing, tmp_path: Path) -> Place:
    world.people[CARL.id] = CARL
    world.room(CID)
    return Place(world, server, timing, tmp_path)


@pytest.mark.parametrize("bound", [{"tokens": 30}, {"money": 30}])
async def test_a_turn_ends_gracefully_where_its_budget_does(place: Place, bound: dict[str, Any]) -> None:
    server = place.server
    refund = call(("refund", {"order": "A-1", "amount": 1}), text="Let me see.")
    async with place.bot({"budget": {"turn": bound, "price": PRICE}, "tools": ["refund"]}, REFUND) as bot:
        server.play(refund, refund, say("never asked"))
        reply = await answered(bot, place.world.post(CID, "Refund, again and again"))
    assert reply.text.startswith("Let me see.\n\nI have answered all that I may")
    assert len(server.asked) == 2
    assert len(place.effects) == 2


async def ask(bot: Running, text: str, *, cid: str = CID, user: User | None = None) -> Message | None:
    """The reply; None where the turn ended without one."""
    return await settled(bot, bot.world.post(cid, text, **({"user": user} if user else {})))


@pytest.mark.parametrize(
    ("scope", "others"),
    [("user_day", ["same person elsewhere"]), ("channel_day", ["other person"]), ("day", ["other person elsewhere"])],
)
@pytest.mark.parametrize("bound", [{"money": 36}, {"tokens": 36}])
async def test_budgets_of_people_channels_and_days_count_what_the_model_really_used(
    place: Place, scope: str, others: list[str], bound: dict[str, Any]
) -> None:
    world = place.world
    world.room("messaging:support-2")
    place.server.brain = lambda _: say("Yes.")
    definition = {"budget": {scope: bound, "price": PRICE}, "phrases": {"spent": "Enough."}}
    async with place.bot(definition) as bot:
        said = [await ask(bot, str(number)) for number in range(3)]
        assert [reply.text for reply in said if reply is not None] == ["Yes.", "Yes.", "Enough."]
        assert await ask(bot, "3") is None  # said once a day and channel
        spent = {"same person elsewhere": await ask(bot, "4", cid="messaging:support-2")}
        spent["other person"] = await ask(bot, "5", user=BEN)
        spent["other person elsewhere"] = await ask(bot, "6", cid="messaging:support-2", user=BEN)
    limited = {who for who, reply in spent.items() if reply is None or reply.text == "Enough."}
    assert set(others) <= limited
    assert len(limited) == {"user_day": 1, "channel_day": 1, "day": 3}[scope]


@pytest.mark.parametrize("when", ["silent", "say", "handover"])
async def test_what_happens_at_the_limit(place: Place, when: str) -> None:
    place.server.brain = lambda _: say("Yes.")
    definition: dict[str, Any] = {"budget": {"day": {"turns": 1}, "when_spent": when}, "phrases": {"spent": "Enough."}}
    definition["phrases"]["handover"] = "A person comes."
    if when == "handover":
        definition["handover"] = {"enabled": True, "to": ["carl"]}
    async with place.bot(definition) as bot:
        await ask(bot, "one")
        second = await ask(bot, "two")
    texts = {"silent": None, "say": "Enough.", "handover": "A person comes."}
    assert (second.text if second else None) == texts[when]


async def test_a_model_that_does_not_answer_in_its_time_makes_way_for_the_next(place: Place) -> None:
    place.server.brain = lambda asked: hang() if asked.body["model"] == "slow" else say("I am quick.")
    model = {"name": "openai:slow", "timeout": 3, "retries": 0, "fallbacks": ["openai:quick"]}
    async with place.bot({"model": model}) as bot:
        reply = await answered(bot, place.world.post(CID, "Hello"))
    assert (reply.text, reply.custom["model"]) == ("I am quick.", "openai:quick")
    assert [asked.body["model"] for asked in place.server.asked] == ["slow", "quick"]


async def test_the_next_model_answers_where_the_first_is_down(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    server = place.server
    for pause in ("FIRST_PAUSE", "LONGEST_PAUSE"):  # on a machine however slow, it is not over by itself
        monkeypatch.setattr(f"framework.net.breaker.{pause}", 600.0)

    def brain(asked: Asked) -> Step:
        return fail(503) if asked.body["model"] == "first" else say(f"I am {asked.body['model']}.")

    server.brain = brain
    model = {"name": "openai:first", "retries": 0, "fallbacks": ["openai:second"]}
    async with place.bot({"model": model}) as bot:
        for number in range(7):
            reply = await answered(bot, place.world.post(CID, f"q{number}"))
            assert (reply.text, reply.custom["model"]) == ("I am second.", "openai:second")
        firsts = [asked for asked in server.asked if asked.body["model"] == "first"]
        assert len(firsts) == 5  # then the breaker is open
        (breaker,) = [one for one in breakers() if "first" in one.name and server.url in one.name]
        assert breaker.seconds > 0
        breaker._due = 0.0
        server.brain = lambda asked: say(f"I am {asked.body['model']}.")
        assert (await answered(bot, place.world.post(CID, "And now?"))).text == "I am first."
        assert breaker.state == "closed"


async def test_articles_answer_where_no_model_does(place: Place) -> None:
    files = {"knowledge/water.md": "# Watering your garden\n\nFill the tank every two weeks, to the line."}
    model = {"name": "auto", "retries": 0, "fallbacks": ["embedded"]}
    folder = bot_folder(place.folder, {"model": model}, files=files)
    place.server.brain = lambda _: fail(500)
    async with modelled(place.world, folder, settings_of(place.server, place.data), timing=place.timing) as bot:
        reply = await answered(bot, place.world.post(CID, "How often do I fill the tank?"))
    assert "every two weeks" in reply.text
    assert reply.custom["model"] == "embedded"


@pytest.mark.parametrize("kind", ["refusing", "breaking off"])
async def test_an_outage_leaves_nobody_without_a_word_and_turns_lists_what_failed(place: Place, kind: str) -> None:
    """Twenty turns; the model is down while they come, and back before the last of them."""
    world, server = place.world, place.server
    rooms = [f"messaging:support-o{number}" for number in range(20)]
    for cid in rooms:
        world.room(cid)
    step: Step = fail(503) if kind == "refusing" else cut("Half an ans")
    server.brain = lambda _: step
    definition = {"model": {"name": "auto", "retries": 1}, "phrases": {"apology": "Sorry, a problem."}}
    folder, settings = bot_folder(place.folder, definition), settings_of(server, place.data)
    async with modelled(world, folder, settings, timing=place.timing) as bot:
        asked = [world.post(cid, "Help?") for cid in rooms[:10]]
        replies = [await answered(bot, message) for message in asked]
        asked += [world.post(cid, "Help?") for cid in rooms[10:]]
        server.brain = lambda _: say("Here you are.")
        replies += [await answered(bot, message) for message in asked[10:]]
        later = await until_answered(bot, rooms[0])
    engine = await asyncio.to_thread(open_engine, settings.database.get_secret_value())
    dead = await engine.records(["dead"])
    await engine.close()
    assert {reply.text for reply in replies} <= {"Sorry, a problem.", "Here you are."}
    failed = [ids_of(reply.custom["reply_to"]).job for reply in replies if reply.text == "Sorry, a problem."]
    assert len(failed) >= 10
    assert {record.job.key for record in dead} >= set(failed)
    assert all(len([m for m in world.messages(cid) if m.ai_generated]) == 1 for cid in rooms[1:])
    assert later.text == "Here you are."


async def until_answered(bot: Running, cid: str) -> Message:
    """Ask until the model is back."""

    async def once() -> Message | None:
        reply = await answered(bot, bot.world.post(cid, "Now?"))
        return reply if reply.text == "Here you are." else None

    found: Message = await until(once)
    return found
