"""The tables of sign-ins. This module costs half a second to import: import it late."""

from __future__ import annotations

from sqlalchemy import Column, Float, MetaData, Table, Text

METADATA = MetaData()
# Neither a link nor a cookie can be made from what is kept: both are here as hashes.
LINKS = Table(
    "console_links",
    METADATA,
    Column("hash", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("granted", Text, nullable=False),
    Column("expires", Float, nullable=False),  # seconds since 1970
)
SIGN_INS = Table(
    "console_sign_ins",
    METADATA,
    Column("hash", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("granted", Text, nullable=False),
    Column("since", Float, nullable=False),
    Column("seen", Float, nullable=False),
)
