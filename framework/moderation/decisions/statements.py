"""The statements of the store of decisions, each inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from framework.audit.entry import Entry
from framework.audit.log import write as write_audit
from framework.moderation.decisions import rows
from framework.moderation.decisions.decision import DueEffect, LoggedDecision, LoggedEffect, MessageDecision
from framework.moderation.rules.outcome import Outcome
from framework.storage.connection import upsert

_EARLIER = 100
"""What is added to the numbers of effects of the decision that another one replaces."""

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.engine import Connection


def record(connection: Connection, decisions: Sequence[MessageDecision]) -> set[str]:
    """Insert decisions with their effects, and return the ids of those that are new."""
    plain = [
        one for one in decisions if one.origin == "before_send" and one.outcome is Outcome.ALLOW and not one.effects
    ]
    ids = {one.id for one in plain}
    new = _insert(connection, plain)
    for decision in decisions:
        if decision.id not in ids:
            new |= _record_one(connection, decision)
    return new


def _insert(connection: Connection, decisions: Sequence[MessageDecision]) -> set[str]:
    """Insert decisions from which nothing follows, at once: these are nearly all."""
    from sqlalchemy import select

    from framework.moderation.decisions.tables import DECISIONS

    if not decisions:
        return set()
    statement = upsert(connection.dialect.name)(DECISIONS).on_conflict_do_nothing()
    connection.execute(statement, [rows.row_of(one) for one in decisions])
    kept = select(DECISIONS.c.id).where(DECISIONS.c.id.in_([one.id for one in decisions]))
    return set(connection.execute(kept).scalars())


def _record_one(connection: Connection, decision: MessageDecision) -> set[str]:
    from framework.moderation.decisions.tables import DECISIONS, EFFECTS

    if decision.origin != "before_send":
        _replace_late(connection, decision)
    insert = upsert(connection.dialect.name)
    statement = insert(DECISIONS).values(**rows.row_of(decision)).on_conflict_do_nothing()
    if not connection.execute(statement).rowcount:
        return set()
    if effects := rows.effect_rows(decision):
        connection.execute(insert(EFFECTS), effects)
    if decision.outcome is not Outcome.ALLOW:
        write_audit(connection, _entry(decision))
    return {decision.id}


def _replace_late(connection: Connection, decision: MessageDecision) -> None:
    """Let a decision take the place of one on the same text that could not be made in time."""
    from sqlalchemy import delete, select, update

    from framework.moderation.decisions.tables import DECISIONS as D
    from framework.moderation.decisions.tables import EFFECTS

    same = (D.c.message_id == rows.clean(decision.message_id)) & (D.c.content == decision.content)
    late = connection.execute(select(D.c.id).where(same & (D.c.late != "[]"))).scalar_one_or_none()
    if late is None:
        return
    theirs = update(EFFECTS).where(EFFECTS.c.decision == late)
    connection.execute(theirs.values(decision=decision.id, number=EFFECTS.c.number + _EARLIER))
    connection.execute(delete(D).where(D.c.id == late))


def _entry(decision: MessageDecision) -> Entry:
    """The line of the audit log. The text itself is not in it."""
    rules = [{"rule": hit.name, "where": hit.where, "found": list(hit.found)} for hit in decision.rules]
    about = {"message": decision.message_id, "content": decision.content, "rules": rules}
    return Entry(
        at=decision.at.isoformat(),
        who=decision.bot,
        caller=decision.user_id,
        channel=decision.channel,
        acts_as="app",
        operation="moderation",
        arguments=rows.as_json(about),
        outcome="done",
        detail=str(decision.outcome),
    )


def unknown(
    connection: Connection, messages: Collection[tuple[str, str, str]], since: float
) -> set[tuple[str, str, str]]:
    """Return those of these messages that have no decision on their texts."""
    from sqlalchemy import select

    from framework.moderation.decisions.tables import DECISIONS as D

    ids = {rows.clean(id_) for id_, _, _ in messages}
    query = select(D.c.message_id, D.c.content).where(D.c.message_id.in_(list(ids)) & (D.c.late == "[]"))
    known = {(row.message_id, row.content) for row in connection.execute(query)}
    left = set()
    for given, channel, content in sorted(messages):
        id_ = rows.clean(given)
        if (id_, content) not in known and not _name(connection, id_, channel, content, since):
            left.add((given, channel, content))
    return left


def _name(connection: Connection, id_: str, channel: str, content: str, since: float) -> bool:
    """Give a decision that was made on a message without an id its message."""
    from sqlalchemy import select, update

    from framework.moderation.decisions.tables import DECISIONS as D
    from framework.moderation.decisions.tables import EFFECTS

    fits = (D.c.message_id == "") & (D.c.content == content) & (D.c.channel == rows.clean(channel))
    # A refused message is never posted, so a message with the same texts is another one.
    fits &= (D.c.at >= since) & (D.c.outcome != str(Outcome.REJECT))
    query = select(D.c.id).where(fits).order_by(D.c.at).limit(1)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        return False
    named = update(D).where((D.c.id == found) & (D.c.message_id == "")).values(message_id=id_)
    if connection.execute(named).rowcount != 1:
        return False
    waiting = (EFFECTS.c.decision == found) & (EFFECTS.c.state == "open") & (EFFECTS.c.kind != "hold")
    connection.execute(update(EFFECTS).where(waiting).values(due=0.0))  # they waited for the id
    return True


def last(connection: Connection, count: int, where: Mapping[str, str]) -> list[LoggedDecision]:
    """Return the newest decisions that fit, oldest first."""
    from framework.moderation.decisions.tables import DECISIONS as D

    wanted = D.c.id != ""
    for name, value in where.items():
        wanted &= D.c[name] == value
    if "outcome" not in where:
        wanted &= (D.c.outcome != str(Outcome.ALLOW)) | (D.c.rules != "[]") | (D.c.late != "[]")
    return list(reversed(_logged(connection, wanted, count)))


def of_message(connection: Connection, message_id: str) -> list[LoggedDecision]:
    """Return all decisions on a message, oldest first."""
    from framework.moderation.decisions.tables import DECISIONS as D

    return list(reversed(_logged(connection, D.c.message_id == rows.clean(message_id), 1_000)))


def _logged(connection: Connection, wanted: ColumnElement[bool], count: int) -> list[LoggedDecision]:
    """The newest first."""
    from sqlalchemy import select

    from framework.moderation.decisions.tables import DECISIONS, EFFECTS

    query = select(DECISIONS).where(wanted).order_by(DECISIONS.c.at.desc(), DECISIONS.c.id).limit(count)
    found = [rows.decision_of(dict(row)) for row in connection.execute(query).mappings()]
    followed = select(EFFECTS).where(EFFECTS.c.decision.in_([one.id for one in found])).order_by(EFFECTS.c.number)
    effects: dict[str, list[LoggedEffect]] = {}
    for row in connection.execute(followed).mappings():
        effects.setdefault(row["decision"], []).append(rows.logged_effect(dict(row)))
    return [LoggedDecision(one, tuple(effects.get(one.id, ()))) for one in found]


def take(connection: Connection, now: float, until: float, count: int, bots: Collection[str]) -> list[DueEffect]:
    """Take effects that are due at `now`, until `until`."""
    from sqlalchemy import select, update

    from framework.moderation.decisions.tables import DECISIONS, EFFECTS

    is_due = (EFFECTS.c.state == "open") & (EFFECTS.c.due <= now)
    query = (
        select(
            EFFECTS.c.number,
            EFFECTS.c.kind,
            EFFECTS.c.details,
            EFFECTS.c.tries,
            EFFECTS.c.due.label("was_due"),
            DECISIONS,
        )
        .join(DECISIONS, DECISIONS.c.id == EFFECTS.c.decision)
        .where(is_due & DECISIONS.c.bot.in_(list(bots)))
        .order_by(EFFECTS.c.due, EFFECTS.c.decision, EFFECTS.c.number)
        .limit(count)
    )
    taken = []
    for row in connection.execute(query).mappings().all():
        mine = (EFFECTS.c.decision == row["id"]) & (EFFECTS.c.number == row["number"])
        mine &= (EFFECTS.c.state == "open") & (EFFECTS.c.due == row["was_due"])
        lease = update(EFFECTS).where(mine).values(due=until, tries=row["tries"] + 1)
        if connection.execute(lease).rowcount:
            decision = rows.decision_of(dict(row))
            details = json.loads(row["details"])
            taken.append(DueEffect(decision, row["number"], row["kind"], details, row["tries"] + 1))
    return taken


def held(connection: Connection, bots: Collection[str]) -> list[DueEffect]:
    """Return the messages that wait for the team."""
    from sqlalchemy import select

    from framework.moderation.decisions.tables import DECISIONS, EFFECTS

    waits = (EFFECTS.c.kind == "hold") & (EFFECTS.c.state == "open") & DECISIONS.c.bot.in_(list(bots))
    query = (
        select(EFFECTS.c.number, EFFECTS.c.kind, EFFECTS.c.tries, DECISIONS)
        .join(DECISIONS, DECISIONS.c.id == EFFECTS.c.decision)
        .where(waits)
        .order_by(DECISIONS.c.at)
    )
    found = connection.execute(query).mappings().all()
    return [DueEffect(rows.decision_of(dict(row)), row["number"], row["kind"], {}, row["tries"]) for row in found]


def alerted(connection: Connection, decision: str) -> list[str]:
    """Return the channels that are told of a decision."""
    from sqlalchemy import select

    from framework.moderation.decisions.tables import EFFECTS

    query = select(EFFECTS.c.details).where((EFFECTS.c.decision == decision) & (EFFECTS.c.kind == "alert"))
    return [json.loads(details)["channel"] for details in connection.execute(query).scalars()]


def change(connection: Connection, effect: DueEffect, **values: Any) -> None:  # noqa: ANN401 - columns
    """Change an effect that the caller took and still has."""
    from sqlalchemy import update

    from framework.moderation.decisions.tables import EFFECTS

    mine = (EFFECTS.c.decision == effect.decision.id) & (EFFECTS.c.number == effect.number)
    mine &= (EFFECTS.c.state == "open") & (EFFECTS.c.tries == effect.tries)
    connection.execute(update(EFFECTS).where(mine).values(**values))


def looked(connection: Connection, scope: str) -> float | None:
    """Return up to when a scope was looked at."""
    from sqlalchemy import select

    from framework.moderation.decisions.tables import LOOKED

    found: float | None = connection.execute(select(LOOKED.c.until).where(LOOKED.c.scope == scope)).scalar_one_or_none()
    return found


def look(connection: Connection, scope: str, until: float) -> None:
    """Note up to when a scope was looked at."""
    from framework.moderation.decisions.tables import LOOKED

    new = upsert(connection.dialect.name)(LOOKED).values(scope=scope, until=until)
    later = LOOKED.c.until < until
    connection.execute(new.on_conflict_do_update(index_elements=[LOOKED.c.scope], set_={"until": until}, where=later))


def erase(connection: Connection, user_id: str) -> int:
    """Delete the decisions on a person's messages."""
    from framework.moderation.decisions.tables import DECISIONS

    return _delete(connection, DECISIONS.c.user_id == rows.clean(user_id))


def clean(connection: Connection, before: float, allowed_before: float) -> int:
    """Delete decisions from before these times; the second one is for those that let a message pass."""
    from framework.moderation.decisions.tables import DECISIONS

    passed = (DECISIONS.c.outcome == str(Outcome.ALLOW)) & (DECISIONS.c.rules == "[]")
    old = (DECISIONS.c.at < before) | (passed & (DECISIONS.c.at < allowed_before))
    return _delete(connection, old)


def blank(connection: Connection, before: float) -> int:
    """Delete the texts of what was decided before this time."""
    from sqlalchemy import update

    from framework.moderation.decisions.tables import DECISIONS

    old = (DECISIONS.c.at < before) & (DECISIONS.c.text != "")
    return connection.execute(update(DECISIONS).where(old).values(text="")).rowcount


def _delete(connection: Connection, wanted: ColumnElement[bool]) -> int:
    from sqlalchemy import delete, select

    from framework.moderation.decisions.tables import DECISIONS, EFFECTS

    connection.execute(delete(EFFECTS).where(EFFECTS.c.decision.in_(select(DECISIONS.c.id).where(wanted))))
    return connection.execute(delete(DECISIONS).where(wanted)).rowcount
