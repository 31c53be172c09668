"""Where promises are kept: each once, for all replicas and over restarts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from framework.promises.promise import Promise, PromiseState
from framework.storage import Schema, Storage

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, MetaData, Row
    from sqlalchemy.engine import Connection
    from sqlalchemy.sql.base import ReadOnlyColumnCollection

    Columns = ReadOnlyColumnCollection[str, Column[Any]]
    Where = Callable[[Columns], tuple[ColumnElement[bool], ...]]

_KEPT_FOR = timedelta(days=90)
"""How long a promise that ended is remembered."""


def _tables() -> MetaData:
    from framework.promises.tables import METADATA

    return METADATA


SCHEMA = Schema("promises", version=1, tables=_tables)


class PromiseStore:
    """The promises of a database. Every method raises EngineError if it cannot be used. `scope` is as in the engine."""

    def __init__(self, storage: Storage, *, now: Callable[[], datetime]) -> None:
        self._storage = storage
        self._now = now

    async def add(self, promise: Promise, *, at_most: int) -> Promise | None:
        """Keep a promise, and return it as it is kept: one with its id may be known. None if the person has `at_most`
        open ones. What ended long ago is forgotten.
        """
        now = self._now()
        return await self._storage.write(SCHEMA, lambda connection: _add(connection, promise, at_most, now))

    async def get(self, scope: str, id_: str) -> Promise | None:
        """Return a promise by its id."""
        found = await self._select(lambda c: (c.scope == scope, c.id == id_))
        return found[0] if found else None

    async def open_of(self, scope: str, user: str, channel: str) -> list[Promise]:
        """Return the open promises to a person in a channel, the next one first; the ones for events last."""
        return await self._select(
            lambda c: (c.scope == scope, c.user_id == user, c.channel == channel, c.state == "open")
        )

    async def due(self, scope: str, until: datetime) -> list[Promise]:
        """Return the open promises that are due up to a time, the oldest first."""
        at = until.timestamp()
        return await self._select(lambda c: (c.scope == scope, c.state == "open", c.due <= at))

    async def all(self, *, scope: str = "", bot: str = "", user: str = "", ended: bool = False) -> list[Promise]:
        """Return promises: the open ones, and with `ended` also those that ended within 90 days."""

        def wanted(c: Columns) -> tuple[ColumnElement[bool], ...]:
            named = ((c.scope, scope), (c.bot, bot), (c.user_id, user))
            chosen = tuple(column == value for column, value in named if value)
            return chosen if ended else (*chosen, c.state.in_(("open", "keeping")))

        return await self._select(wanted)

    async def claim(self, scope: str, id_: str, turn: str) -> bool:
        """Let one turn keep a promise. False: it is not open any more, or another turn has it."""
        return await self._change(
            lambda c: (
                c.scope == scope,
                c.id == id_,
                (c.state == "open") | ((c.state == "keeping") & (c.turn == turn)),
            ),
            state="keeping",
            turn=turn,
        )

    async def release(self, scope: str, id_: str, turn: str) -> bool:
        """Open a promise again whose turn said nothing."""
        return await self._change(
            lambda c: (c.scope == scope, c.id == id_, c.state == "keeping", c.turn == turn), state="open", turn=""
        )

    async def end(self, scope: str, id_: str, turn: str, state: PromiseState, reason: str = "") -> bool:
        """Note what became of a promise that a turn has claimed, or that is open. False: it had ended before."""
        return await self._change(
            lambda c: (
                c.scope == scope,
                c.id == id_,
                (c.state == "open") | ((c.state == "keeping") & (c.turn == turn)),
            ),
            state=state,
            reason=reason,
            ended_at=self._now().timestamp(),
        )

    async def cancel(self, promises: Sequence[Promise], reason: str) -> int:
        """Take promises back that are still open. Returns how many were."""
        ended = [await self.end(one.scope, one.id, "", "cancelled", reason) for one in promises]
        return sum(ended)

    async def cancel_in(self, scope: str, channel: str, reason: str) -> int:
        """Take back all open promises of a channel."""
        found = await self._select(lambda c: (c.scope == scope, c.channel == channel, c.state == "open"))
        return await self.cancel(found, reason)

    async def happened(self, scope: str, channel: str, event: str, at: datetime, due: datetime) -> int:
        """An event came: the promises of a channel that wait for it are due. Those made after it go on waiting."""
        return await self._change_all(
            lambda c: (
                c.scope == scope,
                c.channel == channel,
                c.event == event,
                c.state == "open",
                c.due.is_(None),
                c.made_at <= at.timestamp(),
            ),
            due=due.timestamp(),
            happened_at=at.timestamp(),
        )

    async def forget(self, user: str) -> int:
        """Delete all that was promised to a person, in every state."""
        return await self._storage.write(SCHEMA, lambda connection: _forget(connection, user))

    async def _select(self, where: Where) -> list[Promise]:
        return await self._storage.read(SCHEMA, lambda connection: _select(connection, where))

    async def _change(self, where: Where, **values: object) -> bool:
        return await self._change_all(where, **values) == 1

    async def _change_all(self, where: Where, **values: object) -> int:
        return await self._storage.write(SCHEMA, lambda connection: _update(connection, where, values))


def _is_of(c: Columns, turn: str) -> ColumnElement[bool]:
    """Whether a promise is open, or this turn is at it."""
    from sqlalchemy import and_, or_

    return or_(c.state == "open", and_(c.state == "keeping", c.turn == turn))


def _add(connection: Connection, promise: Promise, at_most: int, now: datetime) -> Promise | None:
    from sqlalchemy import delete, func, select

    from framework.promises.tables import PROMISES
    from framework.storage.connection import upsert

    c = PROMISES.c
    connection.execute(delete(PROMISES).where(c.scope == promise.scope, c.ended_at < (now - _KEPT_FOR).timestamp()))
    known = _select(connection, lambda c: (c.scope == promise.scope, c.id == promise.id))
    if known:
        return known[0]
    mine = (c.scope == promise.scope, c.user_id == promise.user, c.state == "open")
    if (connection.execute(select(func.count()).where(*mine)).scalar() or 0) >= at_most:
        return None
    connection.execute(upsert(connection.dialect.name)(PROMISES).values(_row(promise)).on_conflict_do_nothing())
    return promise


def _select(connection: Connection, where: Where) -> list[Promise]:
    from sqlalchemy import select

    from framework.promises.tables import PROMISES

    c = PROMISES.c
    query = select(PROMISES).where(*where(c)).order_by(c.due.is_(None), c.due, c.made_at, c.id)
    return [_promise(row) for row in connection.execute(query)]


def _update(connection: Connection, where: Where, values: Mapping[str, object]) -> int:
    from sqlalchemy import update

    from framework.promises.tables import PROMISES

    return connection.execute(update(PROMISES).where(*where(PROMISES.c)).values(**values)).rowcount


def _forget(connection: Connection, user: str) -> int:
    from sqlalchemy import delete

    from framework.promises.tables import PROMISES

    return connection.execute(delete(PROMISES).where(PROMISES.c.user_id == user)).rowcount


def _row(promise: Promise) -> dict[str, Any]:
    row = {**vars(promise), "user_id": promise.user, "visible_to": json.dumps(promise.visible_to)}
    row.pop("user")
    for name in ("made_at", "due", "happened_at"):
        row[name] = row[name].timestamp() if row[name] is not None else None
    return row


def _promise(row: Row[Any]) -> Promise:
    fields = {**row._mapping}  # noqa: SLF001 - SQLAlchemy's own name for the public view of a row
    fields.pop("ended_at")
    fields["user"] = fields.pop("user_id")
    for name in ("made_at", "due", "happened_at"):
        fields[name] = datetime.fromtimestamp(fields[name], UTC) if fields[name] is not None else None
    return replace(Promise(**{**fields, "visible_to": ()}), visible_to=tuple(json.loads(fields["visible_to"])))
