"""An answer that the bot's own rules refuse: what is said instead is in the language of whoever asked."""

from __future__ import annotations

import pytest

from framework.definition.parts.phrases import Phrases
from framework.outbound import Screen, Verdict
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.bots import BOT, CID, Running
from tests.support.chat import World
from tests.support.waiting import until


class Rules:
    """Refuses every text that has the word."""

    def shown(self, text: str) -> str:
        return "" if "secret" in text else text

    def final(self, text: str) -> Verdict:
        return Verdict("No.", refused=True) if "secret" in text else Verdict(text)

    async def judged(self, text: str, message_id: str) -> Verdict:
        return self.final(text)


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("What is the secret of this garden, please?", "en"),
        ("Was ist das secret von diesem Garten, bitte?", "de"),
        ("¿Cuál es el secret de este jardín, por favor?", "es"),
    ],
)
async def test_the_refusal_is_in_the_readers_language(
    question: str, language: str, world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    running = Running(world, agent, timing=timing)
    running.bot.screen_at = lambda _channel: Screen(rules=Rules())
    async with running:
        world.post(CID, question)
        reply = await until(lambda: next((m.text for m in world.messages(CID) if m.user.id == BOT.id and m.text), ""))
    beginning = Phrases().spoken(language).refused.partition("{")[0].strip()
    assert beginning
    assert reply.startswith(beginning), reply
