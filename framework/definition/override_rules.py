"""Overrides whose pattern no channel of the bot can match."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from framework.definition.finding import Finding
from framework.definition.model import BotDefinition


def idle_overrides(definition: BotDefinition) -> Iterator[Finding]:
    """A warning for each override that none of the channels which the bot joins can have."""
    joined = (*definition.channels.join, *definition.channels.create)
    for pattern in definition.overrides:
        if joined and not any(may_meet(pattern, other) for other in joined):
            yield Finding(
                ("overrides", pattern),
                f"the bot joins no channel of that name; it joins {', '.join(joined)}",
                "Correct the pattern, or add the channels to `channels: join:`.",
                warning=True,
            )


def may_meet(one: str, other: str) -> bool:
    """Whether there is a text that both patterns match; `*` and `?` are wildcards in both."""

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
