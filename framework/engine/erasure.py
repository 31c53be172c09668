"""What the engine keeps of a person, and how it is let go."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from framework.storage import Schema

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection

_BATCH = 500


@dataclass(frozen=True)
class Erased:
    """How many jobs lost their texts, how many of them had not run, and how many run just now: these end first."""

    jobs: int = 0
    waiting: int = 0
    running: int = 0


def left_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What stays of a job's payload once it is settled: as it is, or what stands under `kept`, which holds no texts."""
    kept = payload.get("kept")
    return dict(kept) if isinstance(kept, Mapping) else dict(payload)


def _no_tables() -> MetaData:
    from sqlalchemy import MetaData

    return MetaData()


SCHEMA = Schema("erasure", version=1, tables=_no_tables)
"""No tables of its own: the engine makes those that are looked into."""


def erase(connection: Connection, user_id: str, now: float) -> Erased:
    """Empty the jobs of a person: those of their messages, and those of their reactions.

    The keys stay, so that no message is answered once more. What waits or is dead does not run any more. Results of
    steps go with all jobs that are settled, whosever they are: a conversation that one of them kept may quote the
    person.
    """
    from sqlalchemy import delete, inspect, select, update

    from framework.engine.schema import JOBS, STEPS

    if not inspect(connection).has_table(JOBS.name):
        return Erased()  # no bot ever ran with this database
    quoted = json.dumps(user_id)
    pattern = "%" + quoted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    columns = (JOBS.c.key, JOBS.c.state, JOBS.c.payload)
    query = select(*columns).where(JOBS.c.payload.like(pattern, escape="\\"))
    found = [row for row in connection.execute(query).mappings() if is_of(json.loads(row["payload"]), user_id)]
    done = [row for row in found if row["state"] != "running"]
    for row in done:
        change: dict[str, Any] = {"payload": "{}", "error": ""}
        if row["state"] in {"waiting", "dead"}:
            change |= {"state": "settled", "outcome": "erased", "updated": now}
        connection.execute(update(JOBS).where(JOBS.c.key == row["key"], JOBS.c.state == row["state"]).values(**change))
    keys = [row["key"] for row in done]
    for start in range(0, len(keys), _BATCH):
        connection.execute(delete(STEPS).where(STEPS.c.key.in_(keys[start : start + _BATCH])))
    _drop_results(connection)
    states = [row["state"] for row in found]
    return Erased(len(done), states.count("waiting"), states.count("running"))


def people_of(connection: Connection, keys: Collection[str]) -> dict[str, str]:
    """By the keys of jobs, the users whose jobs they are; those that are no longer kept are left out."""
    from sqlalchemy import inspect, select

    from framework.engine.schema import JOBS

    if not keys or not inspect(connection).has_table(JOBS.name):
        return {}
    rows = connection.execute(select(JOBS.c.key, JOBS.c.payload).where(JOBS.c.key.in_(list(keys))))
    return {row.key: _user_of(json.loads(row.payload)) for row in rows}


def _drop_results(connection: Connection) -> None:
    """Delete what steps of settled jobs came to; their names stay, as when they get old."""
    from sqlalchemy import delete, select, update

    from framework.engine.schema import JOBS, SETTLED, STEPS

    query = select(STEPS.c.key, STEPS.c.name).join(JOBS, JOBS.c.key == STEPS.c.key).where(JOBS.c.state == SETTLED)
    names: dict[str, list[str]] = {}
    for key, name in connection.execute(query.order_by(STEPS.c.key, STEPS.c.name)):
        names.setdefault(key, []).append(name)
    for key, steps in names.items():
        connection.execute(update(JOBS).where(JOBS.c.key == key).values(steps=json.dumps(steps)))
        connection.execute(delete(STEPS).where(STEPS.c.key == key))


def _user_of(payload: Mapping[str, Any]) -> str:
    trigger = payload.get("trigger") or {}
    return str((trigger.get("user") or {}).get("id", ""))


def is_of(payload: Mapping[str, Any], user_id: str) -> bool:
    """Whether a job is about a message or a reaction of this user."""
    trigger = payload.get("trigger") or {}
    return any((user or {}).get("id") == user_id for user in (trigger.get("user"), payload.get("user")))
