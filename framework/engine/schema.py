"""The engine's tables, the same on SQLite and Postgres. This module costs half a second to import: import it late."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ColumnElement,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    bindparam,
    inspect,
    literal_column,
    select,
    update,
)
from sqlalchemy.engine import Connection

from framework.engine.owners import number_of
from framework.errors import EngineError

VERSION = 3
"""Raised with every change of a table; an older program refuses a newer database."""

_METADATA = MetaData()
# Compared and ordered by code point, as Python and SQLite do, whatever the language of the database.
_NAME = Text().with_variant(Text(collation="C"), "postgresql")

JOBS = Table(
    "engine_jobs",
    _METADATA,
    Column("key", _NAME, primary_key=True),
    Column("lane", _NAME, nullable=False),
    Column("order", _NAME, nullable=False),
    Column("payload", Text, nullable=False),
    Column("delay", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("due", Double, nullable=False),
    Column("attempt", Integer, nullable=False),  # with `owner` the fencing token: it never goes back
    Column("forgiven", Integer, nullable=False),  # attempts before a person had it tried again
    Column("crashes", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("accepted", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("steps", Text),  # the names of finished steps, once their results were deleted
    # Empty is anybody's, which is what a program writes that knows of no scopes.
    Column("scope", _NAME, nullable=False, server_default=""),
    Column("partition", Integer),  # null where a program of a version before partitions wrote it
)
STEPS = Table(
    "engine_steps",
    _METADATA,
    Column("key", _NAME, nullable=False),
    Column("name", _NAME, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("key", "name"),
)
# Which replica runs the jobs of a partition, a share of the lanes of a scope; empty: none does.
OWNERS = Table(
    "engine_owners",
    _METADATA,
    Column("scope", _NAME, nullable=False),
    Column("number", Integer, nullable=False),
    Column("owner", Text, nullable=False, index=True),
    PrimaryKeyConstraint("scope", "number"),
)
REPLICAS = Table(
    "engine_replicas",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("beat", Integer, nullable=False),
    Column("seen", Double, nullable=False),
    Column("serves", Text),  # JSON, see `owners.serves`; null where the program is of a version before partitions
)
# What replicas say to each other where the database has no voice of its own (SQLite). Kept for a minute.
NOTES = Table(
    "engine_notes",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("sender", Text, nullable=False),
    Column("text", Text, nullable=False),
    sqlite_autoincrement=True,  # a number that was given is never given again
)
_SCHEMA = Table("engine_schema", _METADATA, Column("version", Integer, nullable=False))

# Literals, not parameters: only so can a database see that a partial index covers the question.
WAITING: ColumnElement[str] = literal_column("'waiting'")
SETTLED: ColumnElement[str] = literal_column("'settled'")
RUNNING: ColumnElement[str] = literal_column("'running'")


_WAITS, _RUNS = "state = 'waiting'", "state = 'running'"
# As text, which both databases read alike: an `Index` with conditions for Postgres imports all of its dialect (50 ms).
_PARTIAL_INDEXES = (
    f'INDEX engine_jobs_next ON engine_jobs (scope, partition, "order", key) WHERE {_WAITS}',
    # What makes two running jobs of one lane impossible, whatever a program gets wrong.
    f"UNIQUE INDEX engine_jobs_running ON engine_jobs (lane) WHERE {_RUNS}",
    f"INDEX engine_jobs_owner ON engine_jobs (owner) WHERE {_RUNS}",
    "INDEX engine_jobs_untrimmed ON engine_jobs (updated) WHERE state = 'settled' AND steps IS NULL",
)
Index("engine_jobs_state", JOBS.c.state, JOBS.c.updated)
_FORMER_INDEXES = ("engine_jobs_waiting", "engine_jobs_suspected")
_FORMER_TABLE = "engine_lanes"


def prepare(connection: Connection) -> None:
    """Create what is missing. The caller holds a lock against others doing the same.

    Raises EngineError where a newer version of this program wrote the tables.
    """
    if not inspect(connection).has_table(_SCHEMA.name):
        _METADATA.create_all(connection)
        _create_indexes(connection)
        connection.execute(_SCHEMA.insert().values(version=VERSION))
        return
    found = check_version(connection)
    if found < VERSION:
        _upgrade(connection, found)


def check_version(connection: Connection) -> int:
    """Return the version of the tables. Raises EngineError if a newer version of this program wrote them."""
    found: int = connection.execute(select(_SCHEMA.c.version)).scalar_one()
    if found > VERSION:
        raise EngineError(
            f"The database was written by a newer version of this program (its tables: {found}, ours: {VERSION}).",
            hint="Install the newer version, or give this one a database of its own by DATABASE_URL.",
        )
    return found


def retire_former(connection: Connection) -> set[str]:
    """No program of a version before partitions runs any more: give its jobs their partitions, and drop what only such
    programs need. Returns the scopes of these jobs.
    """
    scopes = _number_jobs(connection)
    for index in _FORMER_INDEXES:
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {index}")
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_FORMER_TABLE}")
    return scopes


def _number_jobs(connection: Connection) -> set[str]:
    """Give the jobs that are to run, or may be tried again, the partitions of their lanes. Returns their scopes."""
    lacking = JOBS.c.partition.is_(None) & (JOBS.c.state != SETTLED)
    found = connection.execute(select(JOBS.c.lane, JOBS.c.scope).where(lacking).distinct())
    lanes = {row.lane: row.scope for row in found}
    if lanes:
        given = update(JOBS).where(JOBS.c.lane == bindparam("of"), lacking).values(partition=bindparam("number"))
        connection.execute(given, [{"of": lane, "number": number_of(lane)} for lane in lanes])
    return set(lanes.values())


def _create_indexes(connection: Connection) -> None:
    """Those that are missing."""
    for index in _PARTIAL_INDEXES:
        connection.exec_driver_sql(f"CREATE {index.replace('INDEX', 'INDEX IF NOT EXISTS', 1)}")


def _upgrade(connection: Connection, found: int) -> None:
    """From version 1 or 2. Programs of these versions that still run go on; ours start no job until they have ended."""
    postgres = connection.dialect.name == "postgresql"
    if found < 2:
        name = 'TEXT COLLATE "C"' if postgres else "TEXT"
        for table in (JOBS.name, _FORMER_TABLE):
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN scope {name} NOT NULL DEFAULT ''")
        NOTES.create(connection)
    connection.exec_driver_sql(f"ALTER TABLE {JOBS.name} ADD COLUMN partition INTEGER")
    connection.exec_driver_sql(f"ALTER TABLE {REPLICAS.name} ADD COLUMN serves TEXT")
    OWNERS.create(connection)
    _create_indexes(connection)
    connection.execute(_SCHEMA.update().values(version=VERSION))
