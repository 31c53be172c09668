"""Where decisions are kept: recorded once for each text of each message, and their effects until they are done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from framework.audit.log import SCHEMA as AUDIT_SCHEMA
from framework.moderation.decisions import statements
from framework.moderation.decisions.decision import DueEffect, LoggedDecision, MessageDecision
from framework.storage import Schema, Storage

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection

T = TypeVar("T")
KEPT = timedelta(days=30)
KEPT_ALLOWED = timedelta(days=3)
"""How long decisions are kept; those that let a message pass, which are many, for less."""
UNNAMED_FOR = timedelta(minutes=2)
"""For how long a decision on a message without an id waits for the message that it was made on."""
LEASE = timedelta(seconds=30)
"""How long who takes an effect has for it, before others may."""


def _tables() -> MetaData:
    from framework.moderation.decisions.tables import METADATA

    return METADATA


SCHEMA = Schema("moderation", 1, _tables, with_=(AUDIT_SCHEMA,))


class DecisionStore:
    """All decisions of a database. Every method raises EngineError if it cannot be used."""

    def __init__(self, storage: Storage, *, now: Callable[[], datetime]) -> None:
        self.storage = storage
        self.now = now

    async def record(self, decisions: Sequence[MessageDecision]) -> set[str]:
        """Keep these decisions, and return the ids of those that are new: of two on the same text of the same message
        the first one stays, unless it could not be made in time. What is not let pass is in the audit log by the same
        transaction.
        """
        return await self._write(lambda connection: statements.record(connection, decisions)) if decisions else set()

    async def unknown(self, messages: Collection[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
        """Which of these messages, each (id, channel, digest of its texts), have no decision yet.

        A decision that was made before the service had named the message becomes the decision on the first message
        with these texts in that channel.
        """
        since = (self.now() - UNNAMED_FOR).timestamp()
        return (
            await self._write(lambda connection: statements.unknown(connection, messages, since)) if messages else set()
        )

    async def last(self, count: int, **where: str) -> Sequence[LoggedDecision]:
        """The newest decisions that did something or could not be made in time, oldest first.

        `where` may name bot, channel, user_id, message_id, outcome and origin. With outcome="allow" those that let a
        message pass.
        """
        return await self.storage.read(SCHEMA, lambda connection: statements.last(connection, count, where))

    async def of_message(self, message_id: str) -> Sequence[LoggedDecision]:
        """All decisions on a message, one for each of its texts, oldest first."""
        return await self.storage.read(SCHEMA, lambda connection: statements.of_message(connection, message_id))

    async def take_due(self, count: int, bots: Collection[str]) -> Sequence[DueEffect]:
        """Take effects of decisions of these bots that are due, oldest first.

        Nobody else gets them for `LEASE`: say `done` or `put_off` then.
        """
        now = self.now()
        return await self._write(lambda c: statements.take(c, now.timestamp(), (now + LEASE).timestamp(), count, bots))

    async def held(self, bots: Collection[str]) -> Sequence[DueEffect]:
        """The messages of these bots' channels that wait for a decision of the team."""
        return await self.storage.read(SCHEMA, lambda connection: statements.held(connection, bots))

    async def alerted(self, decision: str) -> Sequence[str]:
        """The channels that are told of a decision, by its id."""
        return await self.storage.read(SCHEMA, lambda connection: statements.alerted(connection, decision))

    async def done(self, effect: DueEffect, *, error: str = "") -> None:
        """Say that an effect is done; or with `error`, that it never will be."""
        state = "failed" if error else "done"
        await self._write(lambda connection: statements.change(connection, effect, state=state, error=error))

    async def put_off(self, effect: DueEffect, until: datetime, *, error: str = "") -> None:
        """Have an effect carried out later."""
        due = until.timestamp()
        await self._write(lambda connection: statements.change(connection, effect, state="open", due=due, error=error))

    async def looked_until(self, scope: str) -> datetime | None:
        """Up to when the messages of `scope` were looked at. None: never yet."""
        found = await self.storage.read(SCHEMA, lambda connection: statements.looked(connection, scope))
        return None if found is None else datetime.fromtimestamp(found, UTC)

    async def look_until(self, scope: str, until: datetime) -> None:
        """Note up to when the messages of `scope` were looked at. It never goes back."""
        await self._write(lambda connection: statements.look(connection, scope, until.timestamp()))

    async def erase(self, user_id: str) -> int:
        """Delete all decisions on a person's messages. Returns how many there were."""
        return await self._write(lambda connection: statements.erase(connection, user_id))

    async def clean(self) -> int:
        """Delete what is kept for long enough. Returns how many decisions there were."""
        now = self.now()
        return await self._write(
            lambda c: statements.clean(c, (now - KEPT).timestamp(), (now - KEPT_ALLOWED).timestamp())
        )

    async def blank(self, before: datetime) -> int:
        """Delete the texts of decisions from before this time, and leave the rest. Returns how many there were."""
        return await self._write(lambda connection: statements.blank(connection, before.timestamp()))

    def close(self) -> None:
        """Let go of the database. Safe to call twice; the next use opens it again."""
        self.storage.close()

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await self.storage.write(SCHEMA, work)
