"""Removes the directions of languages from embeddings, and measures how far questions off the topic are.

A multilingual embedder puts texts of one language together, so that a German question finds a German passage about
something else before the English one that answers it. Without the directions in which
languages differ, that happens less.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from framework.agent.knowledge.search.store import IndexStore
from framework.embedding.embedder import Embedder, Vectors

TALK = ("about", "task", "company")


@cache
def probes() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Questions that any company gets (`support`) and that none answers (`foreign`), the same in each language; talk
    about the bot itself (`about`), tasks for an assistant (`task`), and what resembles both and is neither (`company`).
    """
    text = resources.files(__package__).joinpath("probes.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, list[str]]] = json.loads(text)
    return loaded


@dataclass(frozen=True)
class Geometry:
    """`directions` (rows, orthonormal) span what tells languages apart; `centre` is a question's mean vector.

    `talk` are examples of what no article answers; `talk_kinds` says of which kind each is.
    """

    directions: Vectors
    centre: Vectors
    support: Vectors
    foreign: Vectors
    foreign_languages: tuple[str, ...]
    talk: Vectors
    talk_kinds: tuple[str, ...]

    @classmethod
    def measure(
        cls, queries: Callable[[Sequence[str]], Vectors], passages: Callable[[Sequence[str]], Vectors]
    ) -> Geometry:
        """Embed the fixed questions, as questions and as passages."""
        support, foreign = probes()["support"], probes()["foreign"]
        asked = np.stack([queries(texts) for texts in support.values()])
        told = np.stack([passages(texts) for texts in support.values()])
        span = np.concatenate([_language_directions(asked), _language_directions(told)])
        directions = np.linalg.svd(span, full_matrices=False)[2].astype(np.float32)
        flat = asked.reshape(-1, asked.shape[-1])
        far = np.concatenate([queries(texts) for texts in foreign.values()])
        languages = tuple(language for language, texts in foreign.items() for _ in texts)
        return cls(directions, flat.mean(axis=0), flat, far, languages, *measure_talk(queries))

    def without_language(self, vectors: Vectors, centre: Vectors) -> Vectors:
        """Unit vectors around `centre`, without the directions of languages."""
        moved = vectors - centre
        moved = moved - (moved @ self.directions.T) @ self.directions
        length = np.linalg.norm(moved, axis=-1, keepdims=True)
        result: Vectors = (moved / np.maximum(length, 1e-6)).astype(np.float32)
        return result


def measure_talk(queries: Callable[[Sequence[str]], Vectors]) -> tuple[Vectors, tuple[str, ...]]:
    """Embed the examples of talk. Returns them with their kinds."""
    found = [(kind, text) for kind in TALK for texts in probes()[kind].values() for text in texts]
    return queries([text for _, text in found]), tuple(kind for kind, _ in found)


def _language_directions(vectors: Vectors) -> Vectors:
    means = vectors.mean(axis=1)
    directions: Vectors = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)[2]
    return directions[: len(means) - 1]


def geometry_of(embedder: Embedder, store: IndexStore) -> Geometry:
    """The geometry of an embedder's space: from the package for the embedder that it was made with, else measured."""
    with resources.as_file(resources.files(__package__).joinpath("geometry.npz")) as file:
        shipped = np.load(file, allow_pickle=False)
        if str(shipped["embedder"]) == embedder.name:
            return Geometry(
                shipped["directions"].astype(np.float32),
                shipped["centre"].astype(np.float32),
                shipped["support"].astype(np.float32),
                shipped["foreign"].astype(np.float32),
                tuple(shipped["foreign_languages"].tolist()),
                shipped["talk"].astype(np.float32),
                tuple(shipped["talk_kinds"].tolist()),
            )
    return Geometry.measure(
        lambda texts: store.vectors(texts, embedder.queries, "query"),
        lambda texts: store.vectors(texts, embedder.passages, "passage"),
    )


def save_geometry(geometry: Geometry, name: str, file: Path) -> None:
    """Write what `geometry_of` reads."""
    np.savez_compressed(
        file,
        embedder=np.array(name),
        directions=geometry.directions.astype(np.float16),
        centre=geometry.centre.astype(np.float16),
        support=geometry.support.astype(np.float16),
        foreign=geometry.foreign.astype(np.float16),
        foreign_languages=np.array(geometry.foreign_languages),
        talk=geometry.talk.astype(np.float16),
        talk_kinds=np.array(geometry.talk_kinds),
    )
