"""The statements of the ledger, each inside a transaction of its caller. Times are seconds of the epoch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, insert, or_, select, update

from framework.campaigns.run import OPEN_PARTS, CampaignRun, PartState, RunPart, RunSettings, RunState, moment_of
from framework.campaigns.tables import MARKS, PARTS, PEOPLE, RUNS

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, RowMapping

    from framework.campaigns.plan import CampaignPlan

_BATCH = 5_000
_EVERYBODY = ""


@dataclass(frozen=True)
class EndedPart:
    """How a part of a bot's campaign ended: how many people got the message, as the chat service counts, and how many
    did not.
    """

    bot: str
    sent: int
    missed: int


def lock(connection: Connection) -> None:
    """Let one transaction at a time, over all processes, decide who gets what."""
    from framework.storage.connection import upsert

    added = upsert(connection.dialect.name)(MARKS).values(scope=_EVERYBODY, looked_until=0.0)
    kept = added.on_conflict_do_update(index_elements=["scope"], set_={"looked_until": MARKS.c.looked_until + 1})
    connection.execute(kept)


def service_id(campaign: str, run: int, part: int) -> str:
    """Return the id of a part in the chat service: the campaign's own name for the first one of all."""
    return campaign if (run, part) == (1, 1) else f"{campaign}-r{run}-p{part}"


def add_run(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a run."""
    connection.execute(insert(RUNS).values(**values))


def add_plan(connection: Connection, plan: CampaignPlan, run: str, scope: str, campaign: str, number: int) -> None:
    """Add the parts of a run and a row for each person."""
    place: dict[str, int] = {}
    parts: list[dict[str, Any]] = []
    for index, part in enumerate(plan.parts, 1):
        place |= dict.fromkeys(part.user_ids, index)
        parts.append(
            {
                "run": run, "number": index, "service_id": service_id(campaign, number, index), "state": "waiting",
                "reason": "", "due": part.due.timestamp(), "ends": part.ends.timestamp() if part.ends else None,
                "zone": part.zone, "variant": part.variant, "language": part.language, "text": part.template,
                "stamp": "", "sent": 0, "read": 0, "progress": 0.0,
            }
        )  # fmt: skip
    if parts:
        connection.execute(insert(PARTS), parts)
    common = {"run": run, "scope": scope, "campaign": campaign}
    people: list[dict[str, Any]] = [
        {**common, "user_id": one.id, "part": place[one.id], "state": "planned", "reason": "", "variant": one.variant}
        for one in plan.recipients
    ]
    people += [
        {
            **common, "user_id": user_id, "part": None, "state": "left_out", "reason": reason,
            "variant": plan.variants.get(user_id, ""),
        }
        for user_id, reason in plan.left_out.items()
    ]  # fmt: skip
    for begin in range(0, len(people), _BATCH):
        connection.execute(insert(PEOPLE), people[begin : begin + _BATCH])


def next_number(connection: Connection, scope: str, campaign: str) -> int:
    """Return the number of a campaign's next run."""
    last = select(func.max(RUNS.c.number)).where(RUNS.c.scope == scope, RUNS.c.campaign == campaign)
    return int(connection.execute(last).scalar() or 0) + 1


def run(connection: Connection, run_id: str) -> CampaignRun:
    """Return one run."""
    return _run(connection.execute(select(RUNS).where(RUNS.c.id == run_id)).mappings().one())


def run_of(connection: Connection, scope: str, campaign: str, occurrence: str) -> CampaignRun | None:
    """Return the run of an occurrence."""
    where = (RUNS.c.scope == scope, RUNS.c.campaign == campaign, RUNS.c.occurrence == occurrence)
    found = connection.execute(select(RUNS).where(*where)).mappings().one_or_none()
    return None if found is None else _run(found)


def runs(connection: Connection, scope: str, campaign: str, states: Sequence[RunState]) -> list[CampaignRun]:
    """Return runs, the latest first."""
    query = select(RUNS).where(RUNS.c.scope == scope).order_by(RUNS.c.created_at.desc(), RUNS.c.number.desc())
    if campaign:
        query = query.where(RUNS.c.campaign == campaign)
    if states:
        query = query.where(RUNS.c.state.in_(states))
    return [_run(row) for row in connection.execute(query).mappings()]


def parts(connection: Connection, run_id: str) -> list[RunPart]:
    """Return the parts of a run, in order."""
    sizes = (
        select(PEOPLE.c.part, func.count().label("people"))
        .where(PEOPLE.c.run == run_id, PEOPLE.c.part.is_not(None), PEOPLE.c.state != "left_out")
        .group_by(PEOPLE.c.part)
        .subquery()
    )
    query = (
        select(PARTS, func.coalesce(sizes.c.people, 0).label("people"))
        .outerjoin(sizes, sizes.c.part == PARTS.c.number)
        .where(PARTS.c.run == run_id)
        .order_by(PARTS.c.due, PARTS.c.number)
    )
    return [_part(row) for row in connection.execute(query).mappings()]


def drive(connection: Connection, run_id: str, driver: str, now: float, until: float) -> bool:
    """Take a run, or keep it, unless another process has it."""
    free = or_(RUNS.c.driver == driver, RUNS.c.driven_until < now)
    taken = update(RUNS).where(RUNS.c.id == run_id, free).values(driver=driver, driven_until=until)
    return connection.execute(taken).rowcount > 0


def set_run(
    connection: Connection, run_id: str, state: RunState, reason: str, now: datetime, *, was: RunState | None = None
) -> bool:
    """Change a run's state."""
    change = update(RUNS).where(RUNS.c.id == run_id).values(state=state, reason=reason, updated_at=now.timestamp())
    return connection.execute(change if was is None else change.where(RUNS.c.state == was)).rowcount > 0


def resume(connection: Connection, run_id: str, now: datetime) -> None:
    """Let a stopped run go on, with its stopped parts."""
    if set_run(connection, run_id, "running", "", now, was="stopped"):
        stopped = (PARTS.c.run == run_id, PARTS.c.state == "stopped")
        connection.execute(update(PARTS).where(*stopped).values(reason=""))


def set_part(
    connection: Connection, run_id: str, number: int, state: PartState, now: float, values: Mapping[str, object]
) -> bool:
    """Change a part. False: it had come to its end before."""
    times = {"started_at": now} if state == "running" else {}
    change = update(PARTS).where(PARTS.c.run == run_id, PARTS.c.number == number, PARTS.c.state.in_(OPEN_PARTS))
    return connection.execute(change.values(state=state, **{**times, **values})).rowcount > 0


def count(connection: Connection, run_id: str, number: int, sent: int, read: int) -> None:
    """Note figures of a part, whatever its state."""
    where = (PARTS.c.run == run_id, PARTS.c.number == number)
    connection.execute(update(PARTS).where(*where).values(sent=sent, read=read))


def settle(
    connection: Connection, run_id: str, number: int, state: PartState, people: str, reason: str, now: float
) -> EndedPart | None:
    """End a part, and say what became of its people. None: it had come to its end before."""
    ended = set_part(connection, run_id, number, state, now, {"reason": reason, "ended_at": now})
    theirs = and_(PEOPLE.c.run == run_id, PEOPLE.c.part == number, PEOPLE.c.state.in_(("planned", "claimed")))
    count_ = connection.execute(update(PEOPLE).where(theirs).values(state=people, reason=reason)).rowcount
    if not ended:
        return None
    query = select(RUNS.c.bot, PARTS.c.sent).join(PARTS, PARTS.c.run == RUNS.c.id)
    bot, sent = connection.execute(query.where(RUNS.c.id == run_id, PARTS.c.number == number)).one()
    return EndedPart(bot, sent, max(0, count_ - sent))


def postpone(connection: Connection, run_id: str, number: int, due: float) -> None:
    """Send a part later."""
    connection.execute(update(PARTS).where(PARTS.c.run == run_id, PARTS.c.number == number).values(due=due))


def people_in(connection: Connection, run_id: str, number: int, state: str) -> tuple[str, ...]:
    """Return the people of a part who are in a state, by id."""
    query = select(PEOPLE.c.user_id).where(PEOPLE.c.run == run_id, PEOPLE.c.part == number, PEOPLE.c.state == state)
    return tuple(connection.execute(query.order_by(PEOPLE.c.user_id)).scalars())


def launched(connection: Connection, run_id: str, since: float) -> int:
    """Return how many people were claimed since a time."""
    query = select(func.count()).where(PEOPLE.c.run == run_id, PEOPLE.c.claimed_at > since)
    return int(connection.execute(query).scalar_one())


def stamp_of(run_: CampaignRun, number: int, text: str, user_ids: Sequence[str]) -> str:
    """Return what tells a part's campaign in the chat service from any other."""
    said = json.dumps([run_.id, number, text, sorted(user_ids)])
    return f"{run_.bot}, run {run_.number}, part {number} [{hashlib.sha256(said.encode()).hexdigest()[:16]}]"


def _run(row: RowMapping) -> CampaignRun:
    settings = json.loads(row["settings"])
    settings["words"] = tuple(settings["words"])
    kept = {name: row[name] for name in ("id", "scope", "bot", "campaign", "number", "occurrence", "state", "reason")}
    return CampaignRun(
        **kept,
        settings=RunSettings(**settings),
        fingerprint=row["fingerprint"],
        created_at=datetime.fromtimestamp(row["created_at"], UTC),
        updated_at=datetime.fromtimestamp(row["updated_at"], UTC),
    )


def _part(row: RowMapping) -> RunPart:
    same = (
        "run", "number", "service_id", "state", "reason", "zone", "variant", "language", "text", "stamp", "sent",
        "read", "progress", "people",
    )  # fmt: skip
    return RunPart(
        **{name: row[name] for name in same},
        due=datetime.fromtimestamp(row["due"], UTC),
        ends=moment_of(row["ends"]),
        started_at=moment_of(row["started_at"]),
    )
