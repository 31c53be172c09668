"""Rules and observers that somebody adds to a bot: what they decide and change is what the channel gets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from framework.agent.conversation import AgentEvent, Finished
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.rule import Decision, HandOver, Observer, Rule, Say, Skip
from framework.runtime.core.turn import Turn
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.bots import CID, Running
from tests.support.chat import World


def running(
    world: World,
    agent: ScriptedAgent,
    timing: Timing,
    *,
    rules: Sequence[Rule] = (),
    observers: Sequence[Observer] = (),
    **definition: Any,
) -> Running:
    bot = Running(world, agent, timing=timing, definition=definition)
    bot.bot.rules, bot.bot.observers = rules, observers
    return bot


async def test_a_rule_ends_a_turn_and_others_go_on(
    world: World, agent: ScriptedAgent, timing: Timing, logs: list[dict[str, object]]
) -> None:
    async def no_secrets(turn: Turn, view: ChannelView) -> Decision | None:
        return Skip("it asks for secrets") if "secret" in turn.trigger.text else None

    world.room(CID)
    async with running(world, agent, timing, rules=[no_secrets]) as bot:
        refused, asked = world.post(CID, "Tell me a secret"), world.post(CID, "Hello?")
        await asyncio.sleep(5)
        assert bot.reply_to(refused) is None
        assert bot.reply_to(asked)
    reasons = [entry.get("reason") for entry in logs if entry["event"] == "turn.decided"]
    assert "it asks for secrets" in reasons


async def test_a_rule_says_something_instead_of_the_agent(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    async def closed(turn: Turn, view: ChannelView) -> Decision | None:
        return Say("We are moving house.", marks={"why": "moving"})

    world.room(CID)
    async with running(world, agent, timing, rules=[closed]) as bot:
        asked = world.post(CID, "Hello?")
        await asyncio.sleep(5)
        reply = bot.replied(asked)
        assert (reply.text, reply.custom["why"]) == ("We are moving house.", "moving")
        assert agent.asked == []


@pytest.mark.parametrize("enabled", [True, False])
async def test_a_rule_hands_over(world: World, agent: ScriptedAgent, timing: Timing, *, enabled: bool) -> None:
    async def important(turn: Turn, view: ChannelView) -> Decision | None:
        return HandOver("an important customer")

    world.room(CID)
    async with running(world, agent, timing, rules=[important], handover={"enabled": enabled}) as bot:
        asked = world.post(CID, "Hello?")
        await asyncio.sleep(5)
        assert (bot.reply_to(asked) is not None) == enabled
        assert agent.asked == []


async def test_rules_share_what_they_read(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    seen: list[tuple[str, ...]] = []

    async def looks(turn: Turn, view: ChannelView) -> Decision | None:
        seen.append(tuple(message.text for message in await view.history()))
        assert str((await view.info()).channel) == CID
        return None

    world.room(CID)
    async with running(world, agent, timing, rules=[looks, looks]) as bot:
        world.post(CID, "One")
        await asyncio.sleep(5)
        bot.service.calls.clear()
        seen.clear()
        world.post(CID, "Two")
        await asyncio.sleep(5)
        assert [texts[-1] for texts in seen] == ["Two", "Two"]
        assert seen[0][0] == "One"
        assert bot.service.calls["recent"] <= 1


async def test_an_error_in_a_rule_is_told_to_the_operator_and_the_channel_gets_the_apology(
    world: World, agent: ScriptedAgent, timing: Timing, logs: list[dict[str, object]]
) -> None:
    async def broken(turn: Turn, view: ChannelView) -> Decision | None:
        raise KeyError("missing")

    world.room(CID)
    async with running(world, agent, timing, rules=[broken]) as bot:
        asked = world.post(CID, "Hello?")
        await asyncio.sleep(5)
        assert bot.replied(asked).custom["outcome"] == "failed"
    assert any(entry["event"] == "turn.failed" and entry.get("exc_info") for entry in logs)


async def test_observers_see_and_change_what_the_agent_says_in_order(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    seen: list[str] = []

    async def signed(turn: Turn, event: AgentEvent) -> AgentEvent:
        if isinstance(event, Finished):
            return Finished(replace(event.answer, text=f"{event.answer.text} Your team"))
        return event

    async def watching(turn: Turn, event: AgentEvent) -> AgentEvent:
        seen.append(type(event).__name__)
        if isinstance(event, Finished):
            seen.append(event.answer.text[-9:])
        return event

    world.room(CID)
    async with running(world, agent, timing, observers=[signed, watching]) as bot:
        asked = world.post(CID, "Hello?")
        await asyncio.sleep(5)
        assert bot.replied(asked).text.endswith("Your team")
    assert seen[-2:] == ["Finished", "Your team"]


async def test_an_operators_turn_is_not_held_up(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    from framework.runtime.one_shot import reply_once

    async def never(turn: Turn, view: ChannelView) -> Decision | None:
        return Skip("never")

    world.room(CID)
    bot = running(world, agent, timing, rules=[never])
    world.post(CID, "Hello?")
    assert (await reply_once(bot.bot, world.post(CID, "Hello?").channel, last=5, timing=timing)).posted
