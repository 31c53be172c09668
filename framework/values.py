"""Types of values that come from outside, and the mending of texts that no database and no model takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A value that JSON has: dict, list, str, int, float, bool or None. Whoever reads it checks what it is."""

JsonObject: TypeAlias = Mapping[str, Any]
"""A JSON object that is only read."""

Untyped: TypeAlias = Any
"""An object of a library that ships no types, or of a kind that Python cannot name."""


def well_formed(text: str) -> str:
    """Return the text with U+FFFD for each half of a surrogate pair, which UTF-8 cannot carry. JSON and the arguments
    of a program can bring them in.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def well_formed_json(value: Json) -> Json:
    """Return a JSON value with `well_formed` texts and names of fields."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, Mapping):
        return {well_formed(str(key)): well_formed_json(one) for key, one in value.items()}
    return [well_formed_json(one) for one in value] if isinstance(value, (list, tuple)) else value
