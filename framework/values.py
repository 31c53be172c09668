"""Types of values that come from outside, and the repair of texts that databases and models refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A value of JSON: dict, list, str, int, float, bool or None. The reader checks which."""

JsonObject: TypeAlias = Mapping[str, Any]
"""A JSON object that is only read."""

Untyped: TypeAlias = Any
"""An object of a library that ships no types, or of a kind that Python cannot name."""


def well_formed(text: str) -> str:
    """Return the text with U+FFFD for each half of a surrogate pair. UTF-8 cannot encode them; JSON and the arguments
    of a program can contain them.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def well_formed_json(value: Json) -> Json:
    """Return a JSON value with `well_formed` texts and names of fields."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, Mapping):
        return {well_formed(str(key)): well_formed_json(one) for key, one in value.items()}
    return [well_formed_json(one) for one in value] if isinstance(value, (list, tuple)) else value
