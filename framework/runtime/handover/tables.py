"""The tables of handovers. This module costs half a second to import: import it late."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, PrimaryKeyConstraint, Table, Text

METADATA = MetaData()
# One row a channel, so that reading the state of a channel is one look by its key, and two replicas cannot open two.
STATES = Table(
    "handovers",
    METADATA,
    Column("scope", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("scope", "channel"),
)
NUMBERS = Table(
    "handover_numbers",
    METADATA,
    Column("scope", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("next", Integer, nullable=False),
    PrimaryKeyConstraint("scope", "name"),
)
FAILURES = Table(
    "handover_failures",
    METADATA,
    Column("scope", Text, nullable=False),
    Column("talk", Text, nullable=False),
    Column("turn", Text, nullable=False),
    Column("before", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("scope", "talk"),
)
