"""What stands in one text: blocked terms and personal data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from framework.moderation.words import Hit, TermMatcher
from framework.personal_data import Found, find


@dataclass(frozen=True)
class TextCheck:
    """Looks for the terms of `matcher` and for personal data of `kinds` (see framework.personal_data.KINDS)."""

    matcher: TermMatcher | None = None
    kinds: Collection[str] = ()

    def find(self, text: str) -> list[Hit | Found]:
        """All that stands in the text, in its order. Takes time in proportion to its length."""
        found: list[Hit | Found] = list(self.matcher.find(text)) if self.matcher else []
        if self.kinds:
            found += find(text, self.kinds)
        return sorted(found, key=lambda one: (one.start, one.end))


def as_record(one: Hit | Found) -> dict[str, object]:
    """A hit as JSON: its `term` or its `kind`, `how` it was written, and its place [start, end) in code points."""
    if isinstance(one, Hit):
        return {"term": one.term.text, "how": str(one.how), "start": one.start, "end": one.end}
    return {"kind": one.kind, "how": "exact", "start": one.start, "end": one.end}
