"""The rows of usage, inside the caller's transaction. Times are seconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from framework.engine.usage import AHEAD, LEASE, MINUTE, Claim, Refused, Usage

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, RowMapping

_KEPT_DAYS = 35
_KEPT_CALLS = 2 * 86_400.0
_ALL_DAYS = ""
"""The day of rows in `usage_sums` that serve as locks of a scope's calls; they are pruned as long past days are."""


def reserve(connection: Connection, claim: Claim, now: float) -> Refused | None:
    """See `UsageBook.reserve`."""
    from sqlalchemy import select

    from framework.engine.usage_schema import COUNTED, RESERVED

    sums = _add(connection, claim.day.isoformat(), dict.fromkeys(claim.scopes, Usage()))  # locks them as well
    if connection.execute(select(COUNTED.c.turn).where(COUNTED.c.turn == claim.turn)).first() is not None:
        return None
    if _expire(connection, now):
        sums = _add(connection, claim.day.isoformat(), dict.fromkeys(claim.scopes, Usage()))
    if connection.execute(select(RESERVED.c.turn).where(RESERVED.c.turn == claim.turn)).first() is not None:
        return None
    refused = _refused(connection, claim, sums)
    if refused is None:
        _set_aside(connection, claim, claim.reserved(sums.get(claim.scopes[0], Usage()) if sums else Usage()), now)
    return refused


def settle(connection: Connection, turn: str, scopes: Sequence[str], day: date, usage: Usage) -> bool:
    """See `UsageBook.settle`."""
    from framework.engine.usage_schema import COUNTED

    held = _take_back(connection, turn)
    row = _insert(connection, COUNTED).values(turn=turn, day=day.isoformat())
    is_new = connection.execute(row.on_conflict_do_nothing().returning(COUNTED.c.turn)).first() is not None
    changes: dict[str, dict[str, Usage]] = {one["day"]: {} for one in held}
    for one in held:
        changes[one["day"]][one["scope"]] = Usage() - _usage(one, turns=1)
    if is_new:
        today = changes.setdefault(day.isoformat(), {})
        for scope in scopes:
            today[scope] = today.get(scope, Usage()) + usage
    for when, by_scope in sorted(changes.items()):
        _add(connection, when, by_scope)
    return is_new


def release(connection: Connection, turn: str, *, spent: bool) -> None:
    """See `UsageBook.release`."""
    from framework.engine.usage_schema import COUNTED

    held = _take_back(connection, turn)
    if held and spent:
        row = _insert(connection, COUNTED).values(turn=turn, day=held[0]["day"]).on_conflict_do_nothing()
        connection.execute(row)
        return
    _give_back(connection, held)


def take(connection: Connection, scope: str, key: str, limit: int, seconds: float, at: float) -> float:
    """See `UsageBook.take`."""
    from sqlalchemy import select

    from framework.engine.usage_schema import CALLS

    _add(connection, _ALL_DAYS, {scope: Usage()})
    if connection.execute(select(CALLS.c.key).where(CALLS.c.scope == scope, CALLS.c.key == key)).first() is not None:
        return 0.0
    until = at + AHEAD.total_seconds()
    recent = select(CALLS.c.at).where(CALLS.c.scope == scope, CALLS.c.at > at - seconds, CALLS.c.at <= until)
    times = connection.execute(recent.order_by(CALLS.c.at.desc()).limit(limit)).scalars().all()
    if len(times) >= limit:
        return max(0.0, float(times[-1]) + seconds - at)
    connection.execute(_insert(connection, CALLS).values(scope=scope, key=key, at=at).on_conflict_do_nothing())
    return 0.0


def spent(connection: Connection, scopes: Sequence[str], day: date) -> Mapping[str, Usage]:
    """See `UsageBook.spent`."""
    from sqlalchemy import select

    from framework.engine.usage_schema import SUMS

    query = select(SUMS).where(SUMS.c.day == day.isoformat(), SUMS.c.scope.in_(list(scopes)))
    found = {row["scope"]: _usage(row, turns=row["turns"]) for row in connection.execute(query).mappings()}
    return {scope: found.get(scope, Usage()) for scope in scopes}


def forget(connection: Connection, scopes: Sequence[str]) -> int:
    """See `UsageBook.forget`."""
    from sqlalchemy import delete

    from framework.engine.usage_schema import CALLS, RESERVED, SUMS

    tables = (SUMS, CALLS, RESERVED)
    return sum(connection.execute(delete(table).where(table.c.scope.in_(list(scopes)))).rowcount for table in tables)


def forget_person(connection: Connection, user_id: str) -> int:
    """Delete what one person spent at any bot, and their calls of tools. Their share in wider sums stays."""
    from sqlalchemy import delete, or_

    from framework.engine.usage_schema import CALLS, SUMS

    name = user_id.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    kinds = (f"%|user|{name}", f"%|user|{name}|told|%", f"%|tool|{name}|%")
    gone = 0
    for table in (SUMS, CALLS):
        theirs = or_(*(table.c.scope.like(kind, escape="\\") for kind in kinds))
        gone += connection.execute(delete(table).where(theirs)).rowcount
    return gone


def prune(connection: Connection, day: date) -> None:
    """Delete what is too old to matter on this day."""
    from sqlalchemy import delete

    from framework.engine.usage_schema import CALLS, COUNTED, SUMS

    old = (day - timedelta(days=_KEPT_DAYS)).isoformat()
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    connection.execute(delete(COUNTED).where(COUNTED.c.day < old))
    connection.execute(delete(SUMS).where(SUMS.c.day < old))
    connection.execute(delete(CALLS).where(CALLS.c.at < midnight - _KEPT_CALLS))


def _refused(connection: Connection, claim: Claim, sums: Mapping[str, Usage]) -> Refused | None:
    if claim.person and claim.per_minute is not None and _recent(connection, claim) >= claim.per_minute:
        return Refused("minute", claim.person)
    for bound in claim.bounds:
        if bound.is_reached(sums[bound.scope]):
            return Refused("spent", bound.scope)
    if claim.person and claim.at_once is not None and _running(connection, claim) >= claim.at_once:
        return Refused("at_once", claim.person)
    return None


def _recent(connection: Connection, claim: Claim) -> int:
    """Turns of the person in the minute before the message."""
    from sqlalchemy import func, select

    from framework.engine.usage_schema import CALLS

    at = claim.at.timestamp()
    window = (CALLS.c.at > at - MINUTE.total_seconds(), CALLS.c.at <= at + AHEAD.total_seconds())
    query = select(func.count()).select_from(CALLS).where(CALLS.c.scope == claim.person, *window)
    return int(connection.execute(query).scalar_one())


def _running(connection: Connection, claim: Claim) -> int:
    from sqlalchemy import distinct, func, select

    from framework.engine.usage_schema import RESERVED

    query = select(func.count(distinct(RESERVED.c.turn))).where(RESERVED.c.person == claim.person)
    return int(connection.execute(query).scalar_one())


def _set_aside(connection: Connection, claim: Claim, usage: Usage, now: float) -> None:
    from framework.engine.usage_schema import CALLS, RESERVED

    day = claim.day.isoformat()
    held = [
        {
            "turn": claim.turn,
            "scope": scope,
            "day": day,
            "person": claim.person,
            "at": now,
            "tokens": usage.tokens,
            "money": usage.money,
        }
        for scope in claim.scopes
    ]
    connection.execute(_insert(connection, RESERVED).on_conflict_do_nothing(), held)
    _add(connection, day, dict.fromkeys(claim.scopes, usage))
    if claim.person:
        call = {"scope": claim.person, "key": claim.turn, "at": claim.at.timestamp()}
        connection.execute(_insert(connection, CALLS).values(call).on_conflict_do_nothing())


def _expire(connection: Connection, now: float) -> bool:
    """Give up what nobody settled in time."""
    from sqlalchemy import delete

    from framework.engine.usage_schema import RESERVED

    old = delete(RESERVED).where(RESERVED.c.at < now - LEASE.total_seconds()).returning(*RESERVED.c)
    held = connection.execute(old).mappings().all()
    _give_back(connection, held)
    return bool(held)


def _take_back(connection: Connection, turn: str) -> Sequence[RowMapping]:
    """Remove a turn's reservation; the sums still hold it."""
    from sqlalchemy import delete

    from framework.engine.usage_schema import RESERVED

    return connection.execute(delete(RESERVED).where(RESERVED.c.turn == turn).returning(*RESERVED.c)).mappings().all()


def _give_back(connection: Connection, held: Sequence[RowMapping]) -> None:
    days: dict[str, dict[str, Usage]] = {}
    for one in held:
        by_scope = days.setdefault(one["day"], {})
        by_scope[one["scope"]] = by_scope.get(one["scope"], Usage()) - _usage(one, turns=1)
    for day, changes in sorted(days.items()):
        _add(connection, day, changes)


def _add(connection: Connection, day: str, changes: Mapping[str, Usage]) -> dict[str, Usage]:
    """Add to sums, and lock them until the transaction ends. Returns what they are now."""
    from framework.engine.usage_schema import SUMS

    if not changes:
        return {}
    values = [
        {"scope": scope, "day": day, "tokens": usage.tokens, "money": usage.money, "turns": usage.turns}
        for scope, usage in sorted(changes.items())  # in one order, so that two transactions never wait for each other
    ]
    insert = _insert(connection, SUMS).values(values)
    added = {name: SUMS.c[name] + insert.excluded[name] for name in ("tokens", "money", "turns")}
    query = insert.on_conflict_do_update(index_elements=["scope", "day"], set_=added).returning(*SUMS.c)
    return {row["scope"]: _usage(row, turns=row["turns"]) for row in connection.execute(query).mappings()}


def _insert(connection: Connection, table: Any) -> Any:  # noqa: ANN401 - each dialect has an insert of its own
    from framework.engine.store import upsert

    return upsert(connection.dialect.name)(table)


def _usage(row: RowMapping, *, turns: int) -> Usage:
    return Usage(row["tokens"], row["money"], turns)
