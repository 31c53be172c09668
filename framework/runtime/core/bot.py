"""A bot at work: its definition, its view of the chat service, and what answers for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from framework.agent.conversation import Agent
from framework.approvals import ApprovalStore
from framework.budget.usage import UsageBook
from framework.definition.model import BotDefinition
from framework.definition.overrides import effective
from framework.engine.port import SUSPECTED_AFTER
from framework.insight.history import HistoryWriter
from framework.insight.turn_texts import TurnTexts
from framework.outbound import UNSCREENED, Screen
from framework.promises.store import PromiseStore
from framework.runtime.state.feedback import FeedbackLog
from framework.runtime.state.handover_book import HandoverBook, MemoryHandovers
from framework.runtime.state.ids import MessageIds
from framework.runtime.state.pauses import Pauses
from framework.runtime.state.schedule_book import ScheduleBook
from framework.stream.model import ChannelRef
from framework.stream.port import ChatService

if TYPE_CHECKING:
    from framework.campaigns.campaigns import BotCampaigns
    from framework.runtime.core.rule import Observer, Rule

Erase = Callable[[str], Awaitable[Mapping[str, int]]]
"""Erases what is kept of a user, and says how much by kind. Raises FrameworkError."""


@dataclass(frozen=True)
class Setup:
    """A bot as it is in one channel: the definition with the channel's overrides, and the agent that follows it."""

    definition: BotDefinition
    agent: Agent


@dataclass(eq=False)
class RunningBot:
    """Hold what a process needs to run one bot. `service` is bound to the bot's user.

    `definition` and `agent` are those without overrides; `at_channel` gives those of a channel. It is called for every
    event, so it must be quick; an agent that it makes may do its slow part with its first turn. All three change at
    once when the bot's files were edited (`become`). Code that needs them for longer than a moment takes the `Setup` of
    its turn. `usage` is where budgets are kept; without it the process counts for itself. `feedback`
    keeps what people thought of replies; without it nothing of that is kept. `handovers` keeps who has which channel,
    `approvals` what waits for the team's word; without them the process keeps that for itself. `screen_at` gives what
    may be posted in a channel (None: one that is not known); without it everything may.

    `rules` and `observers` are added to the pipeline's own, for every turn of the bot (see `Rule` and `Observer`).
    `history` keeps a line for each turn that was decided; without it none is kept.
    `texts` keeps the words of turns; without it none are.
    `pauses` are looked at by every turn; without them nobody can pause the bot.
    `schedules` knows which times were looked at; without it a restart catches up with some minutes alone.
    `promises` keeps what the bot promised people; without it the bot promises nothing.
    `campaigns` are those in the bot's folder; without them none is sent, and STOP is a message like others.
    """

    name: str
    definition: BotDefinition
    service: ChatService
    agent: Agent
    at_channel: Callable[[ChannelRef], Setup] | None = None
    usage: UsageBook | None = None
    feedback: FeedbackLog | None = None
    handovers: HandoverBook = field(default_factory=MemoryHandovers)
    approvals: ApprovalStore | None = None
    screen_at: Callable[[ChannelRef | None], Screen] | None = None
    erase: Erase | None = None
    rules: Sequence[Rule] = ()
    observers: Sequence[Observer] = ()
    history: HistoryWriter | None = None
    campaigns: BotCampaigns | None = None
    pauses: Pauses | None = None
    texts: TurnTexts | None = None
    schedules: ScheduleBook | None = None
    promises: PromiseStore | None = None

    def at(self, channel: ChannelRef) -> Setup:
        """The bot as it is in a channel."""
        if self.at_channel:
            return self.at_channel(channel)
        return Setup(effective(self.definition, str(channel)), self.agent)

    def screen(self, channel: ChannelRef | None) -> Screen:
        """What the bot may post in a channel."""
        return self.screen_at(channel) if self.screen_at else UNSCREENED

    def become(self, newer: RunningBot) -> None:
        """Take over definition and agent from a reloaded bot. Turns in flight keep their old `Setup`."""
        self.definition, self.agent, self.at_channel = newer.definition, newer.agent, newer.at_channel
        self.screen_at = newer.screen_at
        self.rules, self.observers = newer.rules, newer.observers

    @property
    def scope(self) -> str:
        """Name the bot's turns in an engine that other bots use too: by its user and its app."""
        return f"{self.user_id}@{self.service.app}"

    @property
    def ids(self) -> MessageIds:
        """The ids of the messages that it posts."""
        return MessageIds(self.service.id_key, self.user_id)

    @property
    def user_id(self) -> str:
        """As whom the bot speaks."""
        return self.definition.identity.user_id


@dataclass(frozen=True)
class Limits:
    """Bounds of the runtime; seconds and characters."""

    text_length: int = 20_000  # what a service takes at most; a bot's `reply.max_length` says how much of it is used
    head_start: float = 0.4  # in which a first text, or a whole answer, saves the call for an empty message
    seen_within: float = 0.6  # after the start of a turn: people see then that their message was read
    generation: float = 600.0
    model_patience: float = 15.0  # after a question, in which a model that is down is asked again before the apology
    repeated_questions: int = 100
    echoes: int = 3
    concurrent_turns: int = 1_000
    discovery: float = 3.0
    reconciliation: float = 60.0
    catch_up_reads: float = 50.0  # a second: a fraction of what the app may, so that turns have the rest
    webhook_delay: float = 0.3  # webhooks may overtake each other: time for a message sent before to go first
    behind: float = 10.0  # age of the oldest job that waits, from which on the log says that we are behind
    first_retry: float = 5.0
    last_retry: float = 60.0
    # Deaths of the process in the middle of a turn, before it is given up. Two are counted for all that run in it; from
    # then on the turn runs with no other that is suspected, so that the later ones speak against it alone.
    crashes: int = SUSPECTED_AFTER + 4
    shutdown: float = 4.0  # of the five that a stop may take: the sandbox and the interpreter need the rest
    clock_skew: timedelta = timedelta(minutes=5)
