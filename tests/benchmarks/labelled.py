"""Labelled questions over a knowledge base: what the answering is measured with, and what its weights are learned from.

A base is a folder with `kb/*.md` and `questions.json`: a list of objects with `q`, `answerable`, `must` (patterns that
an answer must match, all of them), and optionally `kind`, `history`, `doc`, `must_not`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.agent.conversation import Utterance

BASES = Path(__file__).parent / "knowledge"


@dataclass(frozen=True)
class Question:
    """A question, and what a right answer holds."""

    text: str
    kind: str
    answerable: bool
    history: tuple[Utterance, ...]
    articles: tuple[str, ...]
    must: tuple[str, ...]
    must_not: tuple[str, ...]

    def is_right(self, answer: str, *, in_part: bool = False) -> bool:
        """Whether a text holds the facts; `in_part`: one of them is enough."""
        enough = any if in_part else all
        found = enough(re.search(pattern, answer, re.IGNORECASE | re.DOTALL) for pattern in self.must)
        return found and not any(re.search(pattern, answer, re.IGNORECASE | re.DOTALL) for pattern in self.must_not)


@dataclass(frozen=True)
class Labelled:
    """A base and its questions."""

    name: str
    folder: Path
    files: tuple[Path, ...]
    questions: tuple[Question, ...]


def load(name: str) -> Labelled:
    """A base below tests/benchmarks/knowledge by its name, or any folder by its path."""
    folder = BASES / name if (BASES / name).is_dir() else Path(name)
    file = next(file for file in (folder / "questions.json", folder / "questions_dev.json") if file.is_file())
    questions = tuple(_question(entry) for entry in json.loads(file.read_text(encoding="utf-8")))
    return Labelled(folder.name, folder / "kb", tuple(sorted((folder / "kb").glob("*.md"))), questions)


def _question(entry: dict[str, Any]) -> Question:
    articles = entry.get("doc") or []
    return Question(
        text=entry["q"],
        kind=entry.get("kind") or ("plain" if entry["answerable"] else "unanswerable"),
        answerable=entry["answerable"],
        history=tuple(Utterance(turn["who"], turn["text"]) for turn in entry.get("history", ())),
        articles=(articles,) if isinstance(articles, str) else tuple(articles),
        must=tuple(entry.get("must", ())),
        must_not=tuple(entry.get("must_not", ())),
    )
