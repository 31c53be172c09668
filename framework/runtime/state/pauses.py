"""Which bots and channels somebody paused. Every replica sees it within a second, and a restart changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from framework.storage import Schema, Storage

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection

_GOOD_FOR = 1.0
"""Seconds for which turns use what was read: however many there are, they cost one look a second."""
WHOLE = ""
"""The channel of a pause of the whole bot."""


def schedule_place(name: str) -> str:
    """Return what stands in place of a channel in a pause of one schedule."""
    return f"schedule:{name}"


def _tables() -> MetaData:
    from framework.runtime.state.pauses_tables import METADATA

    return METADATA


SCHEMA = Schema("pauses", version=1, tables=_tables)


@dataclass(frozen=True)
class Pause:
    """A bot (by its name) is paused in a channel, `type:id`, everywhere (`WHOLE`), or
    as far as one schedule goes (`schedule_place`). `by` is who did it.
    """

    bot: str
    channel: str
    by: str
    at: datetime


class Pauses:
    """The pauses of a database. Every method raises EngineError if it cannot be used."""

    def __init__(self, storage: Storage, *, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._storage = storage
        self._now = now
        self._monotonic = monotonic
        self._known: Mapping[tuple[str, str], Pause] = {}
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def of(self, bot: str, channel: str) -> Pause | None:
        """Return what keeps a bot silent in a channel, as it was at most a second ago."""
        if self._is_old():
            async with self._reading:  # many turns at once make one look
                if self._is_old():
                    began = self._monotonic()
                    self._known = {(one.bot, one.channel): one for one in await self.all()}
                    self._read_at = began
        return self._known.get((bot, WHOLE)) or self._known.get((bot, channel))

    def _is_old(self) -> bool:
        return self._read_at is None or self._monotonic() - self._read_at >= _GOOD_FOR

    async def all(self) -> list[Pause]:
        """Return all pauses, the oldest first."""
        return await self._storage.read(SCHEMA, _all)

    async def pause(self, bot: str, channel: str, by: str) -> None:
        """Pause, unless it is paused already."""
        made = Pause(bot, channel, by, self._now())
        await self._storage.write(SCHEMA, lambda connection: _pause(connection, made))
        self._read_at = None

    async def resume(self, bot: str, channel: str) -> bool:
        """End a pause. False: there was none."""
        ended = await self._storage.write(SCHEMA, lambda connection: _resume(connection, bot, channel))
        self._read_at = None
        return ended


def _all(connection: Connection) -> list[Pause]:
    from sqlalchemy import select

    from framework.runtime.state.pauses_tables import PAUSES

    rows = connection.execute(select(PAUSES).order_by(PAUSES.c.at, PAUSES.c.bot, PAUSES.c.channel))
    return [Pause(row.bot, row.channel, row.by, datetime.fromisoformat(row.at)) for row in rows]


def _pause(connection: Connection, made: Pause) -> None:
    from framework.runtime.state.pauses_tables import PAUSES
    from framework.storage.connection import upsert

    row = upsert(connection.dialect.name)(PAUSES)
    values = {"bot": made.bot, "channel": made.channel, "by": made.by, "at": made.at.isoformat()}
    connection.execute(row.values(**values).on_conflict_do_nothing())


def _resume(connection: Connection, bot: str, channel: str) -> bool:
    from sqlalchemy import delete

    from framework.runtime.state.pauses_tables import PAUSES

    gone = delete(PAUSES).where(PAUSES.c.bot == bot, PAUSES.c.channel == channel)
    return connection.execute(gone).rowcount == 1
