"""What a message holds, where that decides what is said: nothing to read, or a fixed text to say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from framework.agent.conversation import AgentEvent, Answer, Finished
from framework.agent.conversation import Outcome as AnswerOutcome
from framework.runtime.core.language import says_something
from framework.runtime.core.stage import CallNext
from framework.runtime.core.turn import Outcome, Turn


class Content:
    """A stage. A message without text gets the bot's phrase for it; the agent is not asked."""

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """The outcome of the stages that follow."""
        nothing_said = not any(says_something(message.text) for message in turn.answering)
        if turn.events is None and not turn.cause.made_up and not turn.cause.do and nothing_said:
            turn = replace(turn, events=saying(turn.definition.phrases.no_text))
        return await call_next(turn)


async def saying(text: str, outcome: AnswerOutcome = "refused") -> AsyncIterator[AgentEvent]:
    """The events of an agent that says just this."""
    yield Finished(Answer(text=text, outcome=outcome))
