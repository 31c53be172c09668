"""How likely each language is for a text, by its words and groups of letters. Needs numpy: import it late."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray


def shares_of(found: Sequence[int], more: Sequence[float]) -> list[float]:
    """Return the likelihood of each language. `found` are the places of `letters.py`; `more` is added to the
    logarithm of the odds of each language.
    """
    slopes, offset = _weights()
    odds = slopes[list(found)].sum(axis=0) / np.sqrt(len(found)) + offset + np.asarray(more)
    shares = np.exp(odds - odds.max())
    return [float(share) for share in shares / shares.sum()]


@cache
def _weights() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    with (
        resources.as_file(resources.files(__package__).joinpath("weights.npz")) as file,
        np.load(file, allow_pickle=False) as kept,
    ):
        return kept["slopes"].astype(np.float64), kept["offset"].astype(np.float64)
