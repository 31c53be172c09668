"""The extension point of the pipeline: rules decide before the agent is asked, observers see what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from framework.agent.conversation import AgentEvent
from framework.agent.conversation import Outcome as AnswerOutcome
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.turn import Turn

HandoverKind = Literal["phrase", "tool", "failed_answers", "sentiment", "budget", "errors", "rule"]
"""What led to a handover. `rule`: a rule that somebody added to the pipeline."""


@dataclass(frozen=True)
class Skip:
    """Say nothing. `reason` stands in the log. `message_id` names the message that makes an answer needless, if any."""

    reason: str
    message_id: str | None = None


@dataclass(frozen=True)
class Say:
    """Post this text instead of asking the agent. `outcome` and `marks` go into the reply's custom fields."""

    text: str
    outcome: AnswerOutcome = "refused"
    marks: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HandOver:
    """Let a person take over. `reason` is for the team and the log; customers read only what `kind` says in general.

    `summary` is what the person reads first; without it the agent sums up the talk. If the bot's definition has no
    handover enabled, the turn ends silently, and the log has a warning.
    """

    reason: str
    kind: HandoverKind = "rule"
    summary: str = ""


Decision = Skip | Say | HandOver


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
