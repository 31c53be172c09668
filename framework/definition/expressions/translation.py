r"""Regular expressions of Python in the syntax of RE2, with the meaning that they have in Python.

RE2 knows only letters, digits and blanks of ASCII, and only borders of such words (`\b`): `\büber\b` would never match.
So classes are written out, and borders are marked in the text: `\b` becomes the mark, and everything else skips marks.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from framework.values import Untyped

# How Python itself reads an expression. There is no public name for it.
_parser: Any = importlib.import_module("re._parser")

BORDER: Final = "\ue000"
NO_BORDER: Final = "\ue001"
_MOST_MARKS: Final = 8
_SPACES: Final = (
    " \t\n\r\f\v\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_POSITIVE: Final = {
    "CATEGORY_DIGIT": r"\p{Nd}",
    "CATEGORY_WORD": r"\p{L}\p{N}_",
    "CATEGORY_SPACE": "".join(f"\\x{{{ord(sign):x}}}" for sign in _SPACES),
}
_NEGATIVE: Final = {f"CATEGORY_NOT_{name.removeprefix('CATEGORY_')}": text for name, text in _POSITIVE.items()}
_IMPOSSIBLE: Final = {
    "ASSERT": "looks around with (?=...) or (?<=...)",
    "ASSERT_NOT": "looks around with (?!...) or (?<!...)",
    "GROUPREF": "refers to a group, as in \\1 or (?P=name)",
    "GROUPREF_IGNORE": "refers to a group, as in \\1 or (?P=name)",
    "GROUPREF_EXISTS": "asks whether a group took part, (?(1)...)",
    "ATOMIC_GROUP": "has an atomic group (?>...)",
    "POSSESSIVE_REPEAT": "has a possessive repetition, as in *+",
}
_REMEDY: Final = "Say it in two expressions, or with another group"
Items = Sequence[tuple[Any, Any]]


class NotLinearError(Exception):
    """The expression would take more than linear time, or cannot be translated."""


@dataclass(frozen=True)
class Translated:
    """An expression for RE2. `borders`, `insides`: how many marks it needs where there is a border, and where not."""

    text: str
    borders: int
    insides: int

    def marked(self, text: str) -> str:
        """Return the text with marks at the borders of words."""
        if not self.borders and not self.insides:
            return text
        text = self.unmarked(text)
        if self.insides:
            text = re.sub(r"\B", NO_BORDER * self.insides, text)
            return re.sub(rf"(?<!{NO_BORDER})\b(?!{NO_BORDER})", BORDER * self.borders, text) if self.borders else text
        return re.sub(r"\b", BORDER * self.borders, text)

    def unmarked(self, text: str) -> str:
        """Return a text without marks."""
        return text.replace(BORDER, "").replace(NO_BORDER, "")


def translated(source: str, *, ignore_case: bool) -> Translated:
    """Translate an expression. Raises re.error for one that is broken, NotLinearError for one that cannot be."""
    re.compile(source)
    tree = _parser.parse(source, re.IGNORECASE if ignore_case else 0)
    flags = tree.state.flags
    if flags & re.ASCII:
        raise NotLinearError("has the flag `a`: leave it out and write classes, such as [0-9]")
    borders, insides = _marks(tree, "AT_BOUNDARY"), _marks(tree, "AT_NON_BOUNDARY")
    if max(borders, insides) > _MOST_MARKS:
        raise NotLinearError(f"asks for borders of words (\\b, \\B) more than {_MOST_MARKS} times in a row")
    names = {number: name for name, number in tree.state.groupdict.items()}
    text = _Writer(names, marked=bool(borders or insides)).sequence(tree, flags)
    return Translated(f"(?i:{text})" if flags & re.IGNORECASE else text, borders, insides)


def _marks(items: Untyped, kind: str) -> int:
    """Return the most marks of a kind on one path through the expression."""
    count = 0
    for op, value in items:
        name = str(op)
        if name == "AT":
            count += str(value) == kind
        elif name == "BRANCH":
            count += max(_marks(branch, kind) for branch in value[1])
        elif name == "SUBPATTERN":
            count += _marks(value[3], kind)
        elif name in {"MAX_REPEAT", "MIN_REPEAT"}:
            count += _marks(value[2], kind)
    return count


class _Writer:
    """Writes a tree of Python's as an expression of RE2."""

    def __init__(self, names: Mapping[int, str], *, marked: bool) -> None:
        self._names = names
        self._marks = f"\\x{{{ord(BORDER):x}}}\\x{{{ord(NO_BORDER):x}}}" if marked else ""
        self._skip = f"[{self._marks}]*" if marked else ""
        self._writers: Mapping[str, Callable[[Any, int], str]] = {
            "LITERAL": lambda value, _flags: self._skip + _sign(value),
            "NOT_LITERAL": lambda value, _flags: f"{self._skip}[^{_sign(value)}{self._marks}]",
            "ANY": self._any,
            "IN": lambda value, _flags: self._skip + self._class(value),
            "AT": self._place,
            "BRANCH": self._branch,
            "SUBPATTERN": self._group,
            "MAX_REPEAT": lambda value, flags: self._repeat(value, flags, ""),
            "MIN_REPEAT": lambda value, flags: self._repeat(value, flags, "?"),
        }

    def sequence(self, items: Untyped, flags: int) -> str:
        """One after the other."""
        return "".join(self._one(op, value, flags) for op, value in _ordered(list(items)))

    def _one(self, op: object, value: Untyped, flags: int) -> str:
        name = str(op)
        if name in _IMPOSSIBLE:
            raise NotLinearError(f"{_IMPOSSIBLE[name]}, which cannot be run in linear time. {_REMEDY}")
        return self._writers[name](value, flags)

    def _any(self, _value: object, flags: int) -> str:
        but = self._marks if flags & re.DOTALL else rf"\n{self._marks}"
        return self._skip + (f"[^{but}]" if but else "(?s:.)")

    def _place(self, value: object, flags: int) -> str:
        lines = bool(flags & re.MULTILINE)
        return {
            "AT_BEGINNING": "(?m:^)" if lines else r"\A",
            "AT_BEGINNING_STRING": r"\A",
            "AT_END": self._skip + ("(?m:$)" if lines else r"\n?\z"),
            "AT_END_STRING": self._skip + r"\z",
            "AT_BOUNDARY": _sign(ord(BORDER)),
            "AT_NON_BOUNDARY": _sign(ord(NO_BORDER)),
        }[str(value)]

    def _branch(self, value: Untyped, flags: int) -> str:
        return f"(?:{'|'.join(self.sequence(branch, flags) for branch in value[1])})"

    def _group(self, value: Untyped, flags: int) -> str:
        number, added, removed, inner = value
        written = self.sequence(inner, (flags | added) & ~removed)
        if added & re.IGNORECASE:
            written = f"(?i:{written})"
        elif removed & re.IGNORECASE:
            written = f"(?-i:{written})"
        return f"(?P<{self._names[number]}>{written})" if number in self._names else f"(?:{written})"

    def _repeat(self, value: Untyped, flags: int, lazy: str) -> str:
        least, most, inner = value
        many = "" if most == _parser.MAXREPEAT else most
        return f"(?:{self.sequence(inner, flags)}){{{least},{many}}}{lazy}"

    def _class(self, items: Items) -> str:
        negated = str(items[0][0]) == "NEGATE"
        plain = "".join(_member(op, value) for op, value in items if str(value) not in _NEGATIVE)
        without = [_NEGATIVE[str(value)] for _, value in items if str(value) in _NEGATIVE]
        if not negated:
            parts = [f"[{plain}]" if plain else "", *(f"[^{one}{self._marks}]" for one in without)]
            return f"(?:{'|'.join(part for part in parts if part)})"
        if not without:
            return f"[^{plain}{self._marks}]"
        if len(without) > 1:
            raise NotLinearError("has two of \\W, \\D and \\S in one [^...]: write one of them alone")
        return self._both(without[0], plain, items)

    def _both(self, wanted: str, unwanted: str, items: Items) -> str:
        r"""`[^\W_]`: what is in one class and not in another, which RE2 has no sign for."""
        parts = []
        if r"\p{" in wanted:
            kinds = re.findall(r"\\p(\{\w+\})", wanted)
            parts = [f"[^\\P{kind}{unwanted}{self._marks}]" for kind in kinds]
        rest = "_" if wanted.endswith("_") else _SPACES if not parts else ""
        left = "".join(_sign(ord(sign)) for sign in rest if not _has(items[1:], sign))
        parts += [f"[{left}]"] if left else []
        return f"(?:{'|'.join(parts)})" if parts else r"[^\x00-\x{10FFFF}]"


def _ordered(items: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Order adjacent places as marks are: the beginning, a border, the end; each once."""
    ordered: list[tuple[Any, Any]] = []
    places: list[Any] = []
    for op, value in [*items, (None, None)]:
        if str(op) == "AT":
            places.append((op, value))
            continue
        seen = {str(place): (kind, place) for kind, place in places}
        ordered += sorted(seen.values(), key=lambda one: _rank(str(one[1])))
        places = []
        if op is not None:
            ordered.append((op, value))
    return ordered


def _rank(place: str) -> int:
    return 0 if "BEGINNING" in place else 1 if "BOUNDARY" in place else 2


def _sign(code: int) -> str:
    return f"\\x{{{code:x}}}"


def _member(op: object, value: Untyped) -> str:
    name = str(op)
    if name == "LITERAL":
        return _sign(value)
    if name == "RANGE":
        return f"{_sign(value[0])}-{_sign(value[1])}"
    return _POSITIVE[str(value)] if name == "CATEGORY" else ""


def _has(items: Items, sign: str) -> bool:
    r"""Return whether a class has a sign, apart from its \W, \D and \S."""
    for op, value in items:
        name = str(op)
        if name == "LITERAL" and value == ord(sign):
            return True
        if name == "RANGE" and value[0] <= ord(sign) <= value[1]:
            return True
        if name == "CATEGORY" and str(value) == "CATEGORY_SPACE" and sign in _SPACES:
            return True
        if name == "CATEGORY" and str(value) == "CATEGORY_WORD" and sign == "_":
            return True
    return False
