"""The engine's tables, the same on SQLite and Postgres. This module costs half a second to import: import it late."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    inspect,
    literal_column,
    select,
)
from sqlalchemy.engine import Connection

from framework.engine.port import SUSPECTED_AFTER
from framework.errors import EngineError

VERSION = 2
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
)
STEPS = Table(
    "engine_steps",
    _METADATA,
    Column("key", _NAME, nullable=False),
    Column("name", _NAME, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("key", "name"),
)
# A lane's head, kept beside the jobs: whoever looks for work reads one row a lane, however many jobs wait in it.
LANES = Table(
    "engine_lanes",
    _METADATA,
    Column("lane", _NAME, primary_key=True),
    Column("running", _NAME),
    Column("due", Double),  # when the head may start; null where nothing waits
    Column("since", Double, nullable=False),  # since when the lane waits for its turn
    Column("scope", _NAME, nullable=False, server_default=""),
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
SUSPECTED: ColumnElement[bool] = literal_column(f"(state = 'waiting' AND crashes >= {SUSPECTED_AFTER})", Boolean)
READY = LANES.c.running.is_(None) & LANES.c.due.is_not(None)


_WAITS, _RUNS = "state = 'waiting'", "state = 'running'"
_READY = "running IS NULL AND due IS NOT NULL"
# As text, which both databases read alike: an `Index` with conditions for Postgres imports all of its dialect (50 ms).
_PARTIAL_INDEXES = (
    f'INDEX engine_jobs_waiting ON engine_jobs (lane, "order", key) WHERE {_WAITS}',
    # What makes two running jobs of one lane impossible, whatever a program gets wrong.
    f"UNIQUE INDEX engine_jobs_running ON engine_jobs (lane) WHERE {_RUNS}",
    f"INDEX engine_jobs_owner ON engine_jobs (owner) WHERE {_RUNS}",
    f"INDEX engine_jobs_suspected ON engine_jobs (lane) WHERE {_WAITS} AND crashes >= {SUSPECTED_AFTER}",
    "INDEX engine_jobs_untrimmed ON engine_jobs (updated) WHERE state = 'settled' AND steps IS NULL",
    # The scope comes last: lanes that are others' to serve are passed over without a look at their rows.
    f"INDEX engine_lanes_turn ON engine_lanes (since, lane, due, scope) WHERE {_READY}",
    f"INDEX engine_lanes_when ON engine_lanes (due, scope) WHERE {_READY}",
)
Index("engine_jobs_state", JOBS.c.state, JOBS.c.updated)
_FORMER_INDEXES = ("engine_lanes_ready", "engine_lanes_due")


def prepare(connection: Connection) -> None:
    """Create what is missing. The caller holds a lock against others doing the same.

    Raises EngineError where a newer version of this program wrote the tables.
    """
    if not inspect(connection).has_table(_SCHEMA.name):
        _METADATA.create_all(connection)
        _create_indexes(connection)
        connection.execute(_SCHEMA.insert().values(version=VERSION))
        return
    found = connection.execute(select(_SCHEMA.c.version)).scalar_one()
    if found < VERSION:
        _upgrade(connection)
    elif found == VERSION:
        _create_indexes(connection)
    else:
        raise EngineError(
            f"The database was written by a newer version of this program (its tables: {found}, ours: {VERSION}).",
            hint="Install the newer version, or give this one a database of its own by DATABASE_URL.",
        )


def _create_indexes(connection: Connection) -> None:
    """Those that are missing. Whoever only asks for one that exists waits for nobody."""
    looked_up = inspect(connection)
    there = {index["name"] for table in (JOBS, LANES) for index in looked_up.get_indexes(table.name)}
    for index in _PARTIAL_INDEXES:
        if index.partition("INDEX ")[2].split()[0] not in there:
            connection.exec_driver_sql(f"CREATE {index}")


def _upgrade(connection: Connection) -> None:
    """From version 1. Programs of that version that still run go on: what they write is anybody's."""
    name = 'TEXT COLLATE "C"' if connection.dialect.name == "postgresql" else "TEXT"
    for table in (JOBS, LANES):
        connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN scope {name} NOT NULL DEFAULT ''")
    for index in _FORMER_INDEXES:
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {index}")
    NOTES.create(connection)
    _create_indexes(connection)
    connection.execute(_SCHEMA.update().values(version=VERSION))
