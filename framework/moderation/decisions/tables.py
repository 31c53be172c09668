"""The tables of decisions. Import this module late: SQLAlchemy costs half a second."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

METADATA = MetaData()
DECISIONS = Table(
    "moderation_decisions",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("at", Double, nullable=False, index=True),  # seconds since 1970
    Column("bot", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("user_id", Text, nullable=False, index=True),
    Column("message_id", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("late", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("text", Text, nullable=False),
)
# One decision on each text of each message. A message without an id is known by who wrote what where.
_named = DECISIONS.c.message_id != ""
Index(
    "moderation_decisions_once",
    DECISIONS.c.message_id,
    DECISIONS.c.content,
    unique=True,
    sqlite_where=_named,
    postgresql_where=_named,
)
_unnamed = DECISIONS.c.message_id == ""
Index(
    "moderation_decisions_unnamed",
    DECISIONS.c.content,
    DECISIONS.c.channel,
    sqlite_where=_unnamed,
    postgresql_where=_unnamed,
)
EFFECTS = Table(
    "moderation_effects",
    METADATA,
    Column("decision", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due", Double, nullable=False),  # seconds since 1970; one that is being done is due when its lease ends
    Column("error", Text, nullable=False),
    PrimaryKeyConstraint("decision", "number"),
)
Index("moderation_effects_due", EFFECTS.c.state, EFFECTS.c.due)
# Up to when the messages of an app's channels were looked at.
LOOKED = Table(
    "moderation_looked",
    METADATA,
    Column("scope", Text, primary_key=True),
    Column("until", Double, nullable=False),
)
