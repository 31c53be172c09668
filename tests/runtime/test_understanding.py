"""A request for a person, anger and danger are understood by meaning, in any language."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from framework.runtime.handover.meaning.classifier import MeaningClassifier, classifier
from framework.stream.model import User
from framework.stream.timing import Timing
from tests.benchmarks.handover import MISUNDERSTOOD, UNDERSTOOD, held_out, shares
from tests.support.agent import ScriptedAgent
from tests.support.bots import CID, Running
from tests.support.chat import ANN, World

CARL = User("carl", "Carl", role="moderator")
Logs = list[dict[str, object]]


@pytest.fixture
def known() -> MeaningClassifier:
    return classifier()


def test_nine_of_ten_held_out_texts_are_understood_and_one_of_twenty_look_alikes_is_not(
    known: MeaningClassifier,
) -> None:
    texts = held_out("second")
    understood, mistaken = shares(texts, [known.classify(text) for *_, text in texts])
    assert understood >= UNDERSTOOD
    assert mistaken <= MISUNDERSTOOD


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I want to speak to your manager", "asks"),
        ("Quiero hablar con una persona", "asks"),
        ("this is useless, get me someone", "asks"),
        ("ich will mit einem Menschen reden", "asks"),
        ("My lamp came last week. It blinks red and I tried all of it. Can I please talk to somebody?", "asks"),
        ("хочу поговорить с человеком", "asks"),
        ("THIS IS RIDICULOUS!!! I want my money back NOW", "anger"),
        ("my garden is on fire", "urgent"),
        ("Aus dem Gerät kommt Rauch!", "urgent"),
    ],
)
def test_what_calls_for_a_person_is_told_by_kind(known: MeaningClassifier, text: str, kind: str) -> None:
    meaning = known.classify(text)
    assert meaning is not None
    assert (meaning.kind, meaning.is_certain) == (kind, True)


@pytest.mark.parametrize(
    "text",
    [
        "what are your opening hours",
        "what is your phone number",
        "can a person carry this",
        "customer service hours",
        "is there a human in the painting",
        "are you a human?",
        "open a ticket",
        "",
        "???",
        "é" * 5_000,
    ],
)
def test_contact_questions_and_the_like_call_for_nobody(known: MeaningClassifier, text: str) -> None:
    meaning = known.classify(text)
    assert meaning is None or not meaning.is_certain


async def _ask(world: World, agent: ScriptedAgent, timing: Timing, text: str, **handover: Any) -> str:
    world.people[CARL.id] = CARL
    world.room(CID)
    world.add_member(CID, ANN.id, user=ANN)
    definition = {"handover": {"enabled": True, **handover}}
    async with Running(world, agent, timing=timing, definition=definition) as bot:
        message = world.post(CID, text, user=ANN)
        await asyncio.sleep(1.0)
        return bot.replied(message).text


async def test_the_log_tells_class_and_score_and_the_customer_reads_their_language(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    text = await _ask(world, agent, timing, "Ich möchte bitte mit einem Mitarbeiter sprechen")
    assert text.startswith("Ich übergebe an einen Menschen aus unserem Team.")
    told = next(entry for entry in logs if entry["event"] == "handover.understood")
    assert (told["meaning"], told["hands_over"]) == ("asks", True)
    assert isinstance(told["score"], float)


async def test_in_danger_people_read_of_the_emergency_services_first(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    text = await _ask(world, agent, timing, "my garden is on fire")
    assert text.startswith("If anybody is in danger, please call the emergency services first")


async def test_what_is_not_to_be_understood_is_answered(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    text = await _ask(world, agent, timing, "my garden is on fire", understands=["asks"])
    assert "emergency" not in text
    assert "handing over" not in text
