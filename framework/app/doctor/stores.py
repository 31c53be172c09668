"""The versions of the tables that stores have in the database of turns."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from framework.errors import EngineError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

STORES = (
    "framework.approvals.store",
    "framework.audit.log",
    "framework.budget.database",
    "framework.campaigns.ledger",
    "framework.console.sign_ins",
    "framework.engine.erasure",
    "framework.insight.history_database",
    "framework.insight.turn_texts",
    "framework.moderation.decisions.store",
    "framework.promises.store",
    "framework.runtime.handover.database",
    "framework.runtime.state.feedback_database",
    "framework.runtime.state.pauses",
    "framework.runtime.state.schedule_book",
    "framework.tools.approval.sums",
)
"""Modules that have a `SCHEMA`."""


def check_stores(connection: Connection) -> None:
    """Raise EngineError if a newer version of this program wrote the tables of any store."""
    from sqlalchemy import inspect, text

    if not inspect(connection).has_table("storage_versions"):
        return
    ours = {schema.name: schema.version for schema in (import_module(name).SCHEMA for name in STORES)}
    for name, found in connection.execute(text("SELECT name, version FROM storage_versions ORDER BY name")):
        if found > ours.get(name, found):
            raise EngineError(
                f"The tables of {name} were written by a newer version of this program "
                f"(theirs: {found}, ours: {ours[name]}).",
                hint="Install the newer version, or give this one a database of its own by DATABASE_URL.",
            )
