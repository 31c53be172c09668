"""The table of amounts. Import this module late: SQLAlchemy costs half a second."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, MetaData, PrimaryKeyConstraint, Table, Text

METADATA = MetaData()
AMOUNTS = Table(
    "tool_amounts",
    METADATA,
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("bot", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("at", Double, nullable=False),  # seconds since 1970
    Column("amount", Double, nullable=False),
    PrimaryKeyConstraint("key", "name"),
)
Index("tool_amounts_payer", AMOUNTS.c.bot, AMOUNTS.c.tool, AMOUNTS.c.user_id, AMOUNTS.c.at)
