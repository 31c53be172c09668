"""What a bot may not say with an operation unless its policy says so: mass mentions, and fields that hold its state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from framework.stream.model import RECORD_FIELDS

if TYPE_CHECKING:
    from framework.definition.parts.operations import Operations

MOST_MENTIONED = 5
STATE_FIELDS = RECORD_FIELDS | {"handover_count", "generating"}
"""Fields by which a bot's messages and channels show where its work stands. A reply sets them, never an operation."""
_TO_MANY = ("mentioned_channel", "mentioned_here", "mentioned_roles", "mentioned_group_ids")
# Arguments under which a message or a channel's data stands.
_HOLDERS = ("message", "messages", "set", "data", "custom_set")
_CHANNEL_FIELDS = ("handover", "handover_count")


def undeclared(rules: Operations, arguments: dict[str, Any]) -> str:
    """What in these arguments (as they will be sent) needs the policy's word, for people; "" where nothing does."""
    for name, holder in _held(arguments):
        fields = STATE_FIELDS if name in {"message", "messages", "set"} else frozenset(_CHANNEL_FIELDS)
        if not rules.mention_everybody and (many := _mentions_many(holder)):
            return f"{many} (operations.mention_everybody)"
        forged = sorted(field for field in map(_first, holder) if field in fields and not _declared(rules, field))
        if forged:
            return f"the field {forged[0]!r}, in which a bot keeps its state (operations.fields)"
    return ""


def _held(arguments: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in _HOLDERS:
        value = arguments.get(name)
        for holder in value if isinstance(value, list) else [value]:
            if isinstance(holder, dict):
                custom = holder.get("custom")
                yield name, holder | custom if isinstance(custom, dict) else holder


def _mentions_many(holder: dict[str, Any]) -> str:
    for key, value in holder.items():
        name = _first(key)
        if name in _TO_MANY and value:
            return name
        if name == "mentioned_users" and isinstance(value, list) and len(value) > MOST_MENTIONED:
            return f"{len(value)} mentioned_users"
    return ""


def _declared(rules: Operations, field: str) -> bool:
    return "*" in rules.fields or field in rules.fields


def _first(key: str) -> str:
    return key.casefold().partition(".")[0]
