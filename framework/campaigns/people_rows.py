"""The statements about people: who is claimed by a part, who may not be, who answered. Each inside a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, insert, select, update

from framework.campaigns.amounts import read_rate
from framework.campaigns.rows import lock, parts, people_in, set_part, stamp_of
from framework.campaigns.tables import MARKS, OPT_OUTS, PARTS, PEOPLE, RUNS

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from framework.campaigns.run import CampaignRun

_AT_ONCE = 500
"""Ids in one statement."""
_GOT = ("claimed", "sent")
SAID_STOP = "said STOP"


def claim(
    connection: Connection, run: CampaignRun, number: int, unwilling: Sequence[str], now: datetime
) -> tuple[int, int]:
    """Decide who of a waiting part gets the message. Returns how many do, and how many were left out just now."""
    lock(connection)
    part = next(one for one in parts(connection, run.id) if one.number == number)
    if part.state != "waiting":
        return part.people, 0
    planned = people_in(connection, run.id, number, "planned")
    reasons: dict[str, str] = {}
    if run.settings.at_most:
        rate = read_rate(run.settings.at_most)
        busy = full(connection, rate.count, (now - rate.period).timestamp())
        reason = f"got {rate.count} of all campaigns within the last {run.settings.at_most.split(maxsplit=2)[2]}"
        reasons |= {one: reason for one in planned if one in busy}
    reasons |= dict.fromkeys(unwilling, "wants no messages")
    barred = opted_out(connection, run.scope)
    reasons |= {one: SAID_STOP for one in planned if one in barred}
    leave_out(connection, run.id, {one: reason for one, reason in reasons.items() if one in set(planned)})
    rest = tuple(sorted(one for one in planned if one not in reasons))
    mine = and_(PEOPLE.c.run == run.id, PEOPLE.c.part == number, PEOPLE.c.state == "planned")
    connection.execute(update(PEOPLE).where(mine).values(state="claimed", claimed_at=now.timestamp()))
    stamp = stamp_of(run, number, part.text, rest)
    values = {"stamp": stamp, "claimed_at": now.timestamp()}
    if rest:
        set_part(connection, run.id, number, "claimed", now.timestamp(), values)
    else:
        values = {"reason": "nobody is left in it", "ended_at": now.timestamp()}
        set_part(connection, run.id, number, "empty", now.timestamp(), values)
    return len(rest), len(planned) - len(rest)


def drop(connection: Connection, run: CampaignRun, number: int, unwilling: Sequence[str]) -> tuple[str, ...]:
    """Take those out of a claimed part who said STOP meanwhile."""
    barred = opted_out(connection, run.scope)
    gone = {
        one: SAID_STOP for one in people_in(connection, run.id, number, "claimed") if one in barred or one in unwilling
    }
    leave_out(connection, run.id, gone)
    return tuple(gone)


def leave_out(connection: Connection, run_id: str, reasons: Mapping[str, str]) -> None:
    """Leave people out of a run, each for a reason."""
    for reason in dict.fromkeys(reasons.values()):
        for ids in _chunks([one for one, why in reasons.items() if why == reason]):
            theirs = and_(PEOPLE.c.run == run_id, PEOPLE.c.user_id.in_(ids))
            connection.execute(update(PEOPLE).where(theirs).values(state="left_out", reason=reason))


def full(connection: Connection, count: int, since: float) -> set[str]:
    """Return who got at least so many messages of all campaigns since a time."""
    query = (
        select(PEOPLE.c.user_id)
        .where(PEOPLE.c.claimed_at > since, PEOPLE.c.state.in_(_GOT))
        .group_by(PEOPLE.c.user_id)
        .having(func.count() >= count)
    )
    return set(connection.execute(query).scalars())


def got(connection: Connection, scope: str, campaign: str) -> set[str]:
    """Return who got, or may have got, a message of a campaign."""
    theirs = (PEOPLE.c.scope == scope, PEOPLE.c.campaign == campaign, PEOPLE.c.state.in_(_GOT))
    return set(connection.execute(select(PEOPLE.c.user_id).where(*theirs)).scalars())


def opt_out(connection: Connection, scope: str, user_id: str, message_id: str, at: float) -> bool:
    """Note that a person wants no more messages, and which run they had got last."""
    if user_id in opted_out(connection, scope):
        return False
    connection.execute(insert(OPT_OUTS).values(scope=scope, user_id=user_id, at=at, message_id=message_id))
    last = (
        select(PEOPLE.c.run)
        .where(PEOPLE.c.scope == scope, PEOPLE.c.user_id == user_id, PEOPLE.c.state.in_(_GOT))
        .order_by(PEOPLE.c.claimed_at.desc())
        .limit(1)
    )
    run_id = connection.execute(last).scalar_one_or_none()
    if run_id is not None:
        theirs = and_(PEOPLE.c.run == run_id, PEOPLE.c.user_id == user_id)
        connection.execute(update(PEOPLE).where(theirs).values(opted_out_at=at))
    return True


def opted_out(connection: Connection, scope: str) -> set[str]:
    """Return who wants no more messages."""
    return set(connection.execute(select(OPT_OUTS.c.user_id).where(OPT_OUTS.c.scope == scope)).scalars())


def looked_until(connection: Connection, scope: str) -> float | None:
    """Return up to when the chat was searched for STOP."""
    found: float | None = connection.execute(
        select(MARKS.c.looked_until).where(MARKS.c.scope == scope)
    ).scalar_one_or_none()
    return found


def look(connection: Connection, scope: str, until: float) -> None:
    """Note up to when the chat was searched for STOP. It never goes back."""
    from framework.storage.connection import upsert

    added = upsert(connection.dialect.name)(MARKS).values(scope=scope, looked_until=until)
    later = MARKS.c.looked_until < until
    connection.execute(added.on_conflict_do_update(index_elements=["scope"], set_={"looked_until": until}, where=later))


def note(connection: Connection, scope: str, campaign: str, number: int, user_id: str, what: str, at: float) -> None:
    """Note that a person answered a run, or was handed over, the first time only."""
    column = {"answered": PEOPLE.c.answered_at, "handed_over": PEOPLE.c.handed_over_at}[what]
    run = select(RUNS.c.id).where(RUNS.c.scope == scope, RUNS.c.campaign == campaign, RUNS.c.number == number)
    theirs = and_(PEOPLE.c.run == run.scalar_subquery(), PEOPLE.c.user_id == user_id, column.is_(None))
    connection.execute(update(PEOPLE).where(theirs).values({column: at}))


def counts(connection: Connection, run_id: str) -> dict[str, dict[str, int]]:
    """Return, by variant, how many people are in each state, and how many answered, were handed over, opted out.

    `read` is what the chat service counted. `answered` counts answers within a day.
    """
    day = 86_400.0
    query = select(
        PEOPLE.c.variant,
        PEOPLE.c.state,
        func.count(),
        func.count(PEOPLE.c.answered_at).filter(PEOPLE.c.answered_at <= PEOPLE.c.claimed_at + day),
        func.count(PEOPLE.c.handed_over_at),
        func.count(PEOPLE.c.opted_out_at),
    )
    query = query.where(PEOPLE.c.run == run_id).group_by(PEOPLE.c.variant, PEOPLE.c.state)
    found: dict[str, dict[str, int]] = {}
    for variant, state, people, *happened in connection.execute(query):
        counted = found.setdefault(variant, dict.fromkeys(("answered", "handed_over", "opted_out", "read"), 0))
        counted[state] = counted.get(state, 0) + people
        for name, count in zip(("answered", "handed_over", "opted_out"), happened, strict=True):
            counted[name] += count
    read = select(PARTS.c.variant, func.sum(PARTS.c.read)).where(PARTS.c.run == run_id).group_by(PARTS.c.variant)
    for variant, count in connection.execute(read):
        if variant in found:
            found[variant]["read"] = int(count)
    return found


def left_out(connection: Connection, run_id: str) -> dict[str, int]:
    """Return how many people got nothing, by reason."""
    query = select(PEOPLE.c.reason, func.count()).where(PEOPLE.c.run == run_id, PEOPLE.c.state == "left_out")
    found = connection.execute(query.group_by(PEOPLE.c.reason)).all()
    ordered = sorted(found, key=lambda row: -row[1])
    return {reason: count for reason, count in ordered if reason}


def erase(connection: Connection, user_id: str) -> int:
    """Remove a person from all runs. That they want no messages stays, so that they get none."""
    return connection.execute(PEOPLE.delete().where(PEOPLE.c.user_id == user_id)).rowcount


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[begin : begin + _AT_ONCE] for begin in range(0, len(ids), _AT_ONCE))
