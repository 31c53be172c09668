"""From values to HTML. Everything is escaped; what strangers wrote is kept apart from the text around it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

FILES = resources.files(__package__)
_SPACE = "\N{NO-BREAK SPACE}"
_KEPT = frozenset("\n\t\u200d\u200c")
"""Control and format characters that stay: the joiners are letters' own in Persian, Hindi and emoji."""


def rendered(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """Return a page, or a part of one."""
    return HTMLResponse(_environment().get_template(template).render(**values), status)


def refused(status: int, what: str, detail: str) -> HTMLResponse:
    """Return a page for somebody who may not see the others."""
    return rendered("refused.html.j2", status, what=what, detail=detail)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("framework.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {"by": by_people, "seconds": seconds, "moment": moment, "words": words, "part": part}
    environment.filters.update(filters)
    return environment


def by_people(text: object) -> Markup:
    """Return what somebody chose: on its own, in its own direction, with marks that reorder text made visible."""
    from markupsafe import Markup, escape

    return Markup('<bdi dir="auto">{}</bdi>').format(escape(shown(str(text))))


def shown(text: str) -> str:
    """Return a text with control characters and marks of direction written out, as in [U+202E]."""
    return "".join(sign if _is_plain(sign) else f"[U+{ord(sign):04X}]" for sign in text)


def _is_plain(sign: str) -> bool:
    return sign in _KEPT or unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def seconds(value: float | None) -> str:
    """Return a span for people; a dash where nothing was measured."""
    if value is None:
        return "–"
    for most, format_, unit, by in (
        (10, ".2f", "s", 1),
        (120, ".0f", "s", 1),
        (7200, ".0f", "min", 60),
        (172_800, ".0f", "h", 3600),
    ):
        if value < most:
            return f"{value / by:{format_}}{_SPACE}{unit}"
    return f"{value / 86_400:.0f}{_SPACE}days"


def moment(at: datetime) -> str:
    """Return a time in UTC for people."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def words(name: object) -> str:
    """Return a name of ours as words."""
    return str(name).replace("_", " ")


def part(value: object) -> str:
    """Return a value as a part of an address."""
    return quote(str(value).encode("utf-8", "surrogatepass"), safe="")


def options(*values: str) -> Sequence[tuple[str, str]]:
    """Return values for a list to choose from, with their words."""
    return [(value, words(value)) for value in values]
