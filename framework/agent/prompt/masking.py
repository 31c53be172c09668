"""Personal data kept from the model.

A channel's history reaches the model with every turn: so each text goes through it by itself. What the company's own
articles say is not masked.
"""

from __future__ import annotations

from collections.abc import Sequence

from framework.errors import ModelError
from framework.personal_data import KINDS, find


class Mask:
    """Strikes out personal data of these kinds; none: every text stays as it is."""

    def __init__(self, kinds: Sequence[str] = ()) -> None:
        """Raises ModelError for a kind that is not known."""
        if unknown := sorted(set(kinds) - KINDS):
            raise ModelError(
                f"`model: mask` does not know {', '.join(unknown)}.", hint=f"It knows {', '.join(sorted(KINDS))}."
            )
        self._kinds = frozenset(kinds)

    def __call__(self, text: str) -> str:
        """The text as the model may read it: `[REDACTED_EMAIL]` stands where an address was."""
        if not self._kinds:
            return text
        for one in reversed(find(text, self._kinds)):
            text = f"{text[: one.start]}[REDACTED_{one.kind.upper()}]{text[one.end :]}"
        return text
