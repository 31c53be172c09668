"""The stage that looks at what a message holds: only text can be answered by the agent."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from dataclasses import replace

from framework.agent.conversation import AgentEvent, Answer, Finished
from framework.runtime.stage import CallNext
from framework.runtime.turn import Outcome, Turn


class Content:
    """A stage. A message without text gets the bot's phrase for it; the agent is not asked."""

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """The outcome of the stages that follow."""
        if not _says_something(turn.trigger.text):
            turn = replace(turn, events=_fixed(turn.definition.phrases.no_text))
        return await call_next(turn)


def _says_something(text: str) -> bool:
    """Whether there is more than blanks and marks that nobody sees (directions, joiners)."""
    return any(not sign.isspace() and unicodedata.category(sign) not in {"Cc", "Cf"} for sign in text)


async def _fixed(text: str) -> AsyncIterator[AgentEvent]:
    """The events of an agent that says just this."""
    yield Finished(Answer(text=text, outcome="refused"))
