"""Jobs as rows of the engine's tables, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from framework.engine.port import APART, Job

if TYPE_CHECKING:
    from sqlalchemy.engine import RowMapping


def job_of(row: RowMapping) -> Job:
    """The job as it was accepted."""
    lane = row["lane"].partition(APART)[2] if APART in row["lane"] else row["lane"]
    return Job(row["key"], lane, row["order"], json.loads(row["payload"]), row["delay"], row["scope"])


def row_of(job: Job, now: float) -> dict[str, object]:
    """A job that was just accepted."""
    return {
        "key": job.key,
        "lane": job.place,
        "scope": job.scope,
        "order": job.order,
        "payload": json.dumps(dict(job.payload), separators=(",", ":")),
        "delay": float(job.delay),
        "state": "waiting",
        "due": now + job.delay,
        "attempt": 0,
        "forgiven": 0,
        "crashes": 0,
        "owner": "",
        "accepted": now,
        "updated": now,
        "outcome": "",
        "error": "",
        "steps": None,
    }


def scope_of(lane: str) -> str:
    """Whose a lane is, by its name."""
    return lane.partition(APART)[0] if APART in lane else ""
