"""Tools of the digest bot: a channel's decisions, kept in a SQLite file of the bot's own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from langchain.tools import ToolRuntime, tool

from framework import ToolContext
from framework.names import shown_name

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS decisions (
    key TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    decision TEXT NOT NULL,
    noted_by TEXT NOT NULL,
    noted_at TEXT NOT NULL
)
"""
MOST = 10

Runtime = ToolRuntime[ToolContext]


@tool(
    extras={
        # With the embedded model, which does not choose tools by itself, these words lead here.
        "phrases": [
            r"^\s*/decision\s+(?P<decision>\S.*)$",
            r"^\W*(?:please )?(?:note|write down|remember)\W+(?:that )?(?P<decision>we (?:decided|agreed).{3,})$",
        ]
    }
)
def note_decision(decision: str, runtime: Runtime) -> str:
    """Write down a decision of this channel. Use it when somebody asks you to, never on your own.

    Args:
        decision: What was decided, in one sentence that is understood without the chat.
    """
    context = runtime.context
    values = (
        context.key,
        context.channel,
        decision.strip(),
        shown_name(context.user_name, context.user_id),
        context.now().isoformat(),
    )
    with closing(_database(context.data)) as database, database:
        # The call's key makes a second try find the first one's line.
        database.execute("INSERT INTO decisions VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values)
        count = database.execute("SELECT count(*) FROM decisions WHERE channel = ?", (context.channel,)).fetchone()[0]
    return f"Noted as decision {count} of this channel: “{decision.strip()}”."


@tool(
    extras={
        "phrases": [
            r"^\s*/decisions\b",
            r"\bwhat (?:did|have) we decided?\b",
            r"\b(?:list|show).{0,12}decisions\b",
        ],
        "writes": False,
    }
)
def list_decisions(runtime: Runtime) -> str:
    """List the last decisions of this channel, with who noted them and when."""
    context = runtime.context
    query = "SELECT * FROM decisions WHERE channel = ? ORDER BY noted_at DESC, rowid DESC LIMIT ?"
    with closing(_database(context.data)) as database, database:
        rows = database.execute(query, (context.channel, MOST)).fetchall()
    if not rows:
        return "No decision was noted in this channel yet. Write **/decision** and what was decided."
    return "\n".join(f"- {row['noted_at'][:10]} {row['decision']} ({row['noted_by']})" for row in reversed(rows))


def _database(folder: Path) -> sqlite3.Connection:
    database = sqlite3.connect(folder / "decisions.sqlite", timeout=5)
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(SCHEMA)
    return database
