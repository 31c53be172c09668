"""Vectors of texts, kept in a file by the hash of the text: computing them is the expensive part of loading."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import structlog
from numpy.typing import NDArray

from framework.agent.knowledge.progress import progress
from framework.embedding.embedder import Vectors

_log = structlog.get_logger(__name__)
FORMAT = 2
"""Goes up when what stands in the file changes; a file of another format is computed anew."""

_BATCH = 64
_OTHERS = 3
_SAVED = 50


class IndexStore:
    """A cache: a missing, broken or foreign file is an empty one; a file that cannot be written is done without."""

    def __init__(self, file: Path | None, known: dict[bytes, NDArray[np.float16]], name: str) -> None:
        self._file = file
        self._known = known
        self._name = name
        self._used: set[bytes] = set()
        self._new: set[bytes] = set()

    @classmethod
    def open(cls, folder: Path | None, root: Path, name: str) -> IndexStore:
        """The store in `folder` for the articles below `root` and the embedder called `name`."""
        if folder is None:
            return cls(None, {}, name)
        key = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
        file = folder / f"vectors-{key}.npz"
        return cls(file, _read(file, name), name)

    @property
    def is_begun(self) -> bool:
        """Whether there are vectors from before."""
        return bool(self._known)

    def missing(self, texts: Sequence[str], kind: Literal["passage", "query"]) -> int:
        """Return how many of these texts have no vector yet, each counted once."""
        return len({key for key in _keys(texts, kind) if key not in self._known})

    def vectors(
        self, texts: Sequence[str], embed: Callable[[Sequence[str]], Vectors], kind: Literal["passage", "query"]
    ) -> Vectors:
        """The vectors of texts, one a row; those not known yet are computed. They are as exact from a warm store as
        from a cold one, so that an answer does not depend on it.
        """
        keys = _keys(texts, kind)
        self._used.update(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        pending = list(missing.items())
        if len(pending) > _BATCH:
            _log.info("knowledge.reading", texts=len(pending), note="once; the result is kept for the next start")
        with progress("Reading texts", len(pending)) as advance:
            for number, start in enumerate(range(0, len(pending), _BATCH), 1):
                batch = pending[start : start + _BATCH]
                found = embed([text for _, text in batch]).astype(np.float16)
                self._known |= {key: vector for (key, _), vector in zip(batch, found, strict=True)}
                self._new.update(key for key, _ in batch)
                advance(len(batch))
                if number % _SAVED == 0:
                    self.save()  # Whoever ends this in the middle does not begin anew.
        rows = np.stack([self._known[key] for key in keys]) if keys else np.zeros((0, 1), dtype=np.float16)
        return rows.astype(np.float32)

    def save(self) -> None:
        """Write the vectors that were asked for, and the others as long as they are not many more: another channel's
        articles may need them. Does nothing where nothing changed.
        """
        others = self._known.keys() - self._used
        keep = self._used if len(others) > _OTHERS * len(self._used) else self._known.keys()
        if self._file is None or keep == self._known.keys() - self._new:
            return
        kept = sorted(key for key in keep if key in self._known)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._file.parent, prefix=self._file.name, suffix=".tmp")
            with os.fdopen(handle, "wb") as stream:
                np.savez(
                    stream,
                    label=np.array(f"{FORMAT} {self._name}"),
                    keys=np.frombuffer(b"".join(kept), dtype=np.uint8).reshape(len(kept), 16),
                    vectors=np.stack([self._known[key] for key in kept]),
                )
            Path(temporary).replace(self._file)
        except OSError as error:
            _log.warning("knowledge.cache_not_written", file=str(self._file), reason=error.strerror or str(error))


def _keys(texts: Sequence[str], kind: str) -> list[bytes]:
    return [hashlib.sha256(f"{kind}:{text}".encode("utf-8", "surrogatepass")).digest()[:16] for text in texts]


def _read(file: Path, name: str) -> dict[bytes, NDArray[np.float16]]:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
            if str(data["label"]) != f"{FORMAT} {name}":
                return {}
            keys, vectors = data["keys"], data["vectors"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _log.warning("knowledge.cache_unusable", file=str(file), reason=str(error))
        return {}
    if keys.ndim != 2 or vectors.ndim != 2 or len(keys) != len(vectors) or vectors.dtype != np.float16:
        return {}
    return {key.tobytes(): vector for key, vector in zip(keys, vectors, strict=True)}
