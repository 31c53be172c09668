"""What people see of campaigns in the terminal, and what programs get as JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from framework.cli.screen import out

if TYPE_CHECKING:
    from rich.live import Live

    from framework.campaigns.view import RunView


_SHOWN = 5
_TIME = "%Y-%m-%d %H:%M"


def print_plan(facts: dict[str, Any]) -> None:
    """Print a plan for people."""
    show = out().print
    show(f"{facts['campaign']} of {facts['bot']}: {facts['people']} people, {facts['parts']} parts", markup=False)
    if facts["first"]:
        first, last = (datetime.fromisoformat(facts[name]).strftime(_TIME) for name in ("first", "last"))
        show(f"  when: {first} UTC" + (f" to {last} UTC" if last != first else ""), markup=False)
    for name in ("variants", "languages"):
        if len(facts[name]) > 1:
            show(f"  {name}: " + ", ".join(f"{key} {count}" for key, count in facts[name].items()), markup=False)
    for reason, count in facts["left_out"].items():
        who = [user for user, why in facts["who_not"].items() if why == reason][:_SHOWN]
        show(f"  not to {count}: {reason} ({', '.join(who)}{', …' if count > len(who) else ''})", markup=False)
    for warning in facts["warnings"]:
        show(f"  note: {warning}", markup=False)
    for one in facts["examples"]:
        variant = f", variant {one['variant']}" if one["variant"] else ""
        show(f"\n  {one['user']}{variant}, {one['their_time']} in {one['zone']}:", markup=False)
        show("\n".join(f"    {line}" for line in one["text"].splitlines()), markup=False, soft_wrap=True)


def print_run(view: RunView) -> None:
    """Print where a run stands."""
    show = out().print
    show(_line(view), markup=False)
    for part in view.parts:
        if part.state == "waiting" and part.due > datetime.now(UTC):
            show(f"  the next part is due {part.due:{_TIME}} UTC: a running bot sends it, or `campaign watch`")
            break
    for failure in view.failures:
        show(f"  {failure}", markup=False)


def _line(view: RunView) -> str:
    parts = Counter(part.state for part in view.parts)
    several = (
        f" ({', '.join(f'{count} parts {state}' for state, count in parts.items())})" if len(view.parts) > 1 else ""
    )
    reason = f": {view.run.reason}" if view.run.reason and view.status in ("failed", "completed") else ""
    return f"{view.run.campaign}: {view.status}{reason}, {view.sent} of {view.people} sent{several}"


class Follower:
    """Shows a run as it goes: one line that changes in a terminal, else a line for each change."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._last = ""
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Begin."""
        if not self._as_json and out().is_terminal:
            from rich.live import Live

            self._live = Live(console=out(), refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last line where it is."""
        if self._live is not None:
            self._live.stop()

    def show(self, view: RunView) -> None:
        """Show a run if it changed."""
        text = json.dumps(view.facts, ensure_ascii=False) if self._as_json else "\n".join([_line(view), *view.failures])
        if text == self._last:
            return
        self._last = text
        if self._live is not None:
            from rich.text import Text

            self._live.update(Text(text), refresh=True)
        else:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()


def print_list(facts: list[dict[str, Any]], status: str | None) -> None:
    """Print campaigns as a table."""
    if not facts:
        out().print(f"No campaign is {status}." if status else "There are no campaigns: bots/BOT/campaigns/NAME.yaml.")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("campaign", "bot", "status", "run", "sent"):
        table.add_column(title)
    for fact in facts:
        sent = f"{fact['sent']} of {fact['people']}" if "sent" in fact else ""
        table.add_row(fact["campaign"], fact["bot"], fact["status"], str(fact.get("run", "")), sent)
    out().print(table)


def print_results(facts: dict[str, Any]) -> None:
    """Print what came of a run."""
    from rich.table import Table

    out().print(
        f"{facts['campaign']}, run {facts['run']}: {facts['status']}, {facts['sent']} of {facts['people']} sent"
    )
    table = Table(box=None, pad_edge=False)
    for title in ("variant", "sent", "read", "answered in a day", "handed over", "opted out"):
        table.add_column(title)
    for variant, count in facts["by_variant"].items():
        table.add_row(variant, *map(str, count.values()))
    out().print(table)
    for reason, count in facts["left_out"].items():
        out().print(f"  not to {count}: {reason}", markup=False)
