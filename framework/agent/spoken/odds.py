"""How likely each language is for a text, by its words and groups of letters. Needs numpy: import it late."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np


def shares_of(found: Sequence[int], more: Sequence[float]) -> list[float]:
    """Return the likelihood of each language. `found` are the places of `letters.py`; `more` is added to the
    logarithm of the odds of each language.
    """
    # Lists of Python are as quick as arrays for so few numbers, and do not hand the interpreter to another thread.
    slopes, offset = _weights()
    root = math.sqrt(len(found))
    sums = map(sum, zip(*map(slopes.__getitem__, found), strict=True))
    odds = [total / root + base + extra for total, base, extra in zip(sums, offset, more, strict=True)]
    most = max(odds)
    shares = [math.exp(one - most) for one in odds]
    whole = sum(shares)
    return [share / whole for share in shares]


@cache
def _weights() -> tuple[list[tuple[float, ...]], list[float]]:
    with (
        resources.as_file(resources.files(__package__).joinpath("weights.npz")) as file,
        np.load(file, allow_pickle=False) as kept,
    ):
        return list(map(tuple, kept["slopes"].astype(float).tolist())), kept["offset"].astype(float).tolist()
