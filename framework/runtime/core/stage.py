"""The one shape of a stage of the pipeline."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

from framework.runtime.core.turn import Outcome, Turn

CallNext = Callable[[Turn], Awaitable[Outcome]]


class Stage(Protocol):
    """Ends the turn with an outcome, or hands it on, changed or not, and may look at what comes back."""

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """The outcome of the turn from here on."""


def chain(stages: Sequence[Stage]) -> CallNext:
    """One callable that runs the stages in order. The last one must end every turn."""

    async def end(turn: Turn) -> Outcome:
        raise AssertionError(f"no stage ended the turn {turn.reply_id}")

    following: CallNext = end
    for stage in reversed(stages):
        following = partial(stage, call_next=following)
    return following
