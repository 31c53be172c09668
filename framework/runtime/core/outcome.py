"""What a turn comes to, and what a rule may decide on the way there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from framework.agent.conversation import Answer
from framework.agent.conversation import Outcome as AnswerOutcome

GONE = "question was deleted"
"""Why a turn is silent if its message was deleted."""

HandoverKind = Literal["phrase", "tool", "failed_answers", "sentiment", "urgent", "budget", "errors", "rule"]
"""What led to a handover. `rule`: a rule that somebody added to the pipeline."""


@dataclass(frozen=True)
class Skip:
    """Say nothing. `reason` stands in the log. `message_id` names the message that makes an answer needless, if any."""

    reason: str
    message_id: str | None = None


@dataclass(frozen=True)
class Say:
    """Post this text instead of asking the agent. `outcome` and `marks` go into the reply's custom fields.

    `public`: everybody in the channel reads it, also if only some saw the message that it answers. It must tell nothing
    of that message.
    """

    text: str
    outcome: AnswerOutcome = "refused"
    marks: Mapping[str, Any] = field(default_factory=dict)
    public: bool = False


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


@dataclass(frozen=True)
class Replied:
    """The reply stands in the channel. `stopped`: a person ended the generation, and what was there is kept."""

    message_id: str
    answer: Answer
    parts: int = 1
    stopped: bool = False


@dataclass(frozen=True)
class Silent:
    """The bot says nothing. `reason` is for an operator to read."""

    reason: str
    message_id: str | None = None


@dataclass(frozen=True)
class HandedOff:
    """A person takes over."""

    reason: str
    kind: HandoverKind = "rule"


@dataclass(frozen=True)
class Failed:
    """The turn failed. `told`: the channel got the apology. Otherwise the turn is tried again, if `retryable`."""

    error: str
    told: bool = False
    retryable: bool = True


Outcome = Replied | Silent | HandedOff | Failed
