"""Everything about a knowledge base that a search needs at hand: vectors and words of its chunks and their units."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from framework.agent.knowledge.articles.tree.chunk import Chunk
from framework.agent.knowledge.search.languages import detect
from framework.agent.knowledge.search.words import Vocabulary, content_terms, terms, with_meanings
from framework.embedding.embedder import Vectors

Scores = NDArray[np.float32]
Term = tuple[str, dict[int, float], float]
"""A word of a question, the words of the base that are like it, and how much it weighs (its rarity)."""


def chunk_texts(chunks: Sequence[Chunk]) -> list[str]:
    """What is embedded for each chunk: its place and its text.

    Cheaper ways were measured on three bases with weights learned without each in turn. They lose: units without their
    place 13 answers of 360 (a quarter of the work saved), the mean of a chunk's units in its place 11 (40 %), the
    chunk's vector for the units of short chunks 3, and 2 more near misses are answered (27 %).
    """
    return [_thin(chunk) if chunk.thin else f"{chunk.path}\n{chunk.quote}" for chunk in chunks]


def unit_texts(chunks: Sequence[Chunk]) -> list[str]:
    """What is embedded for each unit, over all chunks: after its place; a chunk of one unit is embedded once."""
    return [text for chunk in chunks for text in _of_units(chunk)]


def _of_units(chunk: Chunk) -> Sequence[str]:
    if chunk.thin:
        return [_thin(chunk)] * len(chunk.units)
    if len(chunk.units) == 1:
        return [f"{chunk.path}\n{chunk.quote}"]
    return [f"{chunk.path}: {unit.text}" for unit in chunk.units]


def _thin(chunk: Chunk) -> str:
    """What thousands of rows have in common, so that one vector is enough for all of them."""
    block = chunk.blocks[-1]
    return "\n".join(dict.fromkeys((chunk.path, block.lead, block.units[0].header)))


class Occurrences:
    """Which rows (chunks, units, articles) hold which words. By word: a table would be large and mostly empty."""

    def __init__(self, rows: Sequence[Iterable[int]], words: int) -> None:
        found: list[list[int]] = [[] for _ in range(words)]
        for row, numbers in enumerate(rows):
            for number in set(numbers):
                found[number].append(row)
        self._rows = [np.array(numbers, dtype=np.int32) for numbers in found]
        self.count = len(rows)
        self.frequency = np.array([len(numbers) for numbers in found], dtype=np.int64)

    def of(self, word: int) -> NDArray[np.int32]:
        """The rows that hold a word."""
        return self._rows[word]

    def has(self, row: int, word: int) -> bool:
        """Whether a row holds a word."""
        return bool((self._rows[word] == row).any())


class PassageIndex:
    """Read-only once built, so safe in threads. Arrays over chunks have the chunks' order."""

    def __init__(self, chunks: Sequence[Chunk], chunk_vectors: Vectors, unit_vectors: Vectors) -> None:
        self.chunks = tuple(chunks)
        self.chunk_vectors = chunk_vectors
        self.unit_vectors = unit_vectors
        self.units = [unit for chunk in chunks for unit in chunk.units]
        counts = [len(chunk.units) for chunk in chunks]
        self.unit_chunk = np.repeat(np.arange(len(chunks)), counts)
        self.unit_start = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(int)
        self._group_articles()
        self._index_words()

    def _group_articles(self) -> None:
        files = {chunk.file: number for number, chunk in reversed(list(enumerate(self.chunks)))}
        order = {file: number for number, file in enumerate(sorted(files))}
        self.files = tuple(order)
        self.chunk_article = np.array([order[chunk.file] for chunk in self.chunks])
        texts = [""] * len(order)
        for chunk in self.chunks:
            texts[order[chunk.file]] += f" {chunk.title} {chunk.quote}"
        found = [detect(text) for text in texts]
        main = Counter(language for language in found if language).most_common(1)
        self.language = main[0][0] if main else "en"
        languages = np.array([language or self.language for language in found])
        self.chunk_language = languages[self.chunk_article]
        self.languages = tuple(sorted(set(languages.tolist())))

    def _index_words(self) -> None:
        paths = [_words(chunk.path) for chunk in self.chunks]
        bodies = [_words(chunk.quote) for chunk in self.chunks]
        leads = [_words(" ".join(block.lead for block in chunk.blocks)) for chunk in self.chunks]
        headers = [_words(unit.header) for unit in self.units]
        self.vocabulary = Vocabulary(word for words in (*paths, *bodies, *leads, *headers) for word in words)
        numbers = self._numbers
        in_path = numbers(paths)
        in_body = numbers(body + lead for body, lead in zip(bodies, leads, strict=True))
        in_chunk = [path | body for path, body in zip(in_path, in_body, strict=True)]
        in_article: list[set[int]] = [set() for _ in self.files]
        for article, found in zip(self.chunk_article, in_chunk, strict=True):
            in_article[article] |= found
        words = len(self.vocabulary.words)
        self.in_path, self.in_body = Occurrences(in_path, words), Occurrences(in_body, words)
        self.in_chunk, self.in_article = Occurrences(in_chunk, words), Occurrences(in_article, words)
        self.in_unit = Occurrences(numbers(_words(unit.text) for unit in self.units), words)
        self._frequency = self.in_chunk.frequency

    def _numbers(self, texts: Iterable[Iterable[str]]) -> list[set[int]]:
        ids = self.vocabulary.ids
        return [{ids[word] for word in words} for words in texts]

    def weigh(self, question: str) -> list[Term]:
        """The question's content words with their likenesses in this base and their rarity in it."""
        weighed: list[Term] = []
        for term in content_terms(question):
            alike = self.vocabulary.alike(term)
            frequency = max(
                (int(self._frequency[word]) for word, likeness in alike.items() if likeness >= 0.8), default=0
            )
            weighed.append((term, alike, math.log((len(self.chunks) + 1) / (frequency + 0.5))))
        return weighed

    def best_of_units(self, scores: Scores) -> Scores:
        """For each chunk, the best score among its units."""
        return np.maximum.reduceat(scores, self.unit_start, axis=0)


def _words(text: str) -> list[str]:
    return with_meanings(terms(text))


def matches(rows: Occurrences, question: Sequence[Term]) -> Scores:
    """How well each row has each of the question's words, 0 to 1; shape (rows, words)."""
    found = np.zeros((rows.count, len(question)), dtype=np.float32)
    for column, (_, alike, _) in enumerate(question):
        for word, likeness in alike.items():
            here = rows.of(word)
            found[here, column] = np.maximum(found[here, column], np.float32(likeness))
    return found
