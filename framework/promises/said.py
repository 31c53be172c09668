"""What people read of promises, in eight languages, and how a time is written in each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Literal
from zoneinfo import ZoneInfo

from framework.promises.named_time import Unclear
from framework.promises.promise import Promise

Sentence = Literal[
    "kept_at", "ask_at", "kept_event", "reminder", "again", "happened", "late", "happened_at", "missed", "missing",
    "vague", "repeated", "past", "far", "full", "cancelled", "nothing", "list", "on_event",
]  # fmt: skip


def said(language: str, name: Sentence | Unclear, **filled: object) -> str:
    """A sentence with its words in braces filled in. Words that were filled in are never read as braces."""
    text: str = _in(language)[name]
    return text.format(**filled)


def shown_time(at: datetime, zone: ZoneInfo, language: str, *, now: datetime) -> str:
    """A time as people of a language write it, in a zone that is named; with the year if it is not the present one."""
    local, texts = at.astimezone(zone), _in(language)
    year = "" if local.year == now.astimezone(zone).year else f" {local.year}"
    written: str = texts["date"].format(
        weekday=texts["weekdays"][local.weekday()],
        day=local.day,
        month=texts["months"][local.month - 1],
        year=year,
        time=f"{local:%H:%M}",
    )
    return f"{written} ({zone.key})"


def confirmation(promise: Promise, now: datetime) -> str:
    """What the person reads when something was promised."""
    if promise.due is None:
        return said(promise.language, "kept_event")
    when = shown_time(promise.due, ZoneInfo(promise.zone), promise.language, now=now)
    return said(promise.language, "ask_at" if promise.kind == "ask" else "kept_at", when=when)


def listing(promises: list[Promise], language: str, now: datetime) -> str:
    """What somebody was promised, one line each."""
    if not promises:
        return said(language, "nothing")
    lines = [said(language, "list")]
    for one in promises:
        due = said(language, "on_event")
        if one.due is not None:
            due = shown_time(one.due, ZoneInfo(one.zone), language, now=now)
        lines.append(f"- {due}: {quoted(one.what)}")
    return "\n".join(lines)


def quoted(text: str) -> str:
    """Words of a person on one line, as data: no sign of them begins a list, a heading or a quote."""
    return " ".join(text.split())


def _in(language: str) -> Mapping[str, Any]:
    known = _texts()
    return known.get(language, known["en"])


@cache
def _texts() -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = json.loads(
        resources.files(__package__).joinpath("said.json").read_text(encoding="utf-8")
    )
    return found
