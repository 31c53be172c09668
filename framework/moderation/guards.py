"""All guards of a process: for each channel the one whose pattern is the most specific."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from framework.errors import DefinitionError
from framework.moderation.guard import Guard, GuardDecision, specificity
from framework.moderation.message import Screened


@dataclass(frozen=True)
class Guards:
    """The guards of several bots. The hook is one for the whole app, so they share it."""

    guards: Sequence[Guard] = ()

    @classmethod
    def of(cls, guards: Sequence[Guard]) -> Guards:
        """Raises DefinitionError if two bots guard the same pattern of channels: neither is more specific."""
        owners: dict[str, Guard] = {}
        for guard in guards:
            for pattern in guard.channels:
                if (other := owners.setdefault(pattern, guard)).bot != guard.bot:
                    also = f" (the other one: {other.channels_at})" if other.channels_at else ""
                    raise DefinitionError(
                        f"{other.bot} and {guard.bot} both guard the channels {pattern}{also}",
                        where=guard.channels_at,
                        hint="Give one of them `channels` in its moderation.yaml, with a pattern of its own.",
                    )
        return cls(tuple(guards))

    def of_channel(self, channel: str) -> Guard | None:
        """The guard of a channel, or None if nobody guards it."""
        covering = [(specificity(pattern), guard) for guard in self.guards if (pattern := guard.covers(channel))]
        return max(covering, key=lambda one: one[0])[1] if covering else None

    def judge(self, message: Screened) -> GuardDecision:
        """Say what is done with a message. Where nobody guards, it passes."""
        guard = self.of_channel(message.channel)
        return guard.judge(message) if guard is not None else GuardDecision()
