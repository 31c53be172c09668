"""Strike secrets out of log lines: the second line of defence. The first is not to log them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from pydantic import SecretStr

_SHORTEST = 6  # a shorter value stands in half of all lines
_SHAPES = (
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?"), "[token]"),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"), "[key]"),
)
_NAMED = (
    re.compile(r"(?i)\b(authorization|api_secret|api-secret|password)(\W{1,4})(?:bearer\s+)?[^\s\"'&,;}\]]+"),
    r"\1\2[secret]",
)


class Redactor:
    """Strikes secrets out of a finished line: known values, and texts with the shape of a secret.

    With `named`, the word after "password" or the like is struck out as well. In texts of people that is just a word.
    """

    def __init__(self, secrets: Iterable[SecretStr] = (), *, named: bool = True) -> None:
        self._shapes = (*_SHAPES, _NAMED) if named else _SHAPES
        known: set[str] = set()
        for secret in secrets:
            value = secret.get_secret_value()
            if len(value) >= _SHORTEST:
                # As it is, and as JSON and repr write it.
                known |= {
                    value,
                    json.dumps(value)[1:-1],
                    json.dumps(value, ensure_ascii=False)[1:-1],
                    repr(value)[1:-1],
                }
        longest_first = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def __call__(self, line: str) -> str:
        """Return the line without secrets."""
        if self._known is not None:
            line = self._known.sub("[secret]", line)
        for shape, substitute in self._shapes:
            line = shape.sub(substitute, line)
        return line
