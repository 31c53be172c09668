"""The table of approvals. Import this module late: SQLAlchemy costs half a second."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

METADATA = MetaData()
APPROVALS = Table(
    "approvals",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("seed", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("key", Text),  # null where the content alone says what it is
    Column("subject", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("shown", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_name", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("decidable", Integer, nullable=False),
    Column("edited", Integer, nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("card_channel", Text),
    Column("card_first", Text, unique=True),
    Column("card_parts", Integer),
    Column("card_seen", Text),
    Column("decided_at", Text),
    Column("decided_by", Text),
    Column("decided_name", Text),
    Column("decided_how", Text),
    Column("decided_key", Text),
    Column("audit", Integer),  # the line of the audit log that the execution completes
    Column("result", Text),
    UniqueConstraint("kind", "scope", "key"),
)
Index("approvals_state", APPROVALS.c.scope, APPROVALS.c.state, APPROVALS.c.asked_at)
Index("approvals_asker", APPROVALS.c.asked_by)
