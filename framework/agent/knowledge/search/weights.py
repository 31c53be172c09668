"""What was learned from labelled questions: how to weigh a ranking's features and a judgement's signals.

`weights.json` is written by `scripts/train_answers.py`, which says from which questions it learned.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.agent.knowledge.search.calibration import SIGNALS
from framework.agent.knowledge.search.index import Scores
from framework.agent.knowledge.search.ranking import FEATURES

SMALL, LARGE = 12, 48
"""Up to so many chunks a base is judged as a small one, from so many on as a large one; between them by both."""


@dataclass(frozen=True)
class Logistic:
    """A logistic model over SIGNALS; arrays have one value for each of them."""

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]
    offset: float

    def __call__(self, signals: NDArray[np.float64]) -> float:
        """The logarithm of the odds."""
        return float((signals - self.centre) / self.spread @ self.weights) + self.offset


@dataclass(frozen=True)
class WordWeights:
    """`ranking` has one weight for each of FEATURES.

    Confidence is judged by two models: where a base has few chunks, one of them is always far ahead, and only how near
    it comes to the question tells whether it answers it. Without them the confidence is 0.
    """

    ranking: Scores
    large: Logistic | None = None
    small: Logistic | None = None

    def confidence(self, signals: NDArray[np.float64], chunks: int) -> float:
        """The likelihood that the first chunk of a ranking with these signals, over so many chunks, answers."""
        if self.large is None or self.small is None:
            return 0.0
        share = float(np.clip(np.log(chunks / SMALL) / np.log(LARGE / SMALL), 0, 1))
        value = share * self.large(signals) + (1 - share) * self.small(signals)
        return float(1 / (1 + np.exp(-value)))


@cache
def learned() -> WordWeights:
    """The weights that come with the package."""
    text = resources.files(__package__).joinpath("weights.json").read_text(encoding="utf-8")
    told = json.loads(text)
    ranking = np.array([told["ranking"][name] for name in FEATURES], dtype=np.float32)
    return WordWeights(ranking, _logistic(told["large"]), _logistic(told["small"]))


def _logistic(told: dict[str, Any]) -> Logistic:
    rows = np.array([told["signals"][name] for name in SIGNALS], dtype=np.float64)
    return Logistic(rows[:, 0], rows[:, 1], rows[:, 2], float(told["offset"]))
