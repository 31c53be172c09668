"""The table of the audit log. Import this module late: SQLAlchemy costs half a second."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, MetaData, Table, Text

METADATA = MetaData()
AUDIT = Table(
    "audit_log",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("caller", Text),
    Column("channel", Text),
    Column("acts_as", Text),
    Column("operation", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("milliseconds", Double),
    Column("approved_by", Text, nullable=False),
    Column("origin", Text, unique=True),  # where a line was copied from: it is copied once
    sqlite_autoincrement=True,
)
Index("audit_log_caller", AUDIT.c.caller)
