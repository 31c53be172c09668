"""The tables of usage, beside the engine's. This module costs half a second to import: import it late."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

METADATA = MetaData()
SUMS = Table(
    "usage_sums",
    METADATA,
    Column("scope", Text, nullable=False),
    Column("day", Text, nullable=False, index=True),
    Column("tokens", BigInteger, nullable=False),
    Column("money", Double, nullable=False),
    Column("turns", Integer, nullable=False),
    PrimaryKeyConstraint("scope", "day"),
)
# Which turns are in the sums: what makes it harmless to tell of a turn twice.
COUNTED = Table(
    "usage_turns",
    METADATA,
    Column("turn", Text, primary_key=True),
    Column("day", Text, nullable=False, index=True),
)
# What turns that run now have set aside; it is in the sums as well. `at`: seconds since 1970.
RESERVED = Table(
    "usage_reservations",
    METADATA,
    Column("turn", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", Double, nullable=False, index=True),
    Column("tokens", BigInteger, nullable=False),
    Column("money", Double, nullable=False),
    PrimaryKeyConstraint("turn", "scope"),
)
Index("usage_reservations_person", RESERVED.c.person)
# Turns and tool calls of a scope that are limited by the minute or the day. `at`: seconds since 1970.
CALLS = Table(
    "usage_calls",
    METADATA,
    Column("scope", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", Double, nullable=False, index=True),
    PrimaryKeyConstraint("scope", "key"),
)
