"""A turn: one message of a person, and what the bot makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from framework.agent.conversation import AgentEvent, Answer, Conversation
from framework.definition.model import BotDefinition
from framework.definition.parts.triggers import TriggerKind
from framework.engine.port import Execution
from framework.runtime.core.bot import Setup
from framework.runtime.state.audience import audience_of
from framework.runtime.state.handover import Handover
from framework.runtime.state.ids import TurnIds
from framework.stream.model import ChannelRef, Message

Origin = Literal["live", "catch_up", "command"]
"""How the turn came to be: an event, a look into the channel, or an operator who asked for it."""

GONE = "question was deleted"
"""Why a turn is silent whose message is no more."""


@dataclass(frozen=True)
class Cause:
    """What started a turn. `kind` is None for a message as such, whose triggers are looked at by the policy stage.

    Where no message of a person stands behind it (a reaction, a schedule, silence, a new member), the turn's trigger
    is a message made up for it, which the channel does not have: `made_up`. `do` is the task for the model, `say` a
    fixed text instead; `detail` tells an operator what happened. `about` is the message that it is about: the one that
    somebody reacted to, or after which nobody wrote any more. `decided` is a tool call that the team decided on.
    `since_last`: only what was written since the last answer of such a trigger is read. `visible_to`: the only users
    who may see what the turn says, where that follows from something else than its messages.
    """

    kind: TriggerKind | None = None
    made_up: bool = False
    do: str = ""
    say: str = ""
    detail: str = ""
    about: str = ""
    decided: str = ""
    since_last: bool = False
    visible_to: tuple[str, ...] = ()


async def unfenced() -> None:
    """The fence of a turn that only one process can be at."""


@dataclass
class Draft:
    """What people have seen of a reply so far. It outlives a restart of the generation, so it is not part of the frozen
    turn's value.

    `opened`: posting was begun, so the message may exist. `id`: the id that it has, once that is known. `posted_at`:
    when the service took it. `resumed`: an earlier process posted it and did not come to the end. `closing`: the answer
    is complete and being written. `further`: the ids of the messages after the first one. `facts`: what goes into the
    reply's custom fields beside what the answer says. `asked`: an agent was put to work. `settled`: what it
    cost is written down. `visible_to`: see `Turn.visible_to`.
    """

    opened: bool = False
    id: str = ""
    posted_at: datetime | None = None
    resumed: bool = False
    shown: str = ""
    closing: bool = False
    further: list[str] = field(default_factory=list)
    asked: bool = False
    settled: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    visible_to: tuple[str, ...] | None = None

    @property
    def parts(self) -> int:
        """How many messages the reply takes."""
        return 1 + len(self.further)

    @property
    def posted(self) -> bool:
        """Whether the reply's message exists."""
        return self.posted_at is not None


@dataclass(frozen=True)
class Page:
    """The newest messages of a channel outside threads, oldest first, as they were at the turn's start. `whole`: the
    channel has no older ones.
    """

    messages: tuple[Message, ...]
    whole: bool

    def find(self, id_: str) -> Message | None:
        """The message with this id, where the page reaches back to it."""
        return next((message for message in self.messages if message.id == id_), None)

    def until(self, id_: str, limit: int) -> tuple[Message, ...] | None:
        """The newest `limit` up to this message; None where the page does not reach back so far."""
        place = next((n for n, message in enumerate(self.messages, start=1) if message.id == id_), 0)
        if not place or (place < limit and not self.whole):
            return None
        return self.messages[max(0, place - limit) : place]


@dataclass(frozen=True)
class Turn:
    """What flows through the pipeline. The first fields are known from the start; stages fill the others in.

    `ids` are those of what the turn posts, `setup` is the bot as it is in this channel, `scope` tells the engine whose
    turn it is. `execution` holds what earlier tries at the turn left behind; None for a turn outside any engine.
    `burst` are the messages that the reply answers, the trigger last, if it answers several. `page` is what was read of
    the channel ahead, until somebody changes the trigger. `marks` go into the reply's custom fields. `fence` is called
    right before a write that others see: it raises FencedError once another replica has the turn. `handover` is the
    channel's latest one, which is over.
    """

    bot: str
    bot_user_id: str
    channel: ChannelRef
    trigger: Message
    received_at: datetime
    ids: TurnIds = field(compare=False)
    setup: Setup = field(compare=False)
    origin: Origin = "live"
    scope: str = ""
    cause: Cause = Cause()
    execution: Execution | None = field(default=None, compare=False)
    fence: Callable[[], Awaitable[None]] = field(default=unfenced, compare=False)
    burst: tuple[Message, ...] = ()
    page: Page | None = field(default=None, compare=False)
    marks: Mapping[str, Any] = field(default_factory=dict, compare=False)
    context_messages: int | None = None
    conversation: Conversation | None = None
    events: AsyncIterator[AgentEvent] | None = field(default=None, compare=False)
    answer: Answer | None = None
    draft: Draft = field(default_factory=Draft, compare=False)
    handover: Handover | None = field(default=None, compare=False)

    @property
    def definition(self) -> BotDefinition:
        """What the bot is, in this channel."""
        return self.setup.definition

    @property
    def reply_id(self) -> str:
        """The id of the reply: the one that it has, or is to get."""
        return self.draft.id or self.ids.first_reply

    @property
    def visible_to(self) -> tuple[str, ...]:
        """The only users who may see what the turn says, the bot among them; none named: every member.

        What only some people saw is answered for them alone (see `audience_of`).
        """
        if self.draft.visible_to is not None:
            return self.draft.visible_to
        return audience_of(self.bot_user_id, self.answering, also=self.cause.visible_to)

    @property
    def readers(self) -> tuple[str, ...]:
        """The people among `visible_to`."""
        return tuple(user for user in self.visible_to if user != self.bot_user_id)

    @property
    def answering(self) -> tuple[Message, ...]:
        """The messages that the reply answers, the trigger last."""
        return self.burst or (self.trigger,)

    @property
    def lane(self) -> str:
        """Turns of one lane run one after the other: a bot's channel, or its thread."""
        return f"{self.bot_user_id}|{self.channel}|{self.trigger.parent_id or ''}"


@dataclass(frozen=True)
class Replied:
    """The reply stands in the channel. `stopped`: a person ended the generation, and what was there is kept."""

    message_id: str
    answer: Answer
    parts: int = 1
    stopped: bool = False


@dataclass(frozen=True)
class Silent:
    """The bot says nothing, and why: for an operator to read."""

    reason: str
    message_id: str | None = None


@dataclass(frozen=True)
class HandedOff:
    """A person takes over."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """The turn came to nothing. `told`: the channel was told so by the apology; otherwise the turn is to be tried again
    where `retryable` says that this may help.
    """

    error: str
    told: bool = False
    retryable: bool = True


Outcome = Replied | Silent | HandedOff | Failed
