"""Apply the overrides of a definition that match a channel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import TypeVar

from framework.definition.model import BotDefinition, ChannelDefinition
from framework.definition.parts.part import Part
from framework.definition.reading.problems import RuleFinding

_REMEMBERED = 20_000
"""Channels whose definition is remembered. Above that, all are forgotten."""
_WILDCARD = re.compile(r"[*?\[]")
_P = TypeVar("_P", bound=Part)


def matching(definition: BotDefinition, cid: str) -> tuple[str, ...]:
    """Return the patterns of `overrides` that match a channel (TYPE:ID), in the order in which they apply.

    A pattern with more letters before its first wildcard applies later, and a channel's full name last. Of two alike,
    the one further down in the file applies later, and so wins.
    """
    found = [pattern for pattern in definition.overrides if fnmatchcase(cid, pattern)]
    return tuple(sorted(found, key=_specificity))


def _specificity(pattern: str) -> tuple[bool, int]:
    wildcard = _WILDCARD.search(pattern)
    return (wildcard is None, wildcard.start() if wildcard else len(pattern))


def effective(definition: BotDefinition, cid: str) -> BotDefinition:
    """Return the definition for one channel (TYPE:ID): itself if no override matches.

    Mappings are merged key by key. Lists and single values are replaced. The result is remembered.
    """
    known = definition.by_channel.get(cid)
    if known is not None:
        return known
    patterns = matching(definition, cid)
    result = merged(definition, patterns)
    if len(definition.by_channel) >= _REMEMBERED:
        definition.by_channel.clear()
    definition.by_channel[cid] = result
    return result


def merged(definition: BotDefinition, patterns: Sequence[str]) -> BotDefinition:
    """Return the definition with these overrides applied, the first one first."""
    key = tuple(patterns)
    if not key:
        return definition
    if key not in definition.by_patterns:
        result = definition
        for pattern in key:
            result = _over(result, definition.overrides[pattern])
        # It holds in the channel: nothing is left to override.
        definition.by_patterns[key] = result.model_copy(update={"overrides": {}})
    return definition.by_patterns[key]


def _over(base: BotDefinition, block: ChannelDefinition) -> BotDefinition:
    result = _merge(base, block)
    # Both keys say what starts a turn: the one that the override does not set must not win.
    said = block.model_fields_set
    if "respond_to" in said and "triggers" not in said:
        return result.model_copy(update={"triggers": ()})
    if "triggers" in said and "respond_to" not in said:
        return result.model_copy(update={"respond_to": None})
    return result


def _merge(base: _P, over: Part) -> _P:
    update = {name: _replaced(getattr(base, name), getattr(over, name)) for name in over.model_fields_set}
    return base.model_copy(update=update)


def _replaced(old: object, new: object) -> object:
    if isinstance(old, Part) and isinstance(new, Part):
        return _merge(old, new)
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _replaced(old.get(key), value) for key, value in new.items()}}
    return new


def idle_overrides(definition: BotDefinition) -> Iterator[RuleFinding]:
    """Yield a warning for each override that matches none of the channels that the bot joins."""
    joined = (*definition.channels.join, *definition.channels.create)
    for pattern in definition.overrides:
        if joined and not any(may_meet(pattern, other) for other in joined):
            yield RuleFinding(
                ("overrides", pattern),
                f"the bot joins no channel of that name; it joins {', '.join(joined)}",
                "Correct the pattern, or add the channels to `channels: join:`.",
                warning=True,
            )


def may_meet(one: str, other: str) -> bool:
    """Return whether some text matches both patterns, in which `*` and `?` are wildcards."""

    @cache
    def meet(i: int, j: int) -> bool:
        if i == len(one) and j == len(other):
            return True
        if one[i : i + 1] == "*":
            return meet(i + 1, j) or (j < len(other) and meet(i, j + 1))
        if other[j : j + 1] == "*":
            return meet(i, j + 1) or (i < len(one) and meet(i + 1, j))
        if i == len(one) or j == len(other):
            return False
        return (one[i] == other[j] or "?" in (one[i], other[j])) and meet(i + 1, j + 1)

    return meet(0, 0)
