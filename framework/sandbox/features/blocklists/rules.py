"""Looking for what a blocklist forbids."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from framework.sandbox.features.blocklists.record import BLOCKLISTS, PROFANITY, Blocklist, blocklist_key
from framework.sandbox.kernel.wire import Untyped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from framework.sandbox.kernel.sandbox import Sandbox

Span = tuple[int, int]
_LEET = str.maketrans("013457@$", "oleastas")
_CONFUSABLE = str.maketrans("абвгдеёжзийклмнопрстуфхіѕјһ", "a6brgeеж3uйkлmhonpctyфxisjh")
# Each takes whole runs, so that no sign is looked at from more than one beginning.
_LABELS = r"[a-z0-9-]++(?:\.[a-z0-9-]++)*+"
_DOMAIN = re.compile(rf"(?:https?://)?+({_LABELS})([/:?#]\S*+)?+", re.IGNORECASE)
_EMAIL = re.compile(rf"[\w.+-]++(?:@({_LABELS}))?+", re.IGNORECASE)
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
    return [match.span() for match in _pattern(*_words(blocklist)).finditer(_folded(blocklist, text))]


def mask(text: str, found: Iterable[Span]) -> str:
    """Return a text with asterisks in place of what was found."""
    masked = list(text)
    for start, end in found:
        masked[start:end] = "*" * (end - start)
    return "".join(masked)


def _folded(blocklist: Blocklist, text: str) -> str:
    """A text as it is compared; it keeps its length, so that places in it hold for the original."""
    folded = "".join(_one(letter) for letter in text)
    if blocklist.is_confusable_folding_enabled:
        folded = folded.translate(_CONFUSABLE)
    if blocklist.is_leet_check_enabled:
        folded = folded.translate(_LEET)
    return folded


def _one(letter: str) -> str:
    plain = unicodedata.normalize("NFKD", letter)[:1].lower()
    return plain if len(plain) == 1 else letter


def _words(blocklist: Blocklist) -> tuple[tuple[str, ...], bool, bool]:
    words = tuple(_folded(blocklist, word) for word in blocklist.words if word)
    return words, blocklist.is_plural_check_enabled, blocklist.is_substring_matching_enabled


@lru_cache(maxsize=64)
def _pattern(words: tuple[str, ...], plural: bool, inside: bool) -> re.Pattern[str]:
    """One pattern for all words of a list, the longest first; no word at all matches nothing."""
    if not words:
        return re.compile(r"(?!)")
    joined = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    tail = "(?:e?s)?" if plural else ""
    return re.compile(rf"(?:{joined}){tail}") if inside else re.compile(rf"(?<!\w)(?:{joined}){tail}(?!\w)")


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
