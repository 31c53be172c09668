"""Filling in `{{ sender.name }}` in the texts of campaigns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from framework.sandbox.kernel.query.filters import dig

_PLACE = re.compile(r"\{\{\{?\s*([\w.\-]+)\s*\}?\}\}")


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return a text with its places filled in; a name that says nothing leaves its place empty."""

    def fill(match: re.Match[str]) -> str:
        value = dig(values, match[1])
        return "" if value is None else str(value)

    return _PLACE.sub(fill, template)
