"""The table of schedules. Import this module late: SQLAlchemy costs half a second. Times are seconds of the epoch."""

from __future__ import annotations

from sqlalchemy import Column, Double, MetaData, PrimaryKeyConstraint, Table, Text

METADATA = MetaData()
SCHEDULES = Table(
    "schedules",
    METADATA,
    Column("scope", Text, nullable=False),
    Column("schedule", Text, nullable=False),
    Column("place", Text, nullable=False),  # a channel
    Column("since", Double, nullable=False),
    Column("looked_until", Double, nullable=False),
    PrimaryKeyConstraint("scope", "schedule", "place"),
)
