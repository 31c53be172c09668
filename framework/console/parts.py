"""What the console needs of the process that it is in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from framework.audit.log import AuditLog
from framework.console.roles import Roles
from framework.console.sign_ins import SignIns
from framework.insight.conversations import Conversations
from framework.insight.history_database import DatabaseHistory
from framework.insight.turn_texts import TurnTexts
from framework.runtime.state.pauses import Pauses
from framework.stream.timing import Timing

if TYPE_CHECKING:
    from framework.engine.port import Engine
    from framework.runtime.core.bot import RunningBot
    from framework.storage import Storage
    from framework.stream.moderation import StreamModeration

OpenModeration = Callable[["RunningBot"], "StreamModeration"]
"""Makes moderation at the chat service, in the name of a bot. Whoever asks for it closes it."""
MakeReport = Callable[[datetime, datetime], Awaitable[str]]
"""Makes the report of a period, as a page of HTML. Raises FrameworkError."""


@dataclass(eq=False)
class ConsoleParts:
    """The running bots, the engine and the database. `bots` returns those at work now. Without `report` and
    `moderation` there is none. `keep_text` is how long the words of turns are kept.
    """

    bots: Callable[[], Sequence[RunningBot]]
    engine: Engine
    storage: Storage
    report: MakeReport | None = None
    moderation: OpenModeration | None = None
    keep_text: timedelta = timedelta(0)
    timing: Timing = field(default_factory=Timing)

    @cached_property
    def sign_ins(self) -> SignIns:
        """Links and sessions."""
        return SignIns(self.storage, now=self.timing.now)

    @cached_property
    def roles(self) -> Roles:
        """Who may do what."""
        return Roles(self.bots, monotonic=self.timing.monotonic)

    @cached_property
    def audit(self) -> AuditLog:
        """Where every act is written down."""
        return AuditLog(self.storage)

    @cached_property
    def history(self) -> DatabaseHistory:
        """The turns."""
        return DatabaseHistory(self.storage)

    @cached_property
    def conversations(self) -> Conversations:
        """The turns by channel."""
        return Conversations(self.storage)

    @cached_property
    def texts(self) -> TurnTexts:
        """The words of turns, as far as they are kept."""
        return TurnTexts(self.storage)

    @cached_property
    def pauses(self) -> Pauses:
        """What is paused."""
        return Pauses(self.storage, now=self.timing.now, monotonic=self.timing.monotonic)

    def bot(self, name: str) -> RunningBot | None:
        """Return a bot that runs here; None if there is none of this name."""
        return next((bot for bot in self.bots() if bot.name == name), None)
