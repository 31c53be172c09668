"""A blocked term that was found in a text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from framework.moderation.words.term import Term


class How(StrEnum):
    """The way a term was written, from the plainest to the most hidden."""

    EXACT = "exact"
    """As it stands in the list."""
    FOLDED = "folded"
    """In other letters for the same word: capitals, styled or similar letters, accents, invisible signs, markup."""
    DISGUISED = "disguised"
    """With digits or signs for letters, letters repeated, or something between the letters."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A term at [start, end) of the text, counted in code points."""

    term: Term
    how: How
    start: int
    end: int
