"""What was learned from labelled questions: how to weigh a ranking's features and a judgement's signals.

`weights.json` is written by `scripts/train_answers.py`, which says from which questions it learned.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from framework.agent.knowledge.calibration import SIGNALS
from framework.agent.knowledge.index import Scores
from framework.agent.knowledge.ranking import FEATURES


@dataclass(frozen=True)
class Weights:
    """`ranking` has one weight for each of FEATURES; the others belong to the logistic model over SIGNALS."""

    ranking: Scores
    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    signals: NDArray[np.float64]
    offset: float

    def confidence(self, signals: NDArray[np.float64]) -> float:
        """The likelihood that the first chunk of a ranking with these signals answers the question."""
        if not len(self.signals):
            return 0.0
        value = float((signals - self.centre) / self.spread @ self.signals) + self.offset
        return float(1 / (1 + np.exp(-value)))


@cache
def learned() -> Weights:
    """The weights that come with the package."""
    text = resources.files(__package__).joinpath("weights.json").read_text(encoding="utf-8")
    told = json.loads(text)
    ranking = np.array([told["ranking"][name] for name in FEATURES], dtype=np.float32)
    rows = np.array([told["signals"][name] for name in SIGNALS], dtype=np.float64)
    return Weights(ranking, rows[:, 0], rows[:, 1], rows[:, 2], float(told["offset"]))
