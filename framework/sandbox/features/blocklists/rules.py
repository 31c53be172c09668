"""Looking for what a blocklist forbids."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from framework.sandbox.features.blocklists.record import BLOCKLISTS, PROFANITY, Blocklist, blocklist_key
from framework.sandbox.kernel.wire import Untyped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ahocorasick_rs import AhoCorasick

    from framework.sandbox.kernel.sandbox import Sandbox

Span = tuple[int, int]
_LEET = str.maketrans("013457@$", "oleastas")
_CONFUSABLE = str.maketrans("абвгдеёжзийклмнопрстуфхіѕјһ", "a6brgeеж3uйkлmhonpctyфxisjh")
# Each takes whole runs, so that no sign is looked at from more than one beginning.
_LABELS = r"[a-z0-9-]++(?>(?:\.[a-z0-9-]++)*)"
_DOMAIN = re.compile(rf"(?>(?:https?://)?)({_LABELS})(?>([/:?#]\S*+)?)", re.IGNORECASE)
_EMAIL = re.compile(rf"[\w.+-]++(?>(?:@({_LABELS}))?)", re.IGNORECASE)
_LABEL = re.compile(r"[a-z]{2,}", re.IGNORECASE)
_MAX_PATTERN = 200
_MOST_STEPS = 50_000


def find(sandbox: Sandbox, name: str, team: str | None = None) -> Blocklist | None:
    """A list by name: the team's, the app's, the built-in one."""
    lists = sandbox.store[BLOCKLISTS]
    found = lists.get(blocklist_key(name, team)) or lists.get(blocklist_key(name, None))
    return found or (PROFANITY if name == PROFANITY.name else None)


def spans(blocklist: Blocklist, text: str) -> list[Span]:
    """Where a text holds what the list forbids, as (start, end)."""
    if blocklist.type == "regex":
        return _of_patterns(blocklist.words, text)
    if blocklist.type.startswith("domain"):
        return _of_names(_DOMAIN, blocklist, text)
    if blocklist.type.startswith("email"):
        return _of_names(_EMAIL, blocklist, text)
    return _of_words(blocklist, text)


def mask(text: str, found: Iterable[Span]) -> str:
    """Return a text with asterisks in place of what was found."""
    masked = list(text)
    for start, end in found:
        masked[start:end] = "*" * (end - start)
    return "".join(masked)


def _of_words(blocklist: Blocklist, text: str) -> list[Span]:
    """Words of a list, the leftmost and longest. Signs that nobody sees are skipped, so they hide no word."""
    places: Sequence[int] = range(len(text))
    if not text.isascii():
        places = [place for place, sign in enumerate(text) if not _is_unseen(sign)]
    seen = "".join(text[place] for place in places)
    words, plural, inside = _words(blocklist)
    folded = _folded(blocklist, seen)
    found: list[Span] = []
    matches = _automaton(words).find_matches_as_indexes(folded, overlapping=True) if words else []
    ends = [(start, _end(folded, end, plural=plural, inside=inside)) for _, start, end in matches]
    for start, end in sorted(((s, e) for s, e in ends if e), key=lambda one: (one[0], -one[1])):
        free = not found or start >= found[-1][1]
        if free and (inside or start == 0 or not _is_word(folded[start - 1])):
            found.append((start, end))
    return [(places[start], places[end - 1] + 1) for start, end in found]


def _end(text: str, end: int, *, plural: bool, inside: bool) -> int:
    """Where a word that ends here ends with its plural; 0 if it goes on otherwise."""
    for tail in ("es", "s", "") if plural else ("",):
        last = end + len(tail)
        if text.startswith(tail, end) and (inside or last == len(text) or not _is_word(text[last])):
            return last
    return 0


def _is_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def _is_unseen(sign: str) -> bool:
    return unicodedata.category(sign) == "Cf" or sign in "\u034f\u115f\u1160\u3164\uffa0"


def _folded(blocklist: Blocklist, text: str) -> str:
    """A text as it is compared; it keeps its length, so that places in it hold for the original."""
    folds = (blocklist.is_confusable_folding_enabled, blocklist.is_leet_check_enabled)
    return _compared(text, confusable=folds[0], leet=folds[1])


def _compared(text: str, *, confusable: bool, leet: bool) -> str:
    folded = text.lower() if text.isascii() else "".join(_one(letter) for letter in text)
    if confusable:
        folded = folded.translate(_CONFUSABLE)
    return folded.translate(_LEET) if leet else folded


def _one(letter: str) -> str:
    plain = unicodedata.normalize("NFKD", letter)[:1].lower()
    return plain if len(plain) == 1 else letter


def _words(blocklist: Blocklist) -> tuple[tuple[str, ...], bool, bool]:
    folds = (blocklist.is_confusable_folding_enabled, blocklist.is_leet_check_enabled)
    words = _folded_words(tuple(blocklist.words), *folds)
    return words, blocklist.is_plural_check_enabled, blocklist.is_substring_matching_enabled


@lru_cache(maxsize=64)
def _folded_words(words: tuple[str, ...], confusable: bool, leet: bool) -> tuple[str, ...]:
    return tuple(filter(None, (_compared(word, confusable=confusable, leet=leet) for word in words)))


@lru_cache(maxsize=64)
def _automaton(words: tuple[str, ...]) -> AhoCorasick:
    """All words of a list at once: ten thousand of them cost a text no more than one."""
    from ahocorasick_rs import AhoCorasick

    return AhoCorasick(words)


def _of_patterns(patterns: list[str], text: str) -> list[Span]:
    return [match.span() for raw in patterns for match in _linear(raw).finditer(text) if match.group()]


@lru_cache(maxsize=64)
def _linear(raw: str) -> Untyped:
    """Return a pattern of the app's for what strangers write: its time grows with the text alone."""
    import re2  # type: ignore[import-untyped]  # no types; late, since few apps have such a list

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    return re2.compile(raw, options)


def _of_names(pattern: re.Pattern[str], blocklist: Blocklist, text: str) -> list[Span]:
    """Domains or addresses: those on the list, or for an allowlist those that are not."""
    names = {word.lower().removeprefix("@") for word in blocklist.words}
    allows = blocklist.type.endswith("allowlist")
    found = []
    for match in pattern.finditer(text):
        name = _domain(match.group(1) or "")
        if not name:
            continue
        # What follows a domain belongs to it only where nothing was cut off.
        end = match.end() if name == match.group(1) else match.start(1) + len(name)
        domain, whole = name.lower(), text[match.start() : end].lower()
        listed = whole in names or any(domain == one or domain.endswith("." + one) for one in names)
        if listed is not allows:
            found.append((match.start(), end))
    return found


def _domain(labels: str) -> str:
    """The longest beginning of labels joined by dots that ends with letters, as `example.com` of `example.com.1`."""
    parts = labels.split(".")
    for count in range(len(parts), 1, -1):
        if letters := _LABEL.match(parts[count - 1]):
            return ".".join([*parts[: count - 1], letters[0]])
    return ""


def checked_pattern(raw: str) -> bool:
    """Return whether a text is a pattern that a list may hold: it is short and compiles, for RE2."""
    if len(raw) > _MAX_PATTERN:
        return False
    import re2  # no types; late, since few apps have such a list

    try:
        return bool(_linear(raw).programsize <= _MOST_STEPS)
    except re2.error:
        return False
