"""What is said without asking the agent: the phrase for a message without text, and fixed texts."""

from __future__ import annotations

from collections.abc import AsyncIterator

from framework.agent.conversation import AgentEvent, Answer, Finished
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.language import says_something
from framework.runtime.core.outcome import Say
from framework.runtime.core.turn import Turn


async def fixed_text(turn: Turn, view: ChannelView) -> Say | None:
    """A rule: post the text that was decided on before, if there is one."""
    return turn.say


async def no_text(turn: Turn, view: ChannelView) -> Say | None:
    """A rule: a message without text gets the bot's phrase for it."""
    if turn.say or turn.cause.made_up or turn.cause.do:
        return None
    if any(says_something(message.text) for message in turn.answering):
        return None
    return Say(turn.phrases.no_text)


async def saying(say: Say) -> AsyncIterator[AgentEvent]:
    """The events of an agent that says just this."""
    yield Finished(Answer(text=say.text, outcome=say.outcome))
