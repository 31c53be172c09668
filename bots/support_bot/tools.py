"""Tools of the support bot: tickets, kept in a SQLite file of the bot's own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from langchain.tools import ToolRuntime, tool

from framework import ToolContext

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS tickets (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    summary TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'open',
    opened_at TEXT NOT NULL
)
"""


def _database(folder: Path) -> sqlite3.Connection:
    database = sqlite3.connect(folder / "tickets.sqlite", timeout=5)
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(SCHEMA)
    return database


@tool(
    extras={
        # With the embedded model, which does not choose tools by itself, these words lead here.
        "phrases": [
            r"^\W*((yes|ok|please|can you|could you)\W+)*(open|create|make)( me)? (a )?(support )?ticket( please)?\W*$",
            r"(open|create|file|raise) (a )?ticket( please)?\W+(about|for|because|that)?\s*(?P<summary>.{8,})",
            r"(talk|speak|chat) (to|with) (a |an )?(person|human|agent|someone)",
        ],
        "fill": {"summary": "last_question"},
        "suggest": "Open a ticket",
    }
)
def open_ticket(summary: str, runtime: ToolRuntime[ToolContext]) -> str:
    """Open a support ticket, so that a person of the team gets back to the customer. Use it when the customer asks for
    a ticket or a person, or agrees to your offer of one.

    Args:
        summary: What the customer needs, in one or two sentences that a colleague understands without the chat.
    """
    context = runtime.context
    opened_at = context.now().isoformat(timespec="seconds")
    with closing(_database(context.data)) as database, database:
        # The turn's key makes a second try find the first one's ticket.
        database.execute(
            "INSERT INTO tickets (key, user_id, channel, summary, opened_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (context.key, context.user_id, context.channel, summary.strip(), opened_at),
        )
        row = database.execute("SELECT number, summary FROM tickets WHERE key = ?", (context.key,)).fetchone()
    opened = f"Ticket T-{row['number']:04} is open: “{row['summary']}”."
    return f"{opened} A person from our team replies within one working day."


@tool(
    extras={
        "phrases": [
            r"\bT-?\s?(?P<number>[0-9]{1,6})\b",
            r"\bticket (number |no\.? ?|#)?(?P<number>[0-9]{1,6})\b",
            r"\bmy (open )?tickets?\b",
        ],
        "writes": False,
    }
)
def find_ticket(runtime: ToolRuntime[ToolContext], number: int | None = None) -> str:
    """Look up a support ticket of this customer by its number, or list the customer's last tickets.

    Args:
        number: The ticket's number, 12 for T-0012. Leave it out to list the last five.
    """
    context = runtime.context
    query = "SELECT number, summary, status, opened_at FROM tickets WHERE user_id = ?"
    arguments: tuple[str | int, ...] = (context.user_id,)
    if number is not None:
        # A ticket of somebody else is as unknown as one that does not exist.
        query, arguments = f"{query} AND number = ?", (*arguments, number)
    with closing(_database(context.data)) as database, database:
        rows = database.execute(f"{query} ORDER BY number DESC LIMIT 5", arguments).fetchall()
    if not rows:
        return "You have no tickets yet." if number is None else f"You have no ticket T-{number:04}."
    return "\n".join(
        f"T-{r['number']:04} · {r['status']} · opened {r['opened_at'][:10]} · {r['summary']}" for r in rows
    )


def forget(user_id: str, data: Path) -> int:
    """Erase a customer's tickets; called by `erase USER`, and when the user is deleted. Returns how many."""
    if not (data / "tickets.sqlite").is_file():
        return 0
    with closing(_database(data)) as database, database:
        database.execute("PRAGMA secure_delete=ON")
        return database.execute("DELETE FROM tickets WHERE user_id = ?", (user_id,)).rowcount
