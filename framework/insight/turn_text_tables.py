"""The tables of the words of turns. This module costs half a second to import: import it late."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, MetaData, PrimaryKeyConstraint, Table, Text

METADATA = MetaData()
TEXTS = Table(
    "turn_texts",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("channel", Text, nullable=False, index=True),
    Column("at", Float, nullable=False, index=True),  # seconds since 1970
    Column("value", Text, nullable=False),
)
PEOPLE = Table(
    "turn_text_people",
    METADATA,
    Column("key", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("channel", Text, nullable=False),
    PrimaryKeyConstraint("key", "user"),
    Index("turn_text_people_user", "user"),
)
