"""A value that a call gets from the answer of an earlier call, while neither was made."""

from __future__ import annotations

from dataclasses import dataclass

from framework.catalog.answers import ANY


@dataclass(frozen=True, slots=True)
class PendingValue:
    """Stands in arguments for a value to come. `text` is the reference to it, `kind` what it will be (see
    `answers.kind_at`).
    """

    text: str
    kind: str = ANY

    def __str__(self) -> str:
        return self.text
