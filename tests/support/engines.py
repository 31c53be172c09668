"""What tests ask of a durable engine beside its port."""

from __future__ import annotations

from framework.engine.durable import DurableEngine
from framework.engine.journal_database import DatabaseJournal
from framework.engine.liveness import Rhythm
from framework.engine.replica_lock import FileReplicaLock

UNHURRIED = Rhythm(lease=60.0)
"""Replicas that a test does not kill: on a busy machine, one that is slow is not taken for dead."""


def database_of(engine: DurableEngine) -> DatabaseJournal:
    """The journal of an engine on a database."""
    assert isinstance(engine._journal, DatabaseJournal)
    return engine._journal


def listens(engine: DurableEngine) -> bool:
    """Whether it hears notes: on Postgres from the start, on SQLite once it has seen what was said before."""
    if not isinstance(engine._journal, DatabaseJournal):
        return True
    presence = database_of(engine).replica._lock
    return not isinstance(presence, FileReplicaLock) or presence._read >= 0
