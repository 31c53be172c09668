"""Attacks a regular expression with texts made of its own parts: the longest time that it takes for one of them."""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

_parser: Any = importlib.import_module("re._parser")
_constants: Any = importlib.import_module("re._constants")

LENGTH: Final = 5_000
BAR: Final = 0.05
"""Seconds of the processor for one text of LENGTH characters."""
_STEPS: Final = (
    *((length, BAR / 10, 2_000) for length in (16, 20, 24, 28, 32)),  # so long for so little: it is exponential
    (100, BAR, 2_000),
    (400, BAR, 60),
    (1_600, BAR, 12),
    (LENGTH, BAR, 1),
)
"""Characters, the most seconds for them, and how many of the slowest texts go on."""
_MOST_SIGNS: Final = 14
_MOST_PREFIXES: Final = 8
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": "7",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_WORD": "-",
}
_ANY: Final = "a \n<\"'|-_.,:/@`*"
_SUFFIXES: Final = ("", "x", "\x00", "\n!")

Search = Callable[[str], object]


@dataclass(frozen=True)
class Attack:
    """A text, as what comes first, what is repeated, and what ends it."""

    prefix: str
    pump: str
    suffix: str

    def text(self, length: int) -> str:
        """So many characters of it."""
        room = max(1, length - len(self.prefix) - len(self.suffix))
        return self.prefix + (self.pump * (room // len(self.pump) + 1))[:room] + self.suffix


def worst(searches: Sequence[Search], attacks: Iterable[Attack]) -> tuple[float, Attack | None]:
    """The longest time in seconds that one of the searches takes for one of the attacks, and which attack that is.

    Texts grow step by step, and of many only the slowest go on: what takes too long while it is short is not made any
    longer, and is told at once.
    """
    given = list(attacks)
    slowest: tuple[float, Attack | None] = (0.0, None)
    for search in searches:
        left = given
        for length, bar, kept in _STEPS:
            timed = []
            for attack in left:
                seconds = _seconds(search, attack.text(length), bar)
                timed.append((seconds, attack))
                if seconds > bar:
                    return BAR * seconds / bar, attack
            timed.sort(key=_first, reverse=True)
            left = [attack for _, attack in timed[:kept]]
        slowest = max(slowest, timed[0], key=_first) if timed else slowest
    return slowest


def attacks_on(pattern: str, flags: int = 0) -> list[Attack]:
    """Texts of fragments of a pattern's parse tree: each repetition after what stands before it, and pairs of signs."""
    tree = _parser.parse(pattern, flags)
    signs = list(dict.fromkeys(_signs(tree)))
    signs = (signs + [sign for sign in " a\n" if sign not in signs])[:_MOST_SIGNS]
    words = [word for word in dict.fromkeys(_bodies(tree)) if 1 < len(word) <= 40][:_MOST_SIGNS]
    pumps = [*signs, *(a + b for a in signs for b in signs if a != b), *words, *(w + s for w in words for s in " \n,")]
    prefixes = list(dict.fromkeys(["", *_prefixes(tree, "")]))
    if len(prefixes) > _MOST_PREFIXES:
        step = len(prefixes) / _MOST_PREFIXES
        prefixes = [prefixes[int(n * step)] for n in range(_MOST_PREFIXES)]
    return [Attack(prefix, pump, suffix) for prefix in prefixes for pump in pumps for suffix in _SUFFIXES]


def searches_of(pattern: re.Pattern[str], methods: Iterable[str]) -> list[Search]:
    """What the package does with a pattern, by the methods that it calls."""
    return [_SEARCHES[name](pattern) for name in dict.fromkeys(_KINDS[method] for method in methods)]


_KINDS: Final = {
    "search": "search",
    "match": "match",
    "fullmatch": "fullmatch",
    **dict.fromkeys(("finditer", "findall", "sub", "subn", "split"), "finditer"),
}
_SEARCHES: Final[dict[str, Callable[[re.Pattern[str]], Search]]] = {
    "search": lambda pattern: pattern.search,
    "match": lambda pattern: pattern.match,
    "fullmatch": lambda pattern: pattern.fullmatch,
    "finditer": lambda pattern: lambda text: sum(1 for _ in pattern.finditer(text)),
}
METHODS: Final = tuple(_KINDS)


def _first(pair: tuple[float, Any]) -> float:
    return pair[0]


def _seconds(search: Search, text: str, bar: float) -> float:
    """The best of three, unless the first is good. Of this thread: servers of other tests may still run beside it."""
    best = float("inf")
    for _ in range(3):
        begun = time.thread_time()
        search(text)
        best = min(best, time.thread_time() - begun)
        if best <= bar:
            break
    return best


def _children(op: Any, value: Any) -> Iterator[Any]:
    name = str(op)
    if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        yield value[2]
    elif name == "SUBPATTERN":
        yield value[3]
    elif name == "BRANCH":
        yield from value[1]
    elif name in {"ASSERT", "ASSERT_NOT"}:
        yield value[1]
    elif name == "ATOMIC_GROUP":
        yield value
    elif name == "GROUPREF_EXISTS":
        yield from (one for one in value[1:] if one is not None)


def _signs(tree: Any) -> Iterator[str]:
    """One sign, or some, for each atom."""
    for op, value in tree:
        yield from _atom(op, value)
        for child in _children(op, value):
            yield from _signs(child)


def _atom(op: Any, value: Any) -> Iterator[str]:
    name = str(op)
    if name == "LITERAL":
        yield chr(value)
    elif name == "NOT_LITERAL":
        yield next(sign for sign in _ANY if ord(sign) != value)
    elif name == "ANY":
        yield "a"
    elif name == "IN":
        yield from _members(value)


def _members(items: Any) -> list[str]:
    if str(items[0][0]) == "NEGATE":
        return [sign for sign in _ANY if not _holds(items[1:], sign)][:2]
    found: list[str] = []
    for op, value in items:
        name = str(op)
        if name == "LITERAL":
            found.append(chr(value))
        elif name == "RANGE":
            found.append(chr(value[0]))
        elif name == "CATEGORY":
            found.append(_CATEGORIES[str(value)])
    return [*found[:2], *found[-1:]]


def _holds(items: Any, sign: str) -> bool:
    code = ord(sign)
    for op, value in items:
        name = str(op)
        if name == "LITERAL" and value == code:
            return True
        if name == "RANGE" and value[0] <= code <= value[1]:
            return True
        if name == "CATEGORY" and re.fullmatch(_CATEGORY_PATTERNS[str(value)], sign):
            return True
    return False


_CATEGORY_PATTERNS: Final = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}


def _example(tree: Any) -> str:
    """A text that the tree matches, but for what it asks of its surroundings."""
    made = ""
    for op, value in tree:
        name = str(op)
        if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            made += _example(value[2]) * max(1, min(value[0], 20))
        elif name == "BRANCH":
            made += _example(value[1][0])
        elif name == "SUBPATTERN":
            made += _example(value[3])
        elif name == "ATOMIC_GROUP":
            made += _example(value)
        else:
            made += next(_atom(op, value), "")
    return made


def _bodies(tree: Any) -> Iterator[str]:
    """A text for what each repetition repeats, and for each branch."""
    for op, value in tree:
        if "REPEAT" in str(op):
            yield _example(value[2])
        if str(op) == "BRANCH":
            yield from (_example(branch) for branch in value[1][:4])
        for child in _children(op, value):
            yield from _bodies(child)


def _prefixes(tree: Any, before: str) -> Iterator[str]:
    """What stands before each repetition."""
    for op, value in tree:
        if "REPEAT" in str(op):
            yield before
        for child in _children(op, value):
            yield from _prefixes(child, before)
        if not str(op).startswith("ASSERT"):
            before += _example([(op, value)])
