"""Where and in which shape a reply stands: the declared style, read for one turn."""

from __future__ import annotations

from dataclasses import dataclass

from framework.runtime.core.bot import Limits
from framework.runtime.core.turn import Turn

MOST_SUGGESTIONS = 6
"""Quick replies below one answer: more do not help."""


@dataclass(frozen=True)
class Place:
    """In which thread a message stands (None: in the channel itself), and whether the channel shows it as well."""

    parent_id: str | None = None
    show_in_channel: bool = False


def place_of(turn: Turn) -> Place:
    """Where the reply stands. A turn that no message stands behind has nothing to begin a thread below, unless somebody
    reacted to one.

    A message in a thread that the channel sees as well is answered in the same way.
    """
    trigger = turn.trigger
    match turn.definition.reply.place:
        case "channel":
            return Place()
        case "thread" if trigger.parent_id is None:
            return Place(_about(turn) if turn.cause.made_up else trigger.id)
        case _:
            return Place(trigger.parent_id, trigger.parent_id is not None and trigger.show_in_channel)


def _about(turn: Turn) -> str | None:
    return turn.cause.about or None if turn.cause.kind == "reaction" else None


def longest(turn: Turn, limits: Limits) -> int:
    """Characters of one message."""
    return min(limits.text_length, turn.definition.reply.max_length)


def with_suggestions(turn: Turn, own: tuple[str, ...]) -> list[str]:
    """The quick replies below an answer: its own, then those that the bot always suggests."""
    offered = dict.fromkeys(text.strip() for text in (*own, *turn.definition.reply.suggestions) if text.strip())
    return list(offered)[:MOST_SUGGESTIONS]
