"""How near an intent is in meaning to what is in the catalogue, whichever words and language it uses.

Each entry has one vector: the mean of those of everything its profile says. `scripts/embed_operations.py` makes them.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from importlib.resources.abc import Traversable

    from framework.catalog.operation import Operation
    from framework.catalog.search.unsupported import UnsupportedTopic
    from framework.embedding.embedder import Embedder, Vectors

ELSEWHERE = "elsewhere:"
VECTORS = files("framework.catalog") / "data" / "meanings.npz"
# What a long text asks for stands at its beginning, and time grows with length.
LONGEST = 300
SCALE = 127


def described(operations: Iterable[Operation], elsewhere: Mapping[str, UnsupportedTopic]) -> dict[str, list[str]]:
    """All that is said about each operation, and about each subject that lies elsewhere, by name."""
    ours = {
        operation.id: [
            operation.profile.summary,
            operation.profile.use_when,
            *operation.profile.phrases,
            *operation.profile.situations,
        ]
        for operation in operations
    }
    return ours | {ELSEWHERE + name: entry.aliases for name, entry in elsewhere.items()}


def digest(texts: Sequence[str]) -> str:
    """What tells texts from others, to see whether vectors are of today's texts."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


class Meaning:
    """Compares intents with the entries of a catalogue. Loads in milliseconds; the model does so at the first use."""

    def __init__(self, names: Sequence[str], vectors: Vectors, centre: Vectors, embedder: Embedder) -> None:
        self._names = tuple(names)
        self._vectors = vectors
        self._centre = centre
        self._embedder = embedder

    @classmethod
    def load(cls, embedder: Embedder, file: Traversable = VECTORS) -> Self:
        """Read the vectors that lie in the data folder."""
        import numpy as np

        with file.open("rb") as opened, np.load(opened) as data:
            vectors = data["vectors"].astype(np.float32) / SCALE
            return cls(data["names"].tolist(), vectors, data["centre"], embedder)

    def nearness(self, intent: str) -> dict[str, float]:
        """How near each entry is, by its name: 1 is the same, 0 what has nothing in common."""
        (vector,) = self._embedder.queries([intent[:LONGEST].lower()])
        direction = vector - self._centre
        direction /= max(float((direction @ direction) ** 0.5), 1e-6)
        return {
            name: max(float(value), 0.0) for name, value in zip(self._names, self._vectors @ direction, strict=True)
        }
