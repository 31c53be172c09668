"""The tables of campaigns. Import this module late: SQLAlchemy costs half a second. Times are seconds of the epoch."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text, UniqueConstraint

METADATA = MetaData()
RUNS = Table(
    "campaign_runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("bot", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("occurrence", Text, nullable=False),  # what it was started for: a number, or the tick of a cron
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("settings", Text, nullable=False),  # what the file said when it began, in JSON
    Column("fingerprint", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("driver", Text, nullable=False),  # the process that sends it
    Column("driven_until", Double, nullable=False),
    UniqueConstraint("scope", "campaign", "occurrence"),
)
PARTS = Table(
    "campaign_parts",
    METADATA,
    Column("run", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("service_id", Text, nullable=False),  # of the campaign in the chat service
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("due", Double, nullable=False),
    Column("ends", Double),
    Column("zone", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("stamp", Text, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("read", Integer, nullable=False),
    Column("progress", Double, nullable=False),
    Column("claimed_at", Double),
    Column("started_at", Double),
    Column("ended_at", Double),
    PrimaryKeyConstraint("run", "number"),
)
# One row for each person of a run: no run can have a person twice.
PEOPLE = Table(
    "campaign_people",
    METADATA,
    Column("run", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("part", Integer),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("claimed_at", Double),
    Column("answered_at", Double),
    Column("handed_over_at", Double),
    Column("opted_out_at", Double),
    PrimaryKeyConstraint("run", "user_id"),
)
Index("campaign_people_claimed", PEOPLE.c.user_id, PEOPLE.c.claimed_at)
Index("campaign_people_part", PEOPLE.c.run, PEOPLE.c.part)
OPT_OUTS = Table(
    "campaign_opt_outs",
    METADATA,
    Column("scope", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("message_id", Text, nullable=False),
    PrimaryKeyConstraint("scope", "user_id"),
)
# `looked_until`: up to when the chat was searched for STOP. Its row of the scope "" is locked by who claims people.
MARKS = Table(
    "campaign_marks",
    METADATA,
    Column("scope", Text, primary_key=True),
    Column("looked_until", Double, nullable=False),
)
