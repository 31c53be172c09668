"""The table that people read."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.chaos.trial import Trial

_NARROWEST = 150


def show(trials: Sequence[Trial], *, load: str) -> None:
    """Print trials, a line each, and what was broken in words."""
    console = Console()
    console = Console(width=max(_NARROWEST, console.width))
    table = Table(title=f"Verdict of the channels (load average {load})", title_justify="left", title_style="bold")
    for heading in ("scenario", "engine", "ingress"):
        table.add_column(heading)
    for heading in ("asked", "replied", "lost", "doubled", "order", "wrong", "tool runs", "recovery s", "final s"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for trial in trials:
        table.add_row(*_row(trial))
    console.print(table)
    console.print("recovery: from kill -9 to the complete reply, less the agent's own time, median / longest (turns).")
    console.print("tool runs: once; uncertain (?), which the reply says; again, which must not be.")
    console.print("final: from the question to the complete reply, model and queue included, median / p95.")
    for trial in trials:
        for violation in trial.verdict.violations:
            console.print(Text(f"✗ {trial.name}: {violation}", style="red"))


def _row(trial: Trial) -> list[Text | str]:
    verdict, setting = trial.verdict, trial.setting
    bad = len(verdict.wrong) + len(verdict.unfinished) + len(verdict.strays)
    tools = f"{verdict.tool_once} once, {verdict.tool_uncertain} ?, {len(verdict.tool_repeated)} again"
    recovery = "-"
    if verdict.recovery_median is not None and verdict.recovery_longest is not None:
        recovery = f"{verdict.recovery_median:.1f} / {verdict.recovery_longest:.1f} ({verdict.recovered})"
    final = "-" if verdict.final_median is None else f"{verdict.final_median:.1f} / {verdict.final_p95:.1f}"
    counts = [
        _count(verdict.lost),
        _count(verdict.doubled),
        _count(verdict.disorder),
        Text(str(bad), style=_style(bad)),
    ]
    kept = not verdict.violations
    return [
        trial.name,
        f"{setting.database} x {setting.replicas}",
        setting.ingress,
        str(verdict.asked),
        str(verdict.replied),
        *counts,
        tools,
        recovery,
        final,
        Text("✓" if kept else "✗", style="green" if kept else "bold red"),
    ]


def _count(names: Sequence[str]) -> Text:
    return Text(str(len(names)), style=_style(len(names)))


def _style(count: int) -> str:
    return "bold red" if count else "dim"
