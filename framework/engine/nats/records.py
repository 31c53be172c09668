"""What is written to NATS: the subjects of a partition, and a job with what is known of it, as JSON.

All that concerns a partition is in one stream, so that each write can name the partition's epoch:

    engine.K.jobs.SCOPE.N.KEY          a job that waits or runs
    engine.K.jobs.SCOPE.N.$            who owns the partition; the sequence of this message is the epoch
    engine.K.steps.SCOPE.N.KEY.STEP    what a finished step came to
    engine.K.done.SCOPE.N.KEY          a job that is settled
    engine.K.dead.SCOPE.N.KEY          one that was given up
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from framework.engine.orders import Kept, Partition
from framework.engine.owners import partition_of
from framework.engine.port import Job, Record, State
from framework.errors import EngineError

STREAMS = 8
"""Over how many streams the partitions are spread. A number that never changes."""

VERSION = 1
"""Of the records. Raised with every change that an older program would misunderstand."""

_ROOT = "engine"
_OWNER = "$"  # no key is encoded so
_EMPTY = "%"  # nor this


def stream_name(number: int) -> str:
    """The name of a stream."""
    return f"ENGINE-{number}"


def subjects_of(number: int) -> list[str]:
    """What a stream keeps."""
    return [f"{_ROOT}.{number}.>"]


def stream_of(subject: str) -> int:
    """The number of the stream that keeps a subject."""
    return int(subject.split(".", 2)[1])


def encoded(text: str) -> str:
    """A key, scope or step as one token of a subject. No two are encoded alike."""
    return quote(text, safe="", errors="surrogatepass").replace(".", "%2E").replace("~", "%7E") or _EMPTY


def decoded(token: str) -> str:
    """The text that was encoded."""
    return "" if token == _EMPTY else unquote(token, errors="surrogatepass")


def partition_in(subject: str) -> tuple[Partition, str]:
    """The partition and the encoded key that a subject of `jobs` names; the key is empty for the owner's."""
    _, _, _, scope, number, key = subject.split(".", 5)
    return Partition(decoded(scope), int(number)), "" if key == _OWNER else key


def at(partition: Partition, kind: str, key: str, *more: str) -> str:
    """The subject of something in a partition. Keys and steps are given encoded."""
    scope, number = partition
    stem = f"{_ROOT}.{number % STREAMS}.{kind}.{encoded(scope)}.{number}.{key}"
    return ".".join((stem, *more))


def owner_at(partition: Partition) -> str:
    """The subject that says who owns a partition."""
    return at(partition, "jobs", _OWNER)


def everywhere(number: int, kind: str, scope: str | None = None) -> str:
    """All subjects of a kind in a stream, of one scope or of all."""
    return f"{_ROOT}.{number}.{kind}.{'*' if scope is None else encoded(scope)}.*.*"


def any_kind(number: int, key: str) -> str:
    """All that is kept of a key in a stream, but for steps."""
    return f"{_ROOT}.{number}.*.*.*.{key}"


def owners_in(number: int) -> str:
    """The owners of all partitions of a stream."""
    return f"{_ROOT}.{number}.jobs.*.*.{_OWNER}"


HEARTBEATS = f"{_ROOT}.0.heartbeat.*"


def heartbeat_at(identity: str) -> str:
    """Where a replica says that it lives."""
    return f"{_ROOT}.0.heartbeat.{encoded(identity)}"


def call_at(identity: str) -> str:
    """Where a replica is asked something. Nothing is kept there."""
    return f"{_ROOT}-call.{encoded(identity)}"


@dataclass
class JobRecord:
    """A job as NATS keeps it. `wait`: seconds after its writing before it starts. Times are seconds since 1970."""

    job: Job
    accepted: float
    updated: float
    state: State = "waiting"
    owner: str = ""
    attempt: int = 0
    forgiven: int = 0
    crashes: int = 0
    wait: float = 0.0
    outcome: str = ""
    error: str = ""
    steps: tuple[str, ...] = ()

    @property
    def partition(self) -> Partition:
        """The partition of the job's lane."""
        return partition_of(self.job)

    @property
    def key(self) -> str:
        """The job's key as a token of a subject."""
        return encoded(self.job.key)

    def as_bytes(self, payload: Mapping[str, Any] | None = None) -> bytes:
        """The record as JSON; `payload` in place of the job's own."""
        job = self.job
        values = {
            "version": VERSION,
            "key": job.key,
            "lane": job.lane,
            "order": job.order,
            "payload": dict(job.payload if payload is None else payload),
            "delay": job.delay,
            "scope": job.scope,
            "accepted": self.accepted,
            "updated": self.updated,
            "state": self.state,
            "owner": self.owner,
            "attempt": self.attempt,
            "forgiven": self.forgiven,
            "crashes": self.crashes,
            "wait": self.wait,
            "outcome": self.outcome,
            "error": self.error,
            "steps": list(self.steps),
        }
        return json.dumps(values, separators=(",", ":")).encode()

    @classmethod
    def read(cls, data: bytes) -> JobRecord:
        """The record in JSON. Raises EngineError where a newer program wrote it."""
        values = json.loads(data)
        if values["version"] > VERSION:
            raise EngineError(
                f"A record in NATS was written by a newer version of this program "
                f"(its form: {values['version']}, ours: {VERSION}).",
                hint="Install the newer version, or give this one another NATS account by FRAMEWORK_JOURNAL.",
            )
        job = Job(values["key"], values["lane"], values["order"], values["payload"], values["delay"], values["scope"])
        names = ("accepted", "updated", "state", "owner", "attempt", "forgiven", "crashes", "wait", "outcome", "error")
        return cls(job, **{name: values[name] for name in names}, steps=tuple(values["steps"]))

    def shown(self) -> Record:
        """The job as people see it."""
        return Record(
            job=self.job,
            state=self.state,
            attempts=self.attempt - self.forgiven,
            accepted_at=datetime.fromtimestamp(self.accepted, UTC),
            updated_at=datetime.fromtimestamp(self.updated, UTC),
            owner=self.owner,
            outcome=self.outcome,
            error=self.error,
            steps=self.steps,
        )


@dataclass
class Held:
    """A job of a partition that is ours. `sequence`: of its newest record. `steps`: by name, sequence and JSON text."""

    record: JobRecord
    sequence: int
    steps: dict[str, tuple[int, str]] = field(default_factory=dict)

    def kept(self, wait: float) -> Kept:
        """The job for the lanes."""
        record = self.record
        steps = {name: text for name, (_, text) in self.steps.items()}
        return Kept(record.job, record.attempt, record.forgiven, record.crashes, wait, steps)
