"""How much of an unfinished text may be shown: what follows could make its end into something that rules look for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from framework.moderation.rules.model import When
from framework.moderation.words.beginnings import Beginnings

REGEX_HELD = 80
"""Characters that are held back where a regular expression is looked for: nobody can tell how one begins."""
_LONGEST_WORD = 200
_LONGEST_NUMBER = 120
_LETTERS_OF_IBAN = 4


@dataclass(frozen=True)
class OpenEnd:
    """What the end of a text may still become by some rules."""

    beginnings: Beginnings
    addresses: bool = False
    numbers: bool = False
    regex: bool = False

    @classmethod
    def of(cls, rules: Iterable[When], beginnings: Beginnings) -> OpenEnd:
        """By what these rules look for."""
        given = list(rules)
        return cls(
            beginnings,
            any(one.domains or one.allowed_domains or one.personal_data or one.links is not None for one in given),
            any(one.personal_data for one in given),
            any(one.regex for one in given),
        )

    def of_text(self, text: str) -> int:
        """The place from which on the text is not settled; its length, if all of it is."""
        ends = [self.beginnings.open_at(text)]
        if self.addresses:
            ends.append(last_word(text))
        if self.numbers:
            ends.append(_last_number(text))
        if self.regex:
            ends.append(max(0, len(text) - REGEX_HELD))
        return min(ends)


def last_word(text: str) -> int:
    """Where the last word begins, if no blank follows it."""
    start = len(text)
    while start and not text[start - 1].isspace() and len(text) - start < _LONGEST_WORD:
        start -= 1
    return start


def _last_number(text: str) -> int:
    """Where the groups of digits begin that the text ends with: a card, an IBAN or a phone number may come of them."""
    first = max(0, len(text) - _LONGEST_NUMBER)
    start = len(text)
    for word in reversed(text[first:].split()):
        capitals = word.isupper() and word.isalpha() and len(word) <= _LETTERS_OF_IBAN
        if not (capitals or any(sign.isdigit() or sign in "+(" for sign in word)):
            break
        start = text.rindex(word, first, start)
    return start
