"""The extension point of the pipeline: rules decide before the agent is asked, observers see what it does."""

from __future__ import annotations

from typing import Protocol

from framework.agent.conversation import AgentEvent
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.outcome import Decision, HandOver, HandoverKind, Say, Skip
from framework.runtime.core.turn import Turn

__all__ = ["BuiltInRule", "Decision", "HandOver", "HandoverKind", "Observer", "Rule", "Say", "Skip"]


class Rule(Protocol):
    """Decides whether a turn goes on. Any async function of this shape is one.

    A rule that you add runs for every turn that the bot's own triggers and conditions let through, before its budget is
    asked and before the agent is. Turns that an operator asked for, and tool calls that the team decided on, pass by.

    ```python
    async def no_competitors(turn: Turn, view: ChannelView) -> Decision | None:
        if "acme" in turn.trigger.text.casefold():
            return Say("I can only speak about our own products.")
        return None
    ```
    """

    async def __call__(self, turn: Turn, view: ChannelView, /) -> Decision | None:
        """Return what to do instead of answering, or None to let the turn go on.

        `turn.trigger` is the message, `turn.definition` the bot in this channel. Reads by `view` cost no call of the
        service if another rule has made them in this turn.

        A FrameworkError of the service ends the turn, which is tried again. Any other exception is logged with its
        traceback, and the channel gets the bot's apology.
        """


class BuiltInRule(Protocol):
    """A rule of the pipeline's own. It may also return the turn as the following rules are to see it."""

    async def __call__(self, turn: Turn, view: ChannelView, /) -> Decision | Turn | None:
        """Return what to do instead of answering, a changed turn that goes on, or None."""


class Observer(Protocol):
    """Sees every event of the agent in a turn. Any async function of this shape is one.

    ```python
    async def signed(turn: Turn, event: AgentEvent) -> AgentEvent:
        if isinstance(event, Finished):
            return Finished(replace(event.answer, text=event.answer.text + " (your support team)"))
        return event
    ```
    """

    async def __call__(self, turn: Turn, event: AgentEvent, /) -> AgentEvent:
        """Return the event, or another one in its place, which the following observers and the channel get.

        The order of events: text and tool calls as they come, then `Finished` with the whole answer, once. An exception
        ends the answer as an exception of the agent does. What an observer does holds up the stream: keep it short.
        """
