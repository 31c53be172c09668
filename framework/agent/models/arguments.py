"""Arguments of tool calls: one JSON object, however they come. Unreadable ones are kept for the model to mend."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

BROKEN = "__arguments_that_are_not_json__"
"""The only argument of a call whose arguments could not be read; its value is what the model wrote."""
_KEPT = 2_000
"""How many characters of unreadable arguments are kept."""
_FENCE = re.compile(r"\A```(?:json)?\s|```\Z", re.IGNORECASE)
_EMPTY = frozenset({"", "null", "none", "{}"})


def read_arguments(written: object) -> dict[str, Any]:
    """Return the arguments as an object. What cannot be read comes back under the one key BROKEN, as text.

    Read as well: an object that a server did not write as text, nothing or `null` for no arguments, JSON inside a JSON
    string or in a fence, line breaks inside texts, the same object twice in a row, an empty one before the object, and
    one bracket too many behind it.
    """
    if isinstance(written, Mapping):
        return {str(name): value for name, value in written.items()}
    if written is None:
        return {}
    text = written if isinstance(written, str) else json.dumps(written, default=str)
    if text.strip().lower() in _EMPTY:
        return {}
    found = _object_in(_FENCE.sub("", text.strip()).strip())
    return found if found is not None else {BROKEN: text[:_KEPT]}


def broken_arguments(arguments: Mapping[str, Any]) -> str | None:
    """Return what the model wrote instead of a JSON object; None for arguments that were read."""
    written = arguments.get(BROKEN) if len(arguments) == 1 else None
    return written if isinstance(written, str) else None


def _object_in(text: str, depth: int = 0) -> dict[str, Any] | None:
    try:
        value, end = _DECODER.raw_decode(text)
        rest = text[end:].strip()
        if rest.strip("}") and value == {}:
            value, end = _DECODER.raw_decode(rest)
            rest = rest[end:].strip()
        if rest.strip("}") and _DECODER.raw_decode(rest) != (value, len(rest)):
            return None
    except (ValueError, RecursionError):
        return None
    if isinstance(value, str) and depth == 0:
        return _object_in(value.strip(), depth + 1)
    return value if isinstance(value, dict) else None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number beyond the range of floating point")
    return number


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(strict=False, parse_float=_finite, parse_constant=_refuse)
