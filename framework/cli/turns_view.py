"""How `turns` looks in a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from framework.called import called_as
from framework.cli.screen import out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from framework.cli.turns_why import Story
    from framework.engine.port import Load, Record, State

_COLOURS = {"dead": "red", "waiting": "yellow", "running": "cyan", "settled": "green"}
_KEY = 8
_TIMES = 20
"""Columns on the screen for how often and when."""
_LEAST_ROOM = 36
_ASKED = 32
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def print_list(records: Sequence[Record], states: Sequence[State]) -> None:
    """One line a turn, and what may be done about it."""
    if not records:
        nothing = "No dead letters." if tuple(states) == ("dead",) else f"No turns that are {' or '.join(states)}."
        out().print(Text(nothing, style="dim"))
        return
    out().print(_table(records, out().width))
    if any(record.state == "dead" for record in records):
        out().print(Text("\nturns show KEY tells more; turns retry KEY (or --all) tries again.", style="dim"))


def _table(records: Sequence[Record], width: int) -> Table:
    """As many columns as there is room for. The key stays whole at any width: the other commands want it."""
    rest = width - (_KEY + 5)  # after the mark and the key
    roomy = rest - _TIMES >= _LEAST_ROOM
    rest -= _TIMES if roomy else 0
    shares = (rest * 3 // 10 - 2, rest * 3 // 10 - 2) if rest >= _LEAST_ROOM else (0, 0)
    longest = max(len(_channel(record)) for record in records)
    channel, asked = min(shares[0], longest), min(shares[1], _ASKED)
    outcome = rest - sum(wide + 2 for wide in (channel, asked) if wide)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    titles = ("", "key", *(("channel", "asked") if channel else ()), *(("tries", "changed") if roomy else ()))
    for title in (*titles, *(("what came of it",) if outcome > 0 else ())):
        table.add_column(title, no_wrap=True, justify="right" if title == "tries" else "left")
    for record in records:
        cells = [Text("●", style=_COLOURS[record.state]), Text(record.job.key[:_KEY], style="bold")]
        if channel:
            cells += [Text(_short(_channel(record), channel)), Text(_short(_asked(record), asked))]
        if roomy:
            cells += [Text(str(record.attempts)), Text(_ago(record.updated_at), style="dim")]
        if outcome > 0:
            came = _came_of_it(record)
            came.truncate(max(outcome, 1), overflow="ellipsis")
            cells.append(came)
        table.add_row(*cells)
    return table


def print_one(record: Record) -> None:
    """Everything that is known of a turn."""
    trigger = record.job.payload.get("trigger") or {}
    title = Text.assemble(
        ("● ", _COLOURS[record.state]), (record.state, f"bold {_COLOURS[record.state]}"), f"  {record.job.key}"
    )
    table = Table.grid(padding=(0, 2))
    for label, value in (
        ("Bot", str(record.job.payload.get("bot", ""))),
        ("Channel", _channel(record)),
        ("Asked by", f"{_user(trigger)}, message {trigger.get('id', '')}"),
        ("Message", _plain(str(trigger.get("text") or ""))),
        ("Started by", _cause(record)),
        ("Tries", str(record.attempts)),
        ("Accepted", _moment(record.accepted_at)),
        ("Changed", _moment(record.updated_at)),
        ("Replica", record.owner),
        ("Outcome", record.outcome),
        ("Error", _plain(record.error)),
        ("Steps kept", ", ".join(record.steps)),
    ):
        if value:
            table.add_row(Text(label, style="dim"), Text(value, style="red" if label == "Error" else ""))
    console = out()
    console.print(title)
    console.print(Padding(table, (0, 0, 0, 2)))
    if record.state == "dead":
        console.print(Text(f"\nTry again: {called_as()} turns retry {record.job.key[:_KEY]}", style="dim"))


def print_stories(stories: Sequence[Story]) -> None:
    """A block for each bot: what happened, and behind it the place in bot.yaml."""
    for story in stories:
        colour = _COLOURS.get(story.state, "dim")
        state = "no turn" if story.state == "none" else story.state
        out().print(Text.assemble(("● ", colour), (story.bot, "bold"), f"  {state}"))
        for line in story.lines:
            text = Text.assemble(f"  {line.what:<16}", _plain(line.detail).replace("\n", " "))
            if line.where:
                text.append(f"  ({line.where})", style="cyan")
            out().print(text, soft_wrap=True)


def print_retried(records: Sequence[Record]) -> None:
    """What is tried again."""
    if not records:
        out().print(Text("No dead letters.", style="dim"))
    for record in records:
        out().print(Text.assemble(("● ", "yellow"), (record.job.key[:_KEY], "bold"), f" waits in {_channel(record)}"))
    if records:
        out().print(Text("It is tried as soon as a process with its bot is free.", style="dim"))


def print_load(load: Load) -> None:
    """Show how many turns wait, run and were given up."""
    parts = [f"{load.waiting:,} waiting", f"{load.running:,} running", f"{load.dead:,} dead"]
    oldest = f", the oldest for {load.oldest:.1f} s" if load.waiting else ""
    out().print(", ".join(parts) + oldest)


def _channel(record: Record) -> str:
    trigger: dict[str, Any] = record.job.payload.get("trigger") or {}
    channel = trigger.get("channel") or {}
    _, _, where = record.job.lane.partition("|")
    cid, _, thread = where.partition("|")  # what is left of a turn that is done
    named = f"{channel.get('type', '')}:{channel.get('id', '')}" if channel else cid or record.job.lane
    return f"{named} (thread)" if trigger.get("parent_id") or thread else named


def _asked(record: Record) -> str:
    trigger = record.job.payload.get("trigger") or {}
    return _plain(f"{_user(trigger)}: {trigger.get('text') or ''}".removesuffix(": "))


def _user(trigger: dict[str, Any]) -> str:
    user = trigger.get("user") or {}
    return _plain(str(user.get("name") or user.get("id") or ""))


def _plain(text: str) -> str:
    """Text of strangers, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in text)


def _cause(record: Record) -> str:
    cause = record.job.payload.get("cause") or {}
    return " ".join(str(cause[name]) for name in ("kind", "detail") if cause.get(name))


def _came_of_it(record: Record) -> Text:
    if record.state == "settled" or not record.error:
        return Text(record.outcome, style="dim")
    return Text(_short(_plain(record.error), 200), style="red" if record.state == "dead" else "yellow")


def _short(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


def _ago(moment: datetime) -> str:
    seconds = max(0.0, (datetime.now(UTC) - moment).total_seconds())
    if seconds < _MINUTE:
        return f"{seconds:.0f} s ago"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min ago"
    return f"{seconds / _HOUR:.0f} h ago" if seconds < _DAY else f"{seconds / _DAY:.0f} d ago"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S} ({_ago(moment)})"
