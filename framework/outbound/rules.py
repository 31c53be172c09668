"""What rules of a bot's owner make of the bot's own texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Verdict:
    """What may be posted instead of a text. `refused`: nothing of it, and `text` says so in other words.

    `rules` names the rules that wanted that, and `alerts` the channels that are to be told.
    """

    text: str
    refused: bool = False
    rules: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()


class OwnRules(Protocol):
    """Rules for what one bot posts in one channel."""

    def shown(self, text: str) -> str:
        """What may be shown of a text that is not complete: the end of it may still become something else."""

    def final(self, text: str) -> Verdict:
        """What may be posted of a text, as far as that can be said at once."""

    async def judged(self, text: str, message_id: str) -> Verdict:
        """The same, also by what a model says of it. The decision is kept under the message's id."""
