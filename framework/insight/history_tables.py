"""The table of the history. This module costs half a second to import: import it late."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, Table, Text

METADATA = MetaData()
TURNS = Table(
    "turn_history",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("bot", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("received_at", Text, nullable=False),  # ISO 8601 in UTC with microseconds: texts are ordered as times
    Column("first_text_seconds", Float),
    Column("seconds", Float, nullable=False),
    Column("reply", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cost", Float, nullable=False),
    Column("sources", Text, nullable=False),  # JSON: [[file, heading], ...]
    Column("tools", Text, nullable=False),  # JSON: [[name, worked], ...]
    Column("replica", Text, nullable=False),
    Index("turn_history_received_at", "received_at"),
    Index("turn_history_channel", "channel", "received_at"),
    Index("turn_history_message", "message"),
    Index("turn_history_user", "user"),
)
