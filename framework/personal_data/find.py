"""All kinds of personal data in one text, without overlaps."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from framework.personal_data.accounts import cards, ibans, social_security_numbers
from framework.personal_data.networks import emails, ips, macs, urls
from framework.personal_data.phones import phones

Spans = Iterator[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Found:
    """Personal data of a kind, at [start, end) in code points."""

    kind: str
    start: int
    end: int


# What is found first keeps its place: an IBAN holds digits that look like a phone number.
_FINDERS: Mapping[str, Callable[[str], Spans]] = {
    "url": urls,
    "email": emails,
    "iban": ibans,
    "card": cards,
    "credit_card": cards,
    "ssn": social_security_numbers,
    "mac_address": macs,
    "ip": ips,
    "phone": phones,
}
KINDS = frozenset(_FINDERS)


def find(text: str, kinds: Collection[str]) -> list[Found]:
    """Personal data of these kinds, in the order of the text. Digits of all scripts count; signs that nobody sees do
    not. Takes time in proportion to the text's length.
    """
    folded, places = _folded(text)
    found: list[Found] = []
    taken = bytearray(len(folded) + 1)
    for kind, finder in _FINDERS.items():
        if kind not in kinds:
            continue
        for start, end in finder(folded):
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append(Found(kind, places[start], places[end - 1] + 1))
    return sorted(found, key=lambda one: one.start)


def _folded(text: str) -> tuple[str, range | list[int]]:
    """The text with plain digits, letters and dashes, without signs that nobody sees; and where each sign stood."""
    if text.isascii():
        return text, range(len(text))
    kept: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        if sign.isascii():
            kept.append(sign)
            places.append(place)
        elif unicodedata.category(sign) not in {"Cf", "Mn"}:
            kept.append(_plain(sign))
            places.append(place)
    return "".join(kept), places


def _plain(sign: str) -> str:
    if (digit := unicodedata.decimal(sign, None)) is not None:
        return str(int(digit))
    if unicodedata.category(sign) == "Pd":
        return "-"
    if sign.isspace():
        return " " if sign not in "\u2028\u2029\x85" else "\n"
    plain = unicodedata.normalize("NFKC", sign)
    return plain if len(plain) == 1 else sign
