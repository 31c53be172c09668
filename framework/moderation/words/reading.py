"""A text as a person reads it: markup and entities resolved, signs folded, with the place of each in the text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from framework.moderation.words.letters import folded, is_word

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
_TAG = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|big|cite|code|del|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub|sup|tt|u|var"
    r"|wbr)(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"\*{1,3}|~~|\|\||`{1,3}|_{1,3}")
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]+")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_ODD = re.compile(r"[\x00-\x08\x0e-\x1f\x7f&<*~`|_]")
"""What has to be looked at in a plain text: control characters, and what may be markup."""
_ASCII_WORDS = bytes(chr(code).isalnum() for code in range(128)) + bytes(128)


@dataclass(frozen=True)
class Reading:
    """The signs of a text that are seen, in order.

    `plain` holds one small plain letter, digit or other sign each. It stands for [starts[i], ends[i]) of the text.
    `words[i]` is 1 if it belongs to a word: it is a letter, a mark or a digit.
    """

    text: str
    plain: str
    starts: Sequence[int]
    ends: Sequence[int]
    words: bytes

    def is_start(self, place: int) -> bool:
        """Whether no word character stands directly before."""
        return place == 0 or not self.words[place - 1]

    def is_end(self, place: int) -> bool:
        """Whether no word character stands directly after."""
        return place + 1 >= len(self.words) or not self.words[place + 1]


def read(text: str) -> Reading:
    """The text as a person sees it. Takes time in proportion to its length."""
    if text.isascii() and _ODD.search(text) is None:
        length = len(text)
        return Reading(text, text.lower(), range(length), range(1, length + 1), text.encode().translate(_ASCII_WORDS))
    if text.isascii() and "&" not in text and _CONTROL.search(text) is None:
        return _without_markup(text)
    plains: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    flags = _flags(text)
    place = 0
    for start, end, plain in _replaced(text):
        _append(text, place, start, flags, (plains, starts, ends))
        plains.append(plain)
        starts += [start] * len(plain)
        ends += [end] * len(plain)
        place = end
    _append(text, place, len(text), flags, (plains, starts, ends))
    whole = "".join(plains)
    words = whole.encode().translate(_ASCII_WORDS) if whole.isascii() else bytes(map(is_word, whole))
    return Reading(text, whole, starts, ends, words)


def _without_markup(text: str) -> Reading:
    """A plain text in which only markup has to be left out, which is much faster than the general case."""
    lower, place = text.lower(), 0
    plains: list[str] = []
    starts: list[int] = []
    for start, end in sorted(_markup(text)):
        if start < place:
            continue
        if start == place + 1:
            plains.append(lower[place])
            starts.append(place)
        else:
            plains.append(lower[place:start])
            starts += range(place, start)
        place = end
    plains.append(lower[place:])
    starts += range(place, len(text))
    whole = "".join(plains)
    return Reading(text, whole, starts, [start + 1 for start in starts], whole.encode().translate(_ASCII_WORDS))


def _append(
    text: str, start: int, end: int, flags: frozenset[int], signs: tuple[list[str], list[int], list[int]]
) -> None:
    """Add the signs [start, end) of the text as they are read."""
    plains, starts, ends = signs
    piece = text[start:end]
    if piece.isascii() and _CONTROL.search(piece) is None:
        plains.append(piece.lower())
        starts.extend(range(start, end))
        ends.extend(range(start + 1, end + 1))
        return
    for place, sign in enumerate(piece, start):
        plain = " " if place in flags else folded(sign)
        plains.append(plain)
        if len(plain) == 1:
            starts.append(place)
            ends.append(place + 1)
        else:
            starts += [place] * len(plain)
            ends += [place + 1] * len(plain)


def _replaced(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield what is not read as it stands: [start, end) and what it is read as. Markup is read as nothing."""
    found = [(start, end, "") for start, end in _markup(text)]
    if "&" in text:
        entities = ((one, html.unescape(one[0])) for one in _ENTITY.finditer(text))
        found += [(*one.span(), "".join(map(folded, plain))) for one, plain in entities if plain != one[0]]
    place = 0
    for start, end, plain in sorted(found):
        if start >= place:
            yield start, end, plain
            place = end


def _markup(text: str) -> Iterator[tuple[int, int]]:
    """Markup that is not shown: inline tags, and pairs of emphasis."""
    if "<" in text:
        yield from (one.span() for one in _TAG.finditer(text))
    opened: dict[str, tuple[int, int]] = {}
    padded = f" {text} "
    for one in _EMPHASIS.finditer(text):
        span, mark = one.span(), one[0]
        before, after = padded[span[0]], padded[span[1] + 1]
        opens, closes = not after.isspace(), not before.isspace()
        if mark[0] == "_":  # inside of a word an underscore does not emphasise
            opens, closes = opens and not before.isalnum(), closes and not after.isalnum()
        if closes and mark in opened:
            yield opened.pop(mark)
            yield span
        elif opens:
            opened[mark] = span


def _flags(text: str) -> frozenset[int]:
    """Where the letters of flags stand: two of them make a picture, not a word."""
    if text.isascii():
        return frozenset()
    pairs = (one for one in _FLAG.finditer(text) if len(one[0]) == 2)
    return frozenset(place for one in pairs for place in range(*one.span()))
