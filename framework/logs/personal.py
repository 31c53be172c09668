"""Strike personal data out of log lines: addresses of e-mail, phone numbers, bank accounts, cards."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any

from framework.personal_data import find

_KINDS = frozenset({"email", "iban", "card", "ssn", "phone"})
"""Addresses of networks and of pages are no part: without them no failure of a connection can be understood."""
_IN_IDS = frozenset({"email"})
_IDS = frozenset(
    {"bot", "bots", "channel", "channels", "message", "reply", "replica", "run", "user", "user_id", "users"}
)
"""Keys of ids. An id of digits alone looks like a phone number, and a line without its ids is worth nothing."""
_OURS = frozenset({"level", "logger", "timestamp"})
LONGEST = 8_000
"""Characters shown of one text. The search takes 0.6 s for 400,000, and a line is written on the loop."""
_BEYOND = 400
_MAY_HOLD = re.compile(r"[0-9@]")


class PersonalDataFilter:
    """A structlog processor. It puts `[email]`, `[phone]`, `[iban]`, `[card]` or `[ssn]` where such data stood, in our
    events and in those of libraries, in texts of errors and in tracebacks. Ids of people stay.
    """

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return the event without personal data. Takes time in proportion to its texts."""
        return {key: value if key in _OURS else _without(value, _kinds(key)) for key, value in event.items()}


def _kinds(key: object) -> Collection[str]:
    return _IN_IDS if key in _IDS else _KINDS


def _without(value: object, kinds: Collection[str]) -> object:
    """The value without personal data. What is neither text nor number is written as text, as the line shows it."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {_struck(str(key), kinds): _without(one, _kinds(key)) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_without(one, kinds) for one in value]
    return _struck(str(value), kinds)


def _struck(text: str, kinds: Collection[str]) -> str:
    # What begins before the cut is searched to its end: half of a number would not be found.
    start, cut = text[: LONGEST + _BEYOND], len(text) > LONGEST + _BEYOND
    shown = LONGEST if cut else len(text)
    parts, end = [], 0
    if not start.isascii() or _MAY_HOLD.search(start):
        for one in find(start, kinds):
            if one.start >= shown:
                break
            parts += [start[end : one.start], f"[{one.kind}]"]
            end = one.end
    parts.append(start[end:shown])
    return "".join(parts) + (f" [cut: {len(text)} characters]" if cut else "")
