"""The audit log in the database. A call that cannot be logged is not made."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from framework.audit.entry import Entry, Outcome, cut
from framework.errors import EngineError, FrameworkError
from framework.storage import Schema, Storage

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection

T = TypeVar("T")
_ERASED = "[erased]"


def _tables() -> MetaData:
    from framework.audit.tables import METADATA

    return METADATA


SCHEMA = Schema("audit", 1, _tables)


@dataclass(frozen=True)
class SoughtEntries:
    """Which entries. `who` did it; `words` are in the operation, the channel, the arguments or the details, or name the
    person on whose behalf. `before` is the number of an entry: only older ones.
    """

    who: str = ""
    words: str = ""
    outcome: str = ""
    before: int | None = None


class AuditLog:
    """The log that all replicas write. Every method raises FrameworkError if the database cannot be used."""

    def __init__(self, storage: Storage, *, former: Path | None = None) -> None:
        """`former`: the file in which earlier versions kept the log. Its lines are copied once, then it is renamed."""
        self.storage = storage
        self._former = former

    async def begin(self, entry: Entry) -> int:
        """Write an entry and return its number."""
        self._take_over()
        return await _told(self.storage.write(SCHEMA, lambda connection: write(connection, entry)))

    async def end(self, number: int, outcome: Outcome, detail: str, milliseconds: float) -> None:
        """Complete an entry that was `started`."""
        await _told(self.storage.write(SCHEMA, lambda c: complete(c, number, outcome, detail, milliseconds)))

    def last(self, count: int) -> list[dict[str, Any]]:
        """The newest entries, oldest first."""
        self._take_over()
        try:
            return self.storage.read_now(SCHEMA, lambda connection: _newest(connection, count))
        except EngineError as error:
            raise _failure(error) from None

    async def find(self, wanted: SoughtEntries, count: int) -> list[dict[str, Any]]:
        """The newest entries that fit, the newest first."""
        return await _told(self.storage.read(SCHEMA, lambda connection: _found(connection, wanted, count)))

    async def erase(self, user_id: str) -> int:
        """Blank the arguments and details of all that was done for a person. Returns how many entries there were."""
        return await _told(self.storage.write(SCHEMA, lambda connection: _erase(connection, user_id)))

    async def close(self) -> None:
        """Let go of the database. Safe to call twice; the next use opens it again."""
        self.storage.close()

    def _take_over(self) -> None:
        if self._former is not None and self._former.exists():
            from framework.audit.former import take_over

            take_over(self._former, self.storage, SCHEMA)
        self._former = None


async def _told(work: Awaitable[T]) -> T:
    try:
        return await work
    except EngineError as error:
        raise _failure(error) from None


def _failure(error: EngineError) -> FrameworkError:
    return FrameworkError(
        f"The audit log cannot be written, so that nothing is executed: {error.what}",
        where=error.where,
        hint="Make the database writable: DATABASE_URL names it, or it is engine.db in the folder FRAMEWORK_DATA.",
    )


def write(connection: Connection, entry: Entry) -> int:
    """Write an entry inside a transaction, and return its number."""
    from sqlalchemy import insert

    from framework.audit.tables import AUDIT

    kept = replace(entry, arguments=cut(entry.arguments), detail=cut(entry.detail))
    number = connection.execute(insert(AUDIT).values(**asdict(kept)).returning(AUDIT.c.id)).scalar_one()
    return int(number)


def complete(connection: Connection, number: int, outcome: Outcome, detail: str, milliseconds: float | None) -> None:
    """Say what came of an entry, inside a transaction."""
    from sqlalchemy import update

    from framework.audit.tables import AUDIT

    came = {"outcome": outcome, "detail": cut(detail), "milliseconds": round(milliseconds, 1) if milliseconds else None}
    connection.execute(update(AUDIT).where(AUDIT.c.id == number).values(**came))


def _newest(connection: Connection, count: int) -> list[dict[str, Any]]:
    from sqlalchemy import select

    from framework.audit.tables import AUDIT

    rows = connection.execute(select(AUDIT).order_by(AUDIT.c.at.desc(), AUDIT.c.id.desc()).limit(count)).mappings()
    return [{name: value for name, value in row.items() if name != "origin"} for row in reversed(rows.all())]


def _found(connection: Connection, wanted: SoughtEntries, count: int) -> list[dict[str, Any]]:
    from sqlalchemy import or_, select

    from framework.audit.tables import AUDIT

    query = select(AUDIT)
    if wanted.who:
        query = query.where(AUDIT.c.who == wanted.who)
    if wanted.outcome:
        query = query.where(AUDIT.c.outcome == wanted.outcome)
    if wanted.words:
        columns = (AUDIT.c.operation, AUDIT.c.channel, AUDIT.c.arguments, AUDIT.c.detail)
        among = [column.contains(wanted.words, autoescape=True) for column in columns]
        query = query.where(or_(*among, AUDIT.c.caller == wanted.words, AUDIT.c.approved_by == wanted.words))
    if wanted.before is not None:
        query = query.where(AUDIT.c.id < wanted.before)
    rows = connection.execute(query.order_by(AUDIT.c.id.desc()).limit(count)).mappings()
    return [{name: value for name, value in row.items() if name != "origin"} for row in rows]


def _erase(connection: Connection, user_id: str) -> int:
    from sqlalchemy import update

    from framework.audit.tables import AUDIT

    theirs = update(AUDIT).where(AUDIT.c.caller == user_id, AUDIT.c.arguments != _ERASED)
    blank = theirs.values(arguments=_ERASED, detail=_ERASED)
    return connection.execute(blank).rowcount
