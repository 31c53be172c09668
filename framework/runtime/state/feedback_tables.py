"""The table of feedback. This module costs half a second to import: import it late."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, MetaData, PrimaryKeyConstraint, Table, Text

METADATA = MetaData()
VOTES = Table(
    "feedback",
    METADATA,
    Column("bot", Text, nullable=False),
    Column("reply", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("reaction", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("at", Text, nullable=False),  # ISO 8601 in UTC with microseconds, so that texts are ordered as times
    Column("given", Boolean, nullable=False),
    PrimaryKeyConstraint("bot", "reply", "user", "reaction"),
    Index("feedback_user", "user"),
)
