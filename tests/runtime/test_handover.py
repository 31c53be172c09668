"""A person takes over: what leads to it, what is done, who is silent meanwhile, and how the bot comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from framework.agent.conversation import HandoverRequested
from framework.errors import ModelError
from framework.stream.model import ChannelRef, Message, User
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, TextDelta, answer
from tests.support.bots import CID, Running
from tests.support.chat import ANN, World

Logs = list[dict[str, object]]
CARL = User("carl", "Carl", role="moderator")
DORA = User("dora", "Dora", role="admin")
HANDOVER = "I am handing over to a person from our team. They have what we wrote so far."
ALERTS = "team:alerts"


def definition(handover: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"handover": {"enabled": True, **(handover or {})}, **more}


def tag(world: World) -> dict[str, Any]:
    value = world.rooms[ChannelRef.parse(CID)].custom.get("handover")
    assert isinstance(value, dict)
    return value


@pytest.fixture(autouse=True)
async def _people(world: World) -> None:
    for person in (CARL, DORA):
        world.people[person.id] = person
    world.room(CID)
    world.add_member(CID, ANN.id, user=ANN)


async def ask(bot: Running, text: str, *, user: User = ANN, wait: float = 1.0) -> Message:
    message = bot.world.post(CID, text, user=user)
    await asyncio.sleep(wait)
    return message


async def test_words_for_a_person_tag_the_channel_call_the_team_and_tell_the_customer(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    async with Running(world, agent, timing=timing, definition=definition({"alert": ALERTS})) as bot:
        await ask(bot, "Where is my parcel?")
        asked = await ask(bot, "Can I please TALK to a human?!")
        reply = bot.replied(asked)
    assert reply.text == HANDOVER
    assert reply.custom["outcome"] == "handed_off"
    value = tag(world)
    assert (value["state"], value["to"], value["turn"]) == ("open", ["carl", "dora"], bot.bot.ids.of(asked.id).job)
    assert value["since"] == asked.created_at.isoformat()
    members = world.rooms[ChannelRef.parse(CID)].members
    assert {"carl", "dora"} <= set(members)
    (alert,) = [message for message in world.messages(ALERTS) if message.user.id == "agent-bot"]
    assert CID in alert.text
    assert "asked for a person" in alert.text
    summary = next(message for message in world.messages(CID) if message.visible_to)
    assert set(summary.visible_to) == {"carl", "dora"}
    assert "They asked: Can I please TALK to a human?!" in summary.text
    assert agent.questions == ["Where is my parcel?"]
    assert any(entry["event"] == "turn.decided" and "asked for a person" in str(entry.get("reason")) for entry in logs)


async def test_is_silent_until_the_team_hands_back_and_leaves_what_was_written_to_the_person(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    async with Running(world, agent, timing=timing, definition=definition()) as bot:
        await ask(bot, "human please")
        during = [await ask(bot, "Are you there?"), await ask(bot, "I am here", user=CARL)]
        forged = await ask(bot, "/bot resume")
        assert tag(world)["state"] == "open"
        assert tag(world)["taken_by"] == "Carl"
        back = world.post(CID, "resume", user=CARL, command="bot")
        await asyncio.sleep(1)
        assert bot.replied(back).text == "I am back, and read along again."
        assert tag(world)["state"] == "closed"
        after = await ask(bot, "What now?")
        assert bot.replied(after).text == "You said: What now?"
        assert all(bot.reply_to(message) is None for message in [*during, forged])
    # A new process knows nothing of the turns of the one before: it reads the channel.
    async with Running(world, agent, timing=timing, definition=definition()) as bot:
        await asyncio.sleep(5)
        assert all(bot.reply_to(message) is None for message in [*during, forged])
    assert agent.questions == ["What now?"]


async def test_a_new_process_stays_silent_where_a_person_has_the_channel(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    async with Running(world, agent, timing=timing, definition=definition()) as bot:
        await ask(bot, "human please")
    missed = world.post(CID, "Hello?")
    async with Running(world, agent, timing=timing, definition=definition()) as bot:
        await asyncio.sleep(2)
        assert bot.reply_to(missed) is None
        other = world.post("messaging:support-2", "And here?")
        await asyncio.sleep(5)
        assert bot.replied(other).text == "You said: And here?"


async def test_the_command_that_came_while_the_bot_was_away_hands_back(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    spec = definition(triggers=[{"on": "mention"}])
    async with Running(world, agent, timing=timing, definition=spec) as bot:
        await ask(bot, "@agent-bot human please")
    world.post(CID, "/bot resume", user=CARL)
    async with Running(world, agent, timing=timing, definition=spec):
        await asyncio.sleep(2)
    assert tag(world)["state"] == "closed"


async def test_comes_back_by_itself_after_a_time(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    async with Running(world, agent, timing=timing, definition=definition({"resume_after": "2h"})) as bot:
        await ask(bot, "human please")
        during = await ask(bot, "Hello?", wait=7_190)
        late = await ask(bot, "And now?")
        after = world.post(CID, "Still there?")
        await asyncio.sleep(20)
        assert bot.reply_to(during) is None
        late_or_after = await ask(bot, "Well?")
        assert bot.replied(late_or_after).text == "You said: Well?"
        assert tag(world)["state"] == "closed"
        assert bot.reply_to(late) is None or bot.reply_to(after) is not None


async def test_what_the_team_wrote_before_it_handed_back_keeps_nobody_waiting(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    spec = definition(conditions={"quiet_after_person": "30m"})
    async with Running(world, agent, timing=timing, definition=spec) as bot:
        await ask(bot, "human please")
        await ask(bot, "Here I am", user=CARL)
        await ask(bot, "/bot resume", user=CARL, wait=5)
        after = await ask(bot, "And now?")
        assert bot.replied(after).text == "You said: And now?"


async def test_a_reaction_of_the_team_hands_back_and_nobody_elses(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    spec = definition({"resume_reaction": "white_check_mark"})
    async with Running(world, agent, timing=timing, definition=spec) as bot:
        asked = await ask(bot, "human please")
        world.react(asked.id, "white_check_mark", user=ANN)
        await asyncio.sleep(1)
        assert tag(world)["state"] == "open"
        world.react(asked.id, "white_check_mark", user=CARL)
        await asyncio.sleep(1)
        assert tag(world)["state"] == "closed"
        assert [m.text for m in world.messages(CID) if m.custom.get("outcome") == "resumed"] == [
            "I am back, and read along again."
        ]
        after = await ask(bot, "Hello?")
        assert bot.replied(after).text == "You said: Hello?"


async def test_a_second_handover_remembers_the_time_of_the_first(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    async with Running(world, agent, timing=timing, definition=definition()) as bot:
        await ask(bot, "human please")
        first = await ask(bot, "Where are you?")
        await ask(bot, "/bot resume", user=CARL)
        await ask(bot, "human please")
        await ask(bot, "/bot resume", user=CARL)
    async with Running(world, agent, timing=timing, definition=definition()) as bot:
        await asyncio.sleep(2)
        assert bot.reply_to(first) is None


async def test_the_models_own_wish_becomes_the_reply_and_a_summary(world: World, timing: Timing) -> None:
    agent = ScriptedAgent(
        lambda _: [
            TextDelta("I cannot"),
            Pause(0.5),
            HandoverRequested("a refund over the limit.", "Ann wants 400 back."),
            answer("said something else"),
        ]
    )
    async with Running(world, agent, timing=timing, definition=definition({"understands": []})) as bot:
        asked = await ask(bot, "I want my money back", wait=3)
        assert bot.replied(asked).text == HANDOVER
        assert bot.replied(asked).custom["outcome"] == "handed_off"
        assert not bot.replied(asked).generating
    assert tag(world)["reason"] == "The bot asked for a person."
    summary = next(message for message in world.messages(CID) if message.visible_to)
    assert "a refund over the limit" in summary.text
    assert "Ann wants 400 back." in summary.text
    assert agent.summed_up == []


async def test_failed_answers_in_a_row_lead_to_it(world: World, timing: Timing) -> None:
    agent = ScriptedAgent(lambda c: [answer(c.question, outcome="answered" if "?" in c.question else "refused")])
    async with Running(world, agent, timing=timing, definition=definition({"failed_answers": 2})) as bot:
        texts = [bot.replied(await ask(bot, text)).text for text in ("one", "two?", "three", "four")]
    assert texts == ["one", "two?", "three", HANDOVER]
    assert tag(world)["reason"] == "The bot could not answer."


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["This is completely useless!"], True),
        (["WHY DOES IT NOT WORK???", "ANSWER ME NOW!!!"], True),
        (["THANK YOU SO MUCH!!!", "IT WORKS PERFECTLY NOW!!!"], False),
        (["WHY DOES IT NOT WORK???"], False),
        (["Is it useless to reset the router?"], False),
    ],
)
async def test_plainly_upset_people_get_a_person(
    world: World, agent: ScriptedAgent, timing: Timing, said: list[str], expected: bool
) -> None:
    async with Running(world, agent, timing=timing, definition=definition({"sentiment": True})) as bot:
        for text in said:
            last = await ask(bot, text)
        assert (bot.replied(last).text == HANDOVER) is expected


async def test_how_a_person_sounds_is_told_to_the_team_alone(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    spec = definition({"sentiment": True, "alert": ALERTS})
    async with Running(world, agent, timing=timing, definition=spec) as bot:
        await ask(bot, "You are useless")
    assert "angry" in next(m for m in world.messages(ALERTS)).text
    assert "angry" not in str(tag(world))
    assert "anger" not in str(tag(world))


async def test_errors_lead_to_it_where_wanted(world: World, timing: Timing) -> None:
    agent = ScriptedAgent(lambda _: [ModelError("no such model")])
    async with Running(world, agent, timing=timing, definition=definition({"errors": True})) as bot:
        asked = await ask(bot, "Hello")
        assert bot.replied(asked).text == HANDOVER


async def test_round_robin_calls_one_after_the_other(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(ALERTS)
    spec = definition({"choose": "round_robin", "alert": ALERTS, "to": ["carl", "dora"]})
    called = []
    async with Running(world, agent, timing=timing, definition=spec) as bot:
        for _ in range(3):
            await ask(bot, "human please")
            called.append(tag(world)["to"])
            await ask(bot, "/bot resume", user=CARL)
    assert called == [["carl"], ["dora"], ["carl"]]


async def test_outside_the_teams_hours_it_says_so(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    # The virtual clock stands at noon of a Thursday.
    spec = definition(team={"hours": {"timezone": "UTC", "days": {"mon-fri": "14:00-18:00"}}})
    async with Running(world, agent, timing=timing, definition=spec) as bot:
        asked = await ask(bot, "human please")
        assert bot.replied(asked).text.startswith("Nobody from our team is here right now.")
        assert bot.replied(asked).custom["handover"]["away"] is True
    assert (tag(world)["state"], tag(world)["away"]) == ("open", True)


async def test_somebody_of_the_team_who_writes_is_no_handover(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    async with Running(world, agent, timing=timing, definition=definition()) as bot:
        await ask(bot, "Do you want to talk to a human?", user=CARL)
        assert "handover" not in world.rooms[ChannelRef.parse(CID)].custom
        after = await ask(bot, "Hello")
        assert bot.replied(after).text == "You said: Hello"


@pytest.mark.parametrize("call", ["update_channel", "add_members", "send", "members", "messages"])
async def test_a_turn_cut_off_at_any_step_goes_on_without_doubling(
    world: World, agent: ScriptedAgent, timing: Timing, call: str
) -> None:
    spec = definition({"alert": ALERTS})
    async with Running(world, agent, timing=timing, definition=spec) as bot:
        bot.service.fail(call, times=2)
        asked = await ask(bot, "human please", wait=60)
        assert bot.replied(asked).text == HANDOVER
    assert len([m for m in world.messages(ALERTS) if m.user.id == "agent-bot"]) == 1
    assert len([m for m in world.messages(CID) if m.visible_to]) == 1
    assert len([m for m in world.messages(CID) if m.text == HANDOVER]) == 1
    assert tag(world)["state"] == "open"


async def test_a_process_that_dies_in_the_middle_leaves_it_to_the_next_one(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    spec = definition({"alert": ALERTS, "choose": "round_robin"})
    bot = Running(world, agent, timing=timing, definition=spec)
    bot.start()
    await bot.until_ready()
    bot.service.latency["send"] = 30.0
    asked = world.post(CID, "human please")
    await asyncio.sleep(1)
    assert tag(world)["state"] == "open"
    called = tag(world)["to"]
    await bot.kill()
    async with Running(world, agent, timing=timing, definition=spec) as other:
        await asyncio.sleep(2)
        assert other.replied(asked).text == HANDOVER
    assert tag(world)["to"] == called
    assert len([m for m in world.messages(ALERTS) if m.user.id == "agent-bot"]) == 1


async def test_what_the_team_alone_sees_never_reaches_the_model(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    async with Running(world, agent, timing=timing, definition=definition()) as bot:
        await ask(bot, "human please")
        await ask(bot, "/bot resume", user=CARL)
        world.post(CID, "secret: customer is difficult", user=CARL, visible_to=("dora", "agent-bot"))
        await ask(bot, "Hello")
    said = [utterance.text for utterance in agent.asked[-1].utterances]
    assert not [text for text in said if "For the team" in text or "secret" in text]


async def test_without_handover_nothing_of_it_happens(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    async with Running(world, agent, timing=timing) as bot:
        asked = await ask(bot, "human please")
        assert bot.replied(asked).text == "You said: human please"
    assert bot.bot.ids.of(asked.id).reply[0] == bot.replied(asked).id


@pytest.mark.parametrize(("handover", "when_spent"), [({"budget": True}, "say"), ({}, "handover")])
async def test_a_spent_budget_leads_to_it(
    world: World, agent: ScriptedAgent, timing: Timing, handover: dict[str, Any], when_spent: str
) -> None:
    spec = definition(handover, budget={"channel_day": {"turns": 1}, "when_spent": when_spent})
    async with Running(world, agent, timing=timing, definition=spec) as bot:
        first = await ask(bot, "One")
        second = await ask(bot, "Two")
        assert bot.replied(first).text == "You said: One"
        assert bot.replied(second).text == HANDOVER
    assert tag(world)["state"] == "open"


async def test_where_nobody_can_be_called_the_customer_is_not_told_that_somebody_is(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.people.clear()
    async with Running(world, agent, timing=timing, definition={"handover": {"enabled": True}}) as bot:
        asked = await ask(bot, "talk to a human")
        during = await ask(bot, "Hello?")
        assert bot.replied(asked).text.startswith("I called for a person, but nobody from our team is known here.")
        assert bot.reply_to(during) is None


async def test_the_summary_says_how_to_hand_back(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    phrases = {"hand_back": "Zurück an mich: `{command}`."}
    spec = {**definition({"resume_command": "/bot weiter"}), "phrases": phrases}
    async with Running(world, agent, timing=timing, definition=spec) as bot:
        await ask(bot, "talk to a human")
    summary = next(message for message in world.messages(CID) if message.visible_to)
    assert summary.text.endswith("Zurück an mich: `/bot weiter`.")
