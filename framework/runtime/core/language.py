"""What somebody said in their own words, and what can be found in it: names, words, the signs of a question."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]+`", re.DOTALL)
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_AT = re.compile(r"(?<![\w@./+-])@(\w[\w.-]*)")
_EVERYBODY = frozenset({"all", "everyone", "everybody", "here", "channel", "room"})
_QUESTION_MARKS = frozenset("?？؟⁇")
_ASKING = re.compile(
    r"^\W*(?:how|what|why|when|where|who|which|can|could|does|do|is|are|wie|was|warum|wo|wer|kann|cómo|qué|comment)\b",
    re.IGNORECASE,
)
# Written without blanks between words: there, no border of a word can be asked for.
_WITHOUT_BLANKS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")


def own_words(text: str) -> str:
    """The text without code, and without lines that quote others (`> ...`)."""
    return _QUOTED_LINE.sub("", _CODE.sub(" ", text))


def plain(text: str) -> str:
    """For comparing: without case, accents and doubled blanks."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(sign for sign in decomposed if not unicodedata.combining(sign)).split())


def has_words(text: str, words: str) -> bool:
    """Whether these words stand in the text as whole words, whatever their case and accents."""
    wanted = plain(words)
    return bool(wanted) and _whole(wanted).search(plain(text)) is not None


def names_somebody(text: str, names: Iterable[str], others: Iterable[str] = ()) -> bool:
    """Whether one of these names is called with an `@`, as a whole word and outside code and quotes.

    `others` are names of other people: `@Fern Help Team` does not call `Fern Help` if somebody has the longer name.
    """
    names = tuple(names)
    if "@" not in text:
        return False
    said = plain(own_words(text))
    for other in sorted(map(plain, others), key=len, reverse=True):
        if any(other.startswith(plain(name)) and len(other) > len(plain(name)) for name in names if name.strip()):
            said = _called(other).sub(" ", said)
    return any(name.strip() and _called(plain(name)).search(said) is not None for name in names)


def called(text: str) -> tuple[str, ...]:
    """Return the names called with an `@` in the text, without words that mean everybody."""
    found = (match[1].rstrip(".-") for match in _AT.finditer(own_words(text)))
    return tuple(name for name in found if name.casefold() not in _EVERYBODY)


def begins_with_name(text: str, names: Iterable[str]) -> bool:
    """Whether the text turns to one of these people: `Ben, could you...`, `Hi Ben!`."""
    said = plain(own_words(text))
    return any(name.strip() and _vocative(plain(name)).search(said) is not None for name in names)


def asks(text: str) -> bool:
    """Whether it looks like a question."""
    return any(sign in _QUESTION_MARKS for sign in text) or _ASKING.match(text) is not None


def says_something(text: str) -> bool:
    """Whether there is more than blanks and marks that nobody sees (directions, joiners)."""
    return any(not sign.isspace() and unicodedata.category(sign) not in {"Cc", "Cf"} for sign in text)


def runs_of(text: str, length: int) -> set[tuple[str, ...]]:
    """All that stands in a text as so many words in a row."""
    words = plain(text).split()
    return {tuple(words[n : n + length]) for n in range(len(words) - length + 1)}


@lru_cache(maxsize=1_000)
def _whole(words: str) -> re.Pattern[str]:
    before = r"(?<!\w)" if _is_bordered(words[0]) else ""
    after = r"(?!\w)" if _is_bordered(words[-1]) else ""
    return re.compile(f"{before}{re.escape(words)}{after}")


def _is_bordered(sign: str) -> bool:
    return sign.isalnum() and not unicodedata.name(sign, "").startswith(_WITHOUT_BLANKS)


@lru_cache(maxsize=1_000)
def _called(name: str) -> re.Pattern[str]:
    # Neither inside an address (`help@agent-bot.example`) nor as the beginning of a longer name (`@agent-bot-2`).
    return re.compile(rf"(?<![\w@./+-])@{re.escape(name)}(?![\w@]|[-.]\w)")


_GREETING = r"(?:hi|hey|hello|hallo|hola|thanks|thank you|ok|okay|danke|sure|yes|ja)"
_PARTING = r"(?:thanks|thank you|thx|cheers|danke|merci|gracias|bye|see you|got it|sounds good|good night)"
_REQUEST = r"(?:can|could|would|will|do|did|are|have|were|should|kannst|konntest|hast|bist|weisst|willst|wurdest)"


@lru_cache(maxsize=1_000)
def _vocative(name: str) -> re.Pattern[str]:
    """`Ben, ...`, `Ben can you ...`, `hi Ben`, `thanks, see you there Ben!`; not `I want to talk to Ben`."""
    who = rf"{re.escape(name)}(?!\w)"
    begins = rf"^\W*(?:{_GREETING}[ ,]+)?{who}(?:\s*[,:!?]|\s+{_REQUEST}\s+(?:you|u|du|ihr|sie)\b)"
    ends = rf"^\W*(?:{_GREETING}[ ,]+|{_PARTING}\b[^?]*\W){who}\W*$"
    return re.compile(f"{begins}|{ends}")
