"""What is asked, where, and what each reply must say."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.support.model_server import answer, question


@dataclass(frozen=True)
class Question:
    """One message of a person. `marker` names it to the model, too; `noting`: its turn calls the tool."""

    channel: str
    marker: str
    noting: bool
    at: float

    @property
    def id(self) -> str:
        """Its message id."""
        return f"q-{self.channel}-{self.marker}"

    @property
    def text(self) -> str:
        """What is asked."""
        return question(self.marker, noting=self.noting)

    @property
    def answers(self) -> tuple[str, ...]:
        """The texts of which the reply must be one; the first says that all went well."""
        if not self.noting:
            return (answer(self.marker),)
        return (answer(self.marker, note="noted"), answer(self.marker, note="uncertain"))


def plan(messages: int, channels: int, *, seconds: float, noting: float, seed: int) -> dict[str, list[Question]]:
    """Questions by channel, in the order in which they are asked, at moments spread over so many seconds.

    `noting`: the share of questions whose turn calls the tool.
    """
    chance = random.Random(seed)
    planned: dict[str, list[Question]] = {f"support-{number:03d}": [] for number in range(channels)}
    moments = sorted(chance.uniform(0, seconds) for _ in range(messages))
    for number, at in enumerate(moments):
        lane = number % channels
        asked = planned[f"support-{lane:03d}"]
        marker = f"c{lane:03d}-{len(asked):03d}"
        asked.append(Question(f"support-{lane:03d}", marker, chance.random() < noting, at))
    return planned
