"""The history by channel: each conversation with its latest turn, the newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from framework.insight.history import TurnLine
from framework.insight.history_database import SCHEMA, line_of_row, text_of_time
from framework.storage import Storage

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

PAGE = 50


@dataclass(frozen=True)
class Sought:
    """Which conversations. `words` are part of the channel's or the person's id. `before` is the place where the page
    before ended: the time and the key of its last turn.
    """

    bot: str = ""
    outcome: str = ""
    words: str = ""
    before: tuple[datetime, str] | None = None
    since: datetime | None = None
    until: datetime | None = None


class Conversations:
    """Reads the history of turns. Every method raises EngineError if the database does not answer."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def latest(self, sought: Sought) -> Sequence[TurnLine]:
        """Return the latest turn of each conversation, at most `PAGE` and one: one more says that there is a next page.

        A conversation is a bot's channel.
        """
        return await self._storage.read(SCHEMA, lambda connection: _latest(connection, sought))

    async def turns(self, sought: Sought) -> Sequence[TurnLine]:
        """Return turns of all conversations, as `latest` does."""
        return await self._storage.read(SCHEMA, lambda connection: _latest(connection, sought, each=True))

    async def turn(self, key: str) -> TurnLine | None:
        """Return one turn by its key."""
        return await self._storage.read(SCHEMA, lambda connection: _one(connection, key))


def _latest(connection: Connection, sought: Sought, *, each: bool = False) -> list[TurnLine]:
    from sqlalchemy import and_, or_, select

    from framework.insight.history_tables import TURNS

    at, key = TURNS.c.received_at, TURNS.c.key
    query = select(TURNS)
    if not each:
        newer = TURNS.alias("newer")
        same = and_(newer.c.channel == TURNS.c.channel, newer.c.bot == TURNS.c.bot)
        later = or_(newer.c.received_at > at, and_(newer.c.received_at == at, newer.c.key > key))
        # By the index of channels and times, this looks at one row for each turn that is the latest of its channel.
        query = query.where(~select(newer.c.key).where(same, newer.c.received_at >= at, later).exists())
    if sought.bot:
        query = query.where(TURNS.c.bot == sought.bot)
    if sought.outcome:
        query = query.where(TURNS.c.outcome == sought.outcome)
    if sought.words:
        found = TURNS.c.channel.contains(sought.words, autoescape=True)
        exact = or_(TURNS.c.user == sought.words, TURNS.c.message == sought.words, TURNS.c.reply == sought.words)
        query = query.where(or_(found, exact))
    if sought.since is not None:
        query = query.where(at >= text_of_time(sought.since))
    if sought.until is not None:
        query = query.where(at < text_of_time(sought.until))
    if sought.before is not None:
        place = text_of_time(sought.before[0])
        query = query.where(or_(at < place, and_(at == place, key < sought.before[1])))
    rows = connection.execute(query.order_by(at.desc(), key.desc()).limit(PAGE + 1)).mappings().all()
    return [line_of_row(row) for row in rows]


def _one(connection: Connection, key: str) -> TurnLine | None:
    from sqlalchemy import select

    from framework.insight.history_tables import TURNS

    row = connection.execute(select(TURNS).where(TURNS.c.key == key)).mappings().first()
    return None if row is None else line_of_row(row)
