"""The table of pauses. This module costs half a second to import: import it late."""

from __future__ import annotations

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, Table, Text

METADATA = MetaData()
PAUSES = Table(
    "pauses",
    METADATA,
    Column("bot", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
    PrimaryKeyConstraint("bot", "channel"),
)
