"""Run regular expressions of owners by RE2, in time linear in the length of the text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from framework.definition.expressions.translation import NotLinearError, translated
from framework.values import Untyped

TEXT_LIMIT: Final = 20_000
"""Characters of a text that are searched: as many as the longest message has."""
MOST_STEPS: Final = 50_000
"""Instructions of a compiled expression. One with large counts, such as `(\\w{1,100} ){1,100}`, has millions."""
REGEX_HINT: Final = (
    "Regular expressions are those of Python without look-around, references to groups and possessive repetition; "
    "put them into '...'."
)
_MEMORY: Final = 16 * 1024 * 1024


class LinearPattern:
    r"""A regular expression in Python's syntax and with Python's meaning, without what only backtracking can do.

    Look-around, references to groups, possessive and atomic groups are not possible. `\b`, `\w`, `\d` and `\s` know
    all of Unicode, as in Python. Raises ValueError for an expression that is broken or not possible, and says why.
    """

    def __init__(self, source: str, *, ignore_case: bool = False) -> None:
        self.source = source
        try:
            self._translated = translated(source, ignore_case=ignore_case)
        except re.error as error:
            at = f" at character {error.pos + 1}" if error.pos is not None else ""
            raise ValueError(f"{source!r} is not a regular expression: {error.msg}{at}") from None
        except NotLinearError as error:
            raise ValueError(f"{source!r} {error}") from None
        except RecursionError:
            raise ValueError("the regular expression is nested too deep") from None
        self._compiled = _compiled(source, self._translated.text)
        self.names = frozenset(self._compiled.groupindex)

    def matches(self, text: str) -> bool:
        """Return whether it matches anywhere in the first `TEXT_LIMIT` characters of a text."""
        return self._compiled.search(self._translated.marked(_shown(text))) is not None

    def groups(self, text: str) -> dict[str, str] | None:
        """Return the texts of its named groups in the first `TEXT_LIMIT` characters, or None if it does not match."""
        match = self._compiled.search(self._translated.marked(_shown(text)))
        if match is None:
            return None
        caught = match.groupdict()
        return {name: self._translated.unmarked(value) for name, value in caught.items() if value is not None}


@lru_cache(maxsize=1_000)
def linear(source: str, *, ignore_case: bool = False) -> LinearPattern:
    """Compile an expression, once. Raises ValueError, see LinearPattern."""
    return LinearPattern(source, ignore_case=ignore_case)


def check_regex(source: str) -> None:
    """Raise ValueError for what is not a regular expression, or one that the linear engine cannot take."""
    linear(source)


def _shown(text: str) -> str:
    # A lone half of a surrogate pair is not a character, and RE2 reads UTF-8.
    return text[:TEXT_LIMIT].encode("utf-8", "replace").decode("utf-8")


def _compiled(source: str, text: str) -> Untyped:
    import re2  # type: ignore[import-untyped]  # 30 ms: only bots with such an expression need it

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(text, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise ValueError(f"{source!r} cannot be run in linear time: {said.partition(':')[0]}") from None
    if compiled.programsize > MOST_STEPS:
        raise ValueError(f"{source!r} is too large: count less far than in {{1,100}}, or write `+`")
    return compiled
