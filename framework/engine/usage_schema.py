"""The tables of usage, beside the engine's. This module costs half a second to import: import it late."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Integer, MetaData, PrimaryKeyConstraint, Table, Text

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
