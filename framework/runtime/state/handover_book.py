"""Keep the state of handovers: the port, and a book in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from framework.runtime.state.handover import Change, Handover


class HandoverBook(Protocol):
    """Keeps the handovers of bots and what they count. Every replica sees the same. Raises EngineError.

    `scope` tells one bot's from another's (see `RunningBot.scope`); a channel is written `type:id`.
    """

    async def of(self, scope: str, channels: Sequence[str]) -> Mapping[str, Handover]:
        """Return the latest handover of each of these channels that had one."""

    async def open_ones(self, scope: str) -> Mapping[str, Handover]:
        """Return the handovers that are open, by channel."""

    async def change(self, scope: str, channel: str, change: Change) -> Handover | None:
        """Change a channel's state in one step, between which no replica comes. Returns the state as it is then."""

    async def next_number(self, scope: str, name: str) -> int:
        """Return 0, and one more with each call of this name."""

    async def failures(self, scope: str, talk: str, turn: str, *, failed: bool, limit: int) -> int:
        """Note whether a turn's answer failed, and return how many in a row did, this one included.

        The count begins anew after an answer that did not, and once it came to `limit`. A turn that is run again counts
        once. `talk` is a channel or a thread.
        """

    async def forget(self, user: str) -> int:
        """Forget a person: whom handovers called, who took them and who ended them. Returns in how many they were."""

    async def close(self) -> None:
        """Close what is open. Safe to call twice."""


class MemoryHandovers:
    """A `HandoverBook` for one process, which forgets with it."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], Handover] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._failures: dict[tuple[str, str], Count] = {}

    async def of(self, scope: str, channels: Sequence[str]) -> Mapping[str, Handover]:
        """See the port."""
        return {channel: self._states[scope, channel] for channel in channels if (scope, channel) in self._states}

    async def open_ones(self, scope: str) -> Mapping[str, Handover]:
        """See the port."""
        return {channel: state for (whose, channel), state in self._states.items() if whose == scope and state.is_open}

    async def change(self, scope: str, channel: str, change: Change) -> Handover | None:
        """See the port."""
        after = change(self._states.get((scope, channel)))
        if after is not None:
            self._states[scope, channel] = after
        return after

    async def next_number(self, scope: str, name: str) -> int:
        """See the port."""
        number = self._numbers.get((scope, name), 0)
        self._numbers[scope, name] = number + 1
        return number

    async def failures(self, scope: str, talk: str, turn: str, *, failed: bool, limit: int) -> int:
        """See the port."""
        row, count = counted(self._failures.get((scope, talk)), turn, failed=failed, limit=limit)
        self._failures[scope, talk] = row
        return count

    async def forget(self, user: str) -> int:
        """See the port."""
        found = {key: state for key, state in self._states.items() if state.without(user) != state}
        self._states |= {key: state.without(user) for key, state in found.items()}
        return len(found)

    async def close(self) -> None:
        """See the port."""


Count = tuple[str, int, int]
"""The turn that was counted last, the count before it, and the count with it."""


def counted(row: Count | None, turn: str, *, failed: bool, limit: int) -> tuple[Count, int]:
    """The next row of a count of failures, and how many there were in a row: see `HandoverBook.failures`."""
    last, before, now = row or ("", 0, 0)
    start = before if last == turn else now
    count = start + 1 if failed else 0
    return (turn, start, 0 if count >= limit else count), count
