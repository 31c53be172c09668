"""Learn to tell the languages of short texts apart by their words and groups of letters.

    .venv/bin/python -m scripts.train_languages

Reads the examples of `scripts.train_handover` and the framework's own sentences, and writes
framework/agent/spoken/weights.npz. Takes half a minute. `tests/agent/test_spoken.py` measures it on other texts.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from framework.agent.knowledge.search.languages import tables
from framework.agent.spoken.language import LANGUAGES
from framework.agent.spoken.letters import PLACES, places
from framework.definition.parts.sentences import SENTENCES
from scripts.train_handover import examples, fit

WEIGHTS = Path(__file__).parent.parent / "framework/agent/spoken/weights.npz"
MOST = 1_200
"""Texts of a language."""


def main() -> None:
    """Learn and write."""
    texts: dict[str, list[str]] = {language: [] for language in LANGUAGES}
    for language, _, text in examples():
        if language in texts:
            texts[language].append(text)
    for language, told in SENTENCES.items():
        texts[language] += told.values()
    chosen = {language: known[:: max(1, len(known) // MOST)] for language, known in texts.items()}
    for language, words in tables().items():
        chosen[language] += sorted(words)
    rows = [(language, text) for language, known in chosen.items() for text in known]
    table = np.zeros((len(rows), PLACES), np.float32)
    for row, (_, text) in enumerate(rows):
        found = places(text)
        table[row, found] = 1 / np.sqrt(max(1, len(found)))
    wanted = np.eye(len(LANGUAGES), dtype=np.float32)[[LANGUAGES.index(language) for language, _ in rows]]
    weights = np.array([1 / len(chosen[language]) for language, _ in rows], np.float32)
    slopes, offset = fit(table, wanted, weights / weights.sum(), ridge=1e-5, rounds=120)
    np.savez_compressed(WEIGHTS, slopes=slopes.astype(np.float16), offset=offset)
    sys.stdout.write(f"{len(rows)} texts\n")


if __name__ == "__main__":
    main()
