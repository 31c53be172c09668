"""The report as one HTML file: readable offline, in the dark, on a phone and on paper."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from framework.app.report.figures import change

if TYPE_CHECKING:
    from jinja2 import Template

    from framework.app.report.collect import BotReport

WIDE, HIGH = 720, 140
_GAP = 2
_SPACE = "\N{NO-BREAK SPACE}"


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    text = resources.files(__package__).joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = "{:,}".format
    environment.filters["seconds"] = shown_seconds
    environment.filters["share"] = shown_share
    return environment.from_string(text)


def page(report: BotReport) -> str:
    """Return the page."""
    return _template().render(report=report, bars=bars(report.now.by_day), high=HIGH, wide=WIDE, change=change)


def bars(days: Mapping[date, tuple[int, int]]) -> list[dict[str, object]]:
    """Return a bar for each day: where it stands, how high it is, and how high the part that was answered is."""
    most = max((all_ for all_, _ in days.values()), default=0) or 1
    width = WIDE / max(1, len(days))
    return [
        {
            "x": round(number * width + _GAP / 2, 1),
            "width": round(max(1.0, width - _GAP), 1),
            "all": round(HIGH * all_ / most, 1),
            "answered": round(HIGH * answered / most, 1),
            "told": f"{day}: {all_} turns, {answered} answered",
        }
        for number, (day, (all_, answered)) in enumerate(days.items())
    ]


def shown_seconds(seconds: float | None) -> str:
    """Return seconds for people; a dash where nothing was measured."""
    if seconds is None:
        return "–"
    return (
        f"{seconds:.2f}{_SPACE}s"
        if seconds < 10
        else f"{seconds:.0f}{_SPACE}s"
        if seconds < 120
        else f"{seconds / 60:.0f}{_SPACE}min"
    )


def shown_share(part: float, whole: float) -> str:
    """Return a share in per cent; a dash of nothing."""
    return f"{part / whole * 100:.0f}{_SPACE}%" if whole else "–"
