"""What people read of a call before they decide: every argument, one a line, the longest last, nothing cut."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_BLANKS = re.compile(r" {4,}")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET = frozenset(
    {"secret", "secrets", "password", "passwd", "passphrase", "pwd", "token", "credential", "credentials"}
)
_SECRET_PAIRS = frozenset(
    {("auth", "key"), ("private", "key"), ("api", "key"), ("access", "key"), ("server", "key"), ("p", "cert")}
)
_MARKS, _MARKS_IN_A_ROW = frozenset({"Mn", "Me"}), 2  # more than languages use, they cover the lines around them
# What no font shows, though it is a letter or a mark to Unicode.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Whoever decides must see these, whatever else stands in the name.
_MONEY = frozenset(
    {
        "amount",
        "price",
        "sum",
        "total",
        "money",
        "fee",
        "cost",
        "balance",
        "currency",
        "iban",
        "bic",
        "account",
        "count",
    }
)


@dataclass(frozen=True)
class Hidden:
    """Stands in place of a secret. `length` counts its characters."""

    length: int

    def __str__(self) -> str:
        return f"[hidden: {self.length} characters]"


def is_secret(name: str) -> bool:
    """Whether what stands under this name is kept from people: by whole words, `api_key` and `apiKey` alike."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if _MONEY.intersection(words):
        return False
    return bool(_SECRET.intersection(words)) or any(pair in _SECRET_PAIRS for pair in pairwise(words))


def hidden(value: object, *, secret: bool = False) -> object:
    """The value with a word in place of each secret in it, which says how long the secret is."""
    if isinstance(value, Mapping):
        return {str(key): hidden(item, secret=secret or is_secret(str(key))) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(item, secret=secret) for item in value]
    return str(Hidden(len(_written(value)))) if secret and _can_be_secret(value) else value


def lines(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    r"""One line for each argument, the longest last, without secrets. Raises nothing, whatever the arguments hold.

    A value is JSON. What cannot be seen, or could change how the rest is seen (line ends, direction marks, backticks, a
    long run of blanks), is written as its `\uXXXX`, so that no value can end its line or look like another argument.
    """
    shown = hidden(arguments)
    named = [_line(str(name), value) for name, value in shown.items()] if isinstance(shown, dict) else []
    told = _told_of_secrets(arguments)
    return (*told, *sorted(named, key=lambda line: (len(line), line)))


def visible(text: str) -> str:
    """A text that shows every character in it, on one line, for use inside JSON quotes."""
    shown, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in _MARKS else 0
        shown.append(character if _is_seen(character) and marks <= _MARKS_IN_A_ROW else _escaped(character))
    return _BLANKS.sub(lambda found: "\\u0020" * len(found[0]), "".join(shown))


def _line(name: str, value: object) -> str:
    plain = name if _PLAIN_NAME.fullmatch(name) else visible(json.dumps(name, ensure_ascii=False))
    return f"{plain}: {visible(_written(value))}"


def _told_of_secrets(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    places = [visible(place) for place in _secrets(arguments, "")]
    if not places:
        return ()
    return (f"# Hidden, because of the name: {', '.join(places)}. Deny if you have to see it.",)


def _secrets(value: object, place: str, *, secret: bool = False) -> list[str]:
    if isinstance(value, Mapping):
        found = []
        for key, item in value.items():
            below = f"{place}.{key}" if place else str(key)
            found += _secrets(item, below, secret=secret or is_secret(str(key)))
        return found
    if isinstance(value, list | tuple):
        return [one for n, item in enumerate(value) for one in _secrets(item, f"{place}[{n}]", secret=secret)]
    return [place] if secret and _can_be_secret(value) else []


def _can_be_secret(value: object) -> bool:
    return value is not None and value != "" and not isinstance(value, bool)


def _written(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:  # an integer of more digits than Python writes
        return f"{value:#x}" if isinstance(value, int) else repr(type(value).__name__)


def _is_seen(character: str) -> bool:
    if " " <= character <= "~":
        return character != "`"
    return unicodedata.category(character)[0] not in "CZ" and not _UNSEEN.match(character)


def _escaped(character: str) -> str:
    """As JSON writes a character: two halves above U+FFFF."""
    raw = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(raw[place : place + 2]):04x}" for place in range(0, len(raw), 2))
