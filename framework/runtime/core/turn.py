"""A turn: one message of a person, and what the bot makes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from framework.definition.model import BotDefinition
from framework.definition.parts.phrases import PhraseTexts
from framework.definition.parts.triggers import TriggerKind
from framework.engine.port import Execution
from framework.runtime.core.bot import Setup
from framework.runtime.core.outcome import Say
from framework.runtime.core.trace import TurnTrace
from framework.runtime.state.audience import audience_of
from framework.runtime.state.handover import Handover
from framework.runtime.state.ids import TurnIds
from framework.runtime.state.own import OwnMessage
from framework.stream.model import ChannelRef, Message

Origin = Literal["live", "catch_up", "command"]
"""How the turn came to be: an event, a look into the channel, or an operator who asked for it."""


@dataclass(frozen=True)
class Cause:
    """The start of a turn. `kind` is None for a message whose triggers were not looked at yet.

    If no message of a person stands behind it (a reaction, a schedule, silence, a new member), the turn's trigger is a
    synthetic message, which the channel does not have: `made_up`. `do` is the task for the model, `say` a fixed text
    instead; `detail` tells an operator what happened. `about` is the message that it is about: the one that somebody
    reacted to, or after which nobody wrote any more. `decided` is a tool call that the team decided on. `since_last`:
    only what was written since the last answer of such a trigger is read. `visible_to`: the only users who may see
    what the turn says, if that follows from something else than its messages. `run` is a call of a tool (`tool`,
    `arguments`) with which the turn begins, without a model's choice. `digest` says of which other channels the turn
    tells (`of`: TYPE:ID, with wildcards) and how many `seconds` before it they are read. `promise` is the id of the
    promise that the turn keeps.
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
    run: Mapping[str, Any] = field(default_factory=dict)
    digest: Mapping[str, Any] = field(default_factory=dict)
    promise: str = ""


async def unfenced() -> None:
    """The fence of a turn that only one process can be at."""


@dataclass(eq=False)
class ReplyState:
    """The reply as the channel has it. The code that posts it changes this; all other code only reads it.

    It is the one part of a turn that changes while the turn runs, and it outlives a restart of the generation.
    `opened`: posting was begun, so the message may exist. `id`: the id that it has, once that is known. `posted_at`:
    when the service took it. `resumed`: an earlier process posted it and did not come to the end. `closing`: the answer
    is complete and being written. `further`: the ids of the messages after the first one. `former`: those that an
    earlier process posted.
    """

    opened: bool = False
    id: str = ""
    posted_at: datetime | None = None
    resumed: bool = False
    shown: str = ""
    closing: bool = False
    further: list[str] = field(default_factory=list)
    former: tuple[str, ...] = ()

    @property
    def parts(self) -> int:
        """How many messages the reply takes."""
        return 1 + len(self.further)

    @property
    def posted(self) -> bool:
        """Whether the reply's message exists."""
        return self.posted_at is not None

    @property
    def shows_nothing(self) -> bool:
        """Whether people have seen nothing of the reply, or only an empty message."""
        return not self.shown.strip() and not self.closing

    def adopt(self, reply: OwnMessage, *, former: tuple[str, ...] = ()) -> None:
        """Go on with a reply that an earlier process began."""
        self.opened = self.resumed = True
        self.id = reply.id
        self.posted_at = reply.message.created_at
        self.shown = reply.message.text
        self.former = former


@dataclass(frozen=True)
class Turn:
    """One message, and all that the pipeline knows about answering it. The worker makes it, once. A step that learns
    something returns a changed copy.

    `ids` are those of what the turn posts, `setup` is the bot as it is in this channel, `scope` tells the engine whose
    turn it is. `execution` holds what earlier tries at the turn left behind; None for a turn outside any engine.
    `fence` is called right before a write that others see: it raises FencedError once another replica has the turn.

    `burst` are the messages that the reply answers, the trigger last, if it answers several. `marks` go into the
    reply's custom fields. `audience`: the only users who may see the answer, once the messages around the trigger were
    read. `say`: a fixed text to post instead of an answer. `handover` is the channel's latest one, which is over.
    `trace` are notes for those who look at the turn later.
    `language`: the two letters of the one that the messages are in; empty if they do not tell.
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
    context_messages: int | None = None
    burst: tuple[Message, ...] = ()
    marks: Mapping[str, Any] = field(default_factory=dict, compare=False)
    audience: tuple[str, ...] | None = field(default=None, compare=False)
    say: Say | None = field(default=None, compare=False)
    handover: Handover | None = field(default=None, compare=False)
    reply: ReplyState = field(default_factory=ReplyState, compare=False)
    trace: TurnTrace = field(default_factory=TurnTrace, compare=False)
    language: str = ""

    @property
    def phrases(self) -> PhraseTexts:
        """The fixed sentences in the language of whoever wrote."""
        return self.definition.phrases.spoken(self.language or self.definition.identity.language)

    @property
    def team_phrases(self) -> PhraseTexts:
        """The fixed sentences in the bot's language, in which the team reads them."""
        return self.definition.phrases.spoken(self.definition.identity.language)

    @property
    def definition(self) -> BotDefinition:
        """The definition of the bot in this channel."""
        return self.setup.definition

    @property
    def reply_id(self) -> str:
        """The id of the reply: the one that it has, or is to get."""
        return self.reply.id or self.ids.first_reply

    @property
    def visible_to(self) -> tuple[str, ...]:
        """The only users who may see what the turn says, the bot among them; none named: every member.

        A message that only some people saw is answered for them alone (see `audience_of`).
        """
        if self.audience is not None:
            return self.audience
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
    def forced(self) -> bool:
        """Whether no trigger and no condition is asked: an operator wants the answer, or the team decided on a call."""
        return self.origin == "command" or bool(self.cause.decided)

    @property
    def lane(self) -> str:
        """Turns of one lane run one after the other: a bot's channel, or its thread."""
        return lane_of(self.bot_user_id, self.channel, self.trigger.parent_id)


def lane_of(bot_user_id: str, channel: ChannelRef, parent_id: str | None) -> str:
    """Return the name of the lane of a bot's channel, or of a thread in it."""
    return f"{bot_user_id}|{channel}|{parent_id or ''}"
