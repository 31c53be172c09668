"""The statements of each turn on the rows of usage, built once: building and compiling one costs more than running it.

This module costs half a second to import, as SQLAlchemy does: import it late.
"""

from __future__ import annotations

from functools import cache

from sqlalchemy import Text, bindparam, delete, distinct, exists, func, select

from framework.budget.schema import CALLS, COUNTED, RESERVED, SUMS
from framework.storage.connection import upsert
from framework.values import Untyped

_TURN, _PERSON = bindparam("turn", type_=Text()), bindparam("person", type_=Text())
_WINDOW = (CALLS.c.at > bindparam("since"), CALLS.c.at <= bindparam("until"))
LOOK = select(
    exists().where(COUNTED.c.turn == _TURN).label("counted"),
    exists().where(RESERVED.c.turn == _TURN).label("reserved"),
    exists().where(RESERVED.c.at < bindparam("before")).label("expired"),
    select(func.count()).select_from(CALLS).where(CALLS.c.scope == _PERSON, *_WINDOW).scalar_subquery().label("recent"),
    select(func.count(distinct(RESERVED.c.turn)))
    .where(RESERVED.c.person == _PERSON)
    .scalar_subquery()
    .label("running"),
)
"""One row: whether the turn was counted or holds a reservation, whether reservations are too old, how many turns the
person had in a time, and how many hold a reservation. Takes `turn`, `person`, `since`, `until`, `before`.
"""

EXPIRE = delete(RESERVED).where(RESERVED.c.at < bindparam("before")).returning(*RESERVED.c)
"""Removes reservations that are too old and returns them. Takes `before`."""

TAKE_BACK = delete(RESERVED).where(RESERVED.c.turn == bindparam("held")).returning(*RESERVED.c)
"""Removes a turn's reservations and returns them. Takes `held`, the turn."""


@cache
def add(dialect: str) -> Untyped:
    """Adds to sums and returns what they are now. Takes rows of `usage_sums`."""
    insert = upsert(dialect)(SUMS)
    added = {name: SUMS.c[name] + insert.excluded[name] for name in ("tokens", "money", "turns")}
    return insert.on_conflict_do_update(index_elements=["scope", "day"], set_=added).returning(*SUMS.c)


@cache
def reserve(dialect: str) -> Untyped:
    """Adds reservations that are not there. Takes rows of `usage_reservations`."""
    return upsert(dialect)(RESERVED).on_conflict_do_nothing()


@cache
def call(dialect: str) -> Untyped:
    """Adds a call that was not noted before. Takes a row of `usage_calls`."""
    return upsert(dialect)(CALLS).on_conflict_do_nothing()


@cache
def count(dialect: str) -> Untyped:
    """Marks a turn as counted, and returns it if it was not before. Takes a row of `usage_turns`."""
    return upsert(dialect)(COUNTED).on_conflict_do_nothing().returning(COUNTED.c.turn)
