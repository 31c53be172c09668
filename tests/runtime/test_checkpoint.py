"""A conversation is saved before the first step of its turn, or after a moment; an instant answer saves none."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from framework.agent.conversation import Caller, Conversation, Utterance
from framework.runtime.core.turn import Turn
from framework.runtime.decide.checkpoint import keeping, recalled
from framework.values import Json

CONVERSATION = Conversation((Utterance("user", "Where is my order?", "Ada"),), Caller("ada", "Ada", "messaging:one"))


class Kept:
    """What an execution of the engine keeps."""

    attempt = 2

    def __init__(self) -> None:
        self.steps: dict[str, Json] = {}

    def saved(self, step: str) -> Json | None:
        return self.steps.get(step)

    async def save(self, step: str, value: Json) -> None:
        self.steps[step] = value


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def turn(kept: Kept) -> Turn:
    """As much of a turn as is looked at here."""
    trigger = SimpleNamespace(text="Where is my order?", attachments=())
    return cast("Turn", SimpleNamespace(trigger=trigger, execution=kept))


async def test_an_instant_answer_saves_nothing(turn: Turn, kept: Kept) -> None:
    async with keeping(turn, CONVERSATION):
        await asyncio.sleep(0)
    await asyncio.sleep(1)
    assert kept.steps == {}


async def test_the_conversation_is_saved_before_the_first_step(turn: Turn, kept: Kept) -> None:
    async with keeping(turn, CONVERSATION) as conversation:
        assert conversation.steps is not None
        await conversation.steps.save("model", "called")
    assert list(kept.steps) == ["question", "context", "model"]
    assert recalled(turn) == CONVERSATION


async def test_a_turn_that_takes_a_moment_saves_it_once(turn: Turn, kept: Kept) -> None:
    async with keeping(turn, CONVERSATION) as conversation:
        await asyncio.sleep(1)
        assert list(kept.steps) == ["question", "context"]
        assert conversation.steps is not None
        await conversation.steps.save("model", "called")
    assert list(kept.steps) == ["question", "context", "model"]
