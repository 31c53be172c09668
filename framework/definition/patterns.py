"""Regular expressions that people write: they compile, and cannot keep a process busy for hours."""

from __future__ import annotations

import re

TEXT_LIMIT = 2_000
"""Characters of a message that regular expressions of a definition look at."""
_TOKEN = re.compile(
    r"""\\.|\[\^?\]?(?:\\.|[^\]\\])*\]   # an escape, a class: no group, no repetition in there
    |(?P<open>\((?:\?(?:[:=!>]|<[=!]|P?<\w+>|[a-zA-Z-]+:))?)|(?P<close>\))
    |(?P<many>[*+]|\{\d*,\}|\{\d*,\d{2,}\})|\{\d+(?:,\d)?\}|.""",
    re.VERBOSE | re.DOTALL,
)


def check_regex(text: str) -> None:
    """Raise ValueError for what is no regular expression, or one whose time may grow beyond all bounds.

    Such is a repetition of what holds a repetition: `(a+)+` needs twice the time for each further letter.
    """
    try:
        re.compile(text)
    except re.error as error:
        at = f" at character {error.pos + 1}" if error.pos is not None else ""
        raise ValueError(f"{text!r} is no regular expression: {error.msg}{at}") from None
    if _repeats_a_repetition(text):
        raise ValueError(
            f"{text!r} repeats what is repeated already, and could take hours for one message; "
            "take away one of the two * or +"
        )


def _repeats_a_repetition(text: str) -> bool:
    groups = [False]  # for each open group: whether something in it is repeated without a bound
    closed: bool | None = None  # of the group that ended just before
    for token in _TOKEN.finditer(text):
        if token["open"]:
            groups.append(False)
        elif token["close"] and len(groups) > 1:
            closed = groups.pop()
            groups[-1] |= closed
            continue
        elif token["many"]:
            if closed:
                return True
            groups[-1] = True
        closed = None
    return False
