"""The table of promises. Import this module late: SQLAlchemy costs half a second. Times are seconds of the epoch."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, MetaData, PrimaryKeyConstraint, Table, Text

METADATA = MetaData()
PROMISES = Table(
    "promises",
    METADATA,
    Column("id", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("bot", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("due", Double),
    Column("event", Text, nullable=False),
    Column("happened_at", Double),
    Column("visible_to", Text, nullable=False),  # ids in JSON
    Column("was_member", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("turn", Text, nullable=False),
    Column("ended_at", Double),
    PrimaryKeyConstraint("scope", "id"),
)
Index("promises_due", PROMISES.c.scope, PROMISES.c.state, PROMISES.c.due)
Index("promises_place", PROMISES.c.scope, PROMISES.c.channel, PROMISES.c.user_id)
