"""The rows of usage, inside the caller's transaction. Times are seconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from framework.budget.usage import AHEAD, LEASE, MINUTE, BudgetClaim, Refused, Usage

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, RowMapping

_KEPT_DAYS = 35
_KEPT_CALLS = 2 * 86_400.0
_ALL_DAYS = ""
"""The day of rows in `usage_sums` that serve as locks of a scope's calls; they are pruned as long past days are."""


def reserve(connection: Connection, claim: BudgetClaim, now: float) -> Refused | None:
    """See `UsageBook.reserve`."""
    sums = _add(connection, claim.day.isoformat(), dict.fromkeys(claim.scopes, Usage()))  # locks them as well
    seen = _look(connection, claim, now)
    if seen["expired"]:
        _expire(connection, now)
        sums = _add(connection, claim.day.isoformat(), dict.fromkeys(claim.scopes, Usage()))
        seen = _look(connection, claim, now)
    if seen["counted"] or seen["reserved"]:
        return None
    refused = _refused(claim, sums, seen)
    if refused is None:
        _set_aside(connection, claim, claim.reserved(sums.get(claim.scopes[0], Usage()) if sums else Usage()), now)
    return refused


def settle(connection: Connection, turn: str, scopes: Sequence[str], day: date, usage: Usage) -> bool:
    """See `UsageBook.settle`."""
    held = _take_back(connection, turn)
    is_new = _count(connection, turn, day.isoformat())
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
    held = _take_back(connection, turn)
    if held and spent:
        _count(connection, turn, held[0]["day"])
        return
    _give_back(connection, held)


def take(connection: Connection, scope: str, key: str, limit: int, seconds: float, at: float) -> float:
    """See `UsageBook.take`."""
    from sqlalchemy import select

    from framework.budget import statements
    from framework.budget.schema import CALLS

    _add(connection, _ALL_DAYS, {scope: Usage()})
    if connection.execute(select(CALLS.c.key).where(CALLS.c.scope == scope, CALLS.c.key == key)).first() is not None:
        return 0.0
    until = at + AHEAD.total_seconds()
    recent = select(CALLS.c.at).where(CALLS.c.scope == scope, CALLS.c.at > at - seconds, CALLS.c.at <= until)
    times = connection.execute(recent.order_by(CALLS.c.at.desc()).limit(limit)).scalars().all()
    if len(times) >= limit:
        return max(0.0, float(times[-1]) + seconds - at)
    connection.execute(statements.call(connection.dialect.name), {"scope": scope, "key": key, "at": at})
    return 0.0


def spent(connection: Connection, scopes: Sequence[str], day: date) -> Mapping[str, Usage]:
    """See `UsageBook.spent`."""
    from sqlalchemy import select

    from framework.budget.schema import SUMS

    query = select(SUMS).where(SUMS.c.day == day.isoformat(), SUMS.c.scope.in_(list(scopes)))
    found = {row["scope"]: _usage(row, turns=row["turns"]) for row in connection.execute(query).mappings()}
    return {scope: found.get(scope, Usage()) for scope in scopes}


def forget(connection: Connection, scopes: Sequence[str]) -> int:
    """See `UsageBook.forget`."""
    from sqlalchemy import delete

    from framework.budget.schema import CALLS, RESERVED, SUMS

    tables = (SUMS, CALLS, RESERVED)
    return sum(connection.execute(delete(table).where(table.c.scope.in_(list(scopes)))).rowcount for table in tables)


def forget_person(connection: Connection, user_id: str) -> int:
    """Delete what one person spent at any bot, and their calls of tools. Their share in wider sums stays."""
    from sqlalchemy import delete, or_

    from framework.budget.schema import CALLS, SUMS

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

    from framework.budget.schema import CALLS, COUNTED, SUMS

    old = (day - timedelta(days=_KEPT_DAYS)).isoformat()
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    connection.execute(delete(COUNTED).where(COUNTED.c.day < old))
    connection.execute(delete(SUMS).where(SUMS.c.day < old))
    connection.execute(delete(CALLS).where(CALLS.c.at < midnight - _KEPT_CALLS))


def _refused(claim: BudgetClaim, sums: Mapping[str, Usage], seen: RowMapping) -> Refused | None:
    if claim.person and claim.per_minute is not None and seen["recent"] >= claim.per_minute:
        return Refused("minute", claim.person)
    for bound in claim.bounds:
        if bound.is_reached(sums[bound.scope]):
            return Refused("spent", bound.scope)
    if claim.person and claim.at_once is not None and seen["running"] >= claim.at_once:
        return Refused("at_once", claim.person)
    return None


def _look(connection: Connection, claim: BudgetClaim, now: float) -> RowMapping:
    """What is known of the turn, and of the person's in the minute before the message and just now."""
    from framework.budget.statements import LOOK

    at = claim.at.timestamp()
    values = {
        "turn": claim.turn,
        "person": claim.person,
        "since": at - MINUTE.total_seconds(),
        "until": at + AHEAD.total_seconds(),
        "before": now - LEASE.total_seconds(),
    }
    return connection.execute(LOOK, values).mappings().one()


def _set_aside(connection: Connection, claim: BudgetClaim, usage: Usage, now: float) -> None:
    from framework.budget import statements

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
    dialect = connection.dialect.name
    if held:
        connection.execute(statements.reserve(dialect), held)
    _add(connection, day, dict.fromkeys(claim.scopes, usage))
    if claim.person:
        call = {"scope": claim.person, "key": claim.turn, "at": claim.at.timestamp()}
        connection.execute(statements.call(dialect), call)


def _expire(connection: Connection, now: float) -> None:
    """Give up what nobody settled in time."""
    from framework.budget.statements import EXPIRE

    _give_back(connection, connection.execute(EXPIRE, {"before": now - LEASE.total_seconds()}).mappings().all())


def _take_back(connection: Connection, turn: str) -> Sequence[RowMapping]:
    """Remove a turn's reservation; the sums still hold it."""
    from framework.budget.statements import TAKE_BACK

    return connection.execute(TAKE_BACK, {"held": turn}).mappings().all()


def _count(connection: Connection, turn: str, day: str) -> bool:
    """Mark a turn as counted. False: it was before."""
    from framework.budget.statements import count

    row = {"turn": turn, "day": day}
    return connection.execute(count(connection.dialect.name), row).first() is not None


def _give_back(connection: Connection, held: Sequence[RowMapping]) -> None:
    days: dict[str, dict[str, Usage]] = {}
    for one in held:
        by_scope = days.setdefault(one["day"], {})
        by_scope[one["scope"]] = by_scope.get(one["scope"], Usage()) - _usage(one, turns=1)
    for day, changes in sorted(days.items()):
        _add(connection, day, changes)


def _add(connection: Connection, day: str, changes: Mapping[str, Usage]) -> dict[str, Usage]:
    """Add to sums, and lock them until the transaction ends. Returns what they are now."""
    from framework.budget.statements import add

    if not changes:
        return {}
    values = [
        {"scope": scope, "day": day, "tokens": usage.tokens, "money": usage.money, "turns": usage.turns}
        for scope, usage in sorted(changes.items())  # in one order, so that two transactions never wait for each other
    ]
    sums = connection.execute(add(connection.dialect.name), values).mappings()
    return {row["scope"]: _usage(row, turns=row["turns"]) for row in sums}


def _usage(row: RowMapping, *, turns: int) -> Usage:
    return Usage(row["tokens"], row["money"], turns)
