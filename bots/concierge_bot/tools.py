"""Tools of the concierge: polls, as the chat's own, remembered by channel in a SQLite file."""

from __future__ import annotations

import re
import sqlite3
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any

from langchain.tools import ToolRuntime, tool

from framework import ToolContext, ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS polls (
    poll TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    message TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0
)
"""
MOST_ANSWERS = 20
_IDS = uuid.UUID("2b7c11d4-9e05-4c39-8d11-5f0d1f0c7b33")
_USAGE = "Write it like this: `/poll Which evening? | Tuesday | Thursday`."

Runtime = ToolRuntime[ToolContext]

# With the embedded model, which does not choose tools by itself, the `phrases` lead to a tool.
_MAKE = r"^\W*(?:please |can you |could you )?(?:make|create|start|open|run)\W+(?:me |us )?(?:an? )?poll\b\W*"


@tool(
    extras={
        "phrases": [
            r"^\s*/poll\s+(?P<question>[^|]+?)\s*\|\s*(?P<answers>.+)$",
            _MAKE + r"(?P<question>[^|?]*\?)\W*(?P<answers>.+)$",
            _MAKE + r"(?P<question>[^|?]+?)\s*\|\s*(?P<answers>.+)$",
        ]
    }
)
async def create_poll(question: str, answers: str, runtime: Runtime) -> str:
    """Post a poll in this channel. Use it when somebody asks for a poll and names a question and answers.

    Args:
        question: What is asked, as in "Which evening?".
        answers: The answers, separated by |, as in "Tuesday | Thursday".
    """
    context = runtime.context
    options = _answers(answers)
    if not 2 <= len(options) <= MOST_ANSWERS:
        raise ToolError(f"A poll needs 2 to {MOST_ANSWERS} different answers. {_USAGE}")
    # Both ids follow from the call: a second try finds the first one's poll and message.
    poll_id = str(uuid.uuid5(_IDS, f"{context.key} poll"))
    message_id = str(uuid.uuid5(_IDS, f"{context.key} message"))
    if not await _poll(context, poll_id):
        one_each = {"enforce_unique_vote": True, "options": [{"text": option} for option in options]}
        await context.execute("CreatePoll", {"id": poll_id, "name": question.strip(), **one_each})
    if not _known(context, poll_id):
        kind, _, id_ = context.channel.partition(":")
        message = {"id": message_id, "text": question.strip(), "poll_id": poll_id}
        await context.execute("SendMessage", {"type": kind, "id": id_, "message": message})
        _remember(context, poll_id, message_id)
    listed = "\n".join(f"{number}. {option}" for number, option in enumerate(options, start=1))
    return f"The poll is open:\n{listed}\n\nVote in it, or write **/vote 1**. **/poll results** counts the votes."


@tool(extras={"phrases": [r"^\s*/vote\s+(?P<answer>.+)$"]})
async def vote(answer: str, runtime: Runtime) -> str:
    """Vote in the newest poll of this channel for the person who asks for it. A new vote replaces their old one.

    Args:
        answer: The answer's number, or its words.
    """
    context = runtime.context
    row = _newest(context)
    poll = await _poll(context, row["poll"]) if row else None
    if not row or not poll:
        return f"There is no open poll here. {_USAGE}"
    option = _chosen(poll["options"], answer)
    about = {"message_id": row["message"], "poll_id": row["poll"]}
    await context.execute("CastPollVote", {**about, "vote": {"option_id": option["id"]}}, as_user=context.user_id)
    return f"Your vote counts for “{option['text']}”."


@tool(
    extras={
        "phrases": [r"^\s*/poll\s+results?\b", r"\b(poll results?|results? of the poll|who is ahead in the poll)\b"],
        "writes": False,
    }
)
async def poll_results(runtime: Runtime) -> str:
    """Count the votes of the newest poll of this channel."""
    row = _newest(runtime.context, closed=True)
    poll = await _poll(runtime.context, row["poll"]) if row else None
    return _result(poll) if poll else f"There was no poll here yet. {_USAGE}"


@tool(extras={"phrases": [r"^\s*/poll\s+close\b", r"\b(close|end|stop) (the|this|our) poll\b"]})
async def close_poll(runtime: Runtime) -> str:
    """Close the newest poll of this channel and give its result. For the person who asked for it, and for the team."""
    context = runtime.context
    row = _newest(context)
    if not row:
        return f"There is no open poll here. {_USAGE}"
    if row["asked_by"] != context.user_id and not {"admin", "moderator", "channel_moderator"} & set(context.roles):
        return "Only whoever asked for the poll, or somebody of the team, can close it."
    await context.execute("UpdatePollPartial", {"poll_id": row["poll"], "set": {"is_closed": True}})
    with closing(_database(context.data)) as database, database:
        database.execute("UPDATE polls SET closed = 1 WHERE poll = ?", (row["poll"],))
    poll = await _poll(context, row["poll"])
    return f"The poll is closed. {_result(poll)}" if poll else "The poll is closed."


def _answers(text: str) -> list[str]:
    """`A | B`, `A, B or C`, `A or B`: each answer once."""
    parts = text.split("|") if "|" in text else re.split(r"[,;]|(?<!\S)or(?!\S)", text)
    cleaned = (part.strip().strip(".!?") for part in parts)
    return list(dict.fromkeys(part for part in cleaned if part))


def _chosen(options: Sequence[dict[str, Any]], answer: str) -> dict[str, Any]:
    wanted = answer.strip().strip(".!").casefold()
    if wanted.isdecimal() and 1 <= int(wanted) <= len(options):
        return options[int(wanted) - 1]
    found = [option for option in options if option["text"].casefold() == wanted]
    found = found or [option for option in options if wanted and option["text"].casefold().startswith(wanted)]
    if len(found) != 1:
        listed = ", ".join(f"{number} {option['text']}" for number, option in enumerate(options, start=1))
        raise ToolError(f"Which answer is meant? There are {listed}.")
    return found[0]


def _result(poll: dict[str, Any]) -> str:
    counts = poll.get("vote_counts_by_option") or {}
    options = sorted(poll["options"], key=lambda option: -counts.get(option["id"], 0))
    lines = [f"- {option['text']}: {counts.get(option['id'], 0)}" for option in options]
    total = sum(counts.values())
    return "\n".join([f"**{poll['name']}** {total} {'vote' if total == 1 else 'votes'} so far.", *lines])


async def _poll(context: ToolContext, poll_id: str) -> dict[str, Any] | None:
    try:
        return dict((await context.execute("GetPoll", {"poll_id": poll_id}))["poll"])
    except ToolError:
        return None


def _database(folder: Path) -> sqlite3.Connection:
    database = sqlite3.connect(folder / "polls.sqlite", timeout=5)
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(SCHEMA)
    return database


def _known(context: ToolContext, poll_id: str) -> bool:
    with closing(_database(context.data)) as database, database:
        return database.execute("SELECT 1 FROM polls WHERE poll = ?", (poll_id,)).fetchone() is not None


def _remember(context: ToolContext, poll_id: str, message_id: str) -> None:
    values = (poll_id, context.channel, message_id, context.user_id, context.now().isoformat())
    with closing(_database(context.data)) as database, database:
        database.execute(
            "INSERT INTO polls (poll, channel, message, asked_by, opened_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            values,
        )


def _newest(context: ToolContext, *, closed: bool = False) -> sqlite3.Row | None:
    query = "SELECT * FROM polls WHERE channel = ? AND closed <= ? ORDER BY opened_at DESC LIMIT 1"
    with closing(_database(context.data)) as database, database:
        row: sqlite3.Row | None = database.execute(query, (context.channel, int(closed))).fetchone()
    return row
