"""Feedback in the database that replicas share, and what becomes of the file in which earlier releases kept it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from framework.runtime.state.feedback import Feedback, standing
from framework.storage import Schema, Storage

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection

_log = structlog.get_logger(__name__)


def _tables() -> MetaData:
    from framework.runtime.state.feedback_tables import METADATA

    return METADATA


SCHEMA = Schema("feedback", version=1, tables=_tables)


class DatabaseFeedback:
    """A `FeedbackLog` on SQLite or Postgres. Several bots may share it.

    `file` is where earlier releases kept feedback: what is in it is taken over once, before the first use.
    """

    def __init__(self, storage: Storage, file: Path | None = None) -> None:
        self._storage = storage
        self._file = file
        self._lock = asyncio.Lock()

    async def record(self, entry: Feedback) -> None:
        """See `FeedbackLog.record`."""
        await self._take_over()
        await self._storage.write(SCHEMA, lambda connection: _record(connection, [entry]))

    async def entries(self, bot: str) -> list[Feedback]:
        """See `FeedbackLog.entries`."""
        await self._take_over()
        return standing(await self._storage.read(SCHEMA, lambda connection: _entries(connection, bot)), bot)

    async def forget(self, user: str) -> int:
        """See `FeedbackLog.forget`."""
        await self._take_over()
        return await self._storage.write(SCHEMA, lambda connection: _forget(connection, user))

    async def take_over(self) -> None:
        """Take over what is in the file of earlier releases, if there is one. Raises EngineError and OSError."""
        await self._take_over()

    async def _take_over(self) -> None:
        async with self._lock:
            file, self._file = self._file, None
            if file is None:
                return
            try:
                await asyncio.to_thread(_move, file, self._storage)
            except BaseException:
                self._file = file
                raise


def _move(file: Path, storage: Storage) -> None:
    """The file's entries into the database, and then the file away. To do it twice does no harm.

    Lines that cannot be read are kept beside it, for a person to look at.
    """
    if not file.is_file():
        return
    entries: list[Feedback] = []
    unread: list[str] = []
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        try:
            value = json.loads(line)
            entries.append(Feedback(**{**value, "at": datetime.fromisoformat(value["at"]).astimezone(UTC)}))
        except (ValueError, KeyError, TypeError) as error:
            unread.append(line)
            _log.warning("feedback.line_skipped", file=str(file), line=number, error=str(error))
    storage.write_now(SCHEMA, lambda connection: _record(connection, entries))
    if unread:
        file.with_suffix(".unread.jsonl").write_text("".join(f"{line}\n" for line in unread), encoding="utf-8")
    file.unlink(missing_ok=True)  # another replica may have been as quick
    _log.info("feedback.taken_over", file=str(file), entries=len(entries), unread=len(unread))


def _record(connection: Connection, entries: Sequence[Feedback]) -> None:
    """The latest word by the service's clock holds, in whatever order words come."""
    from framework.runtime.state.feedback_tables import VOTES
    from framework.storage.connection import upsert

    insert = upsert(connection.dialect.name)
    keys = ["bot", "reply", "user", "reaction"]
    for entry in entries:
        at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
        row = insert(VOTES).values(**{**asdict(entry), "at": at})
        changed = {name: row.excluded[name] for name in ("channel", "at", "given")}
        connection.execute(row.on_conflict_do_update(index_elements=keys, set_=changed, where=VOTES.c.at <= at))


def _entries(connection: Connection, bot: str) -> list[Feedback]:
    from sqlalchemy import select

    from framework.runtime.state.feedback_tables import VOTES

    rows = connection.execute(select(VOTES).where(VOTES.c.bot == bot)).mappings().all()
    return [replace(Feedback(**row), at=datetime.fromisoformat(row["at"])) for row in rows]


def _forget(connection: Connection, user: str) -> int:
    from sqlalchemy import delete

    from framework.runtime.state.feedback_tables import VOTES

    return connection.execute(delete(VOTES).where(VOTES.c.user == user)).rowcount
