"""The catalogue and its search, read once: both are immutable."""

import pytest

from framework.catalog.catalog import Catalog
from framework.catalog.search.factory import open_search
from framework.catalog.search.search import OperationSearch


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="session")
def operations(catalog: Catalog) -> OperationSearch:
    return open_search(catalog)


@pytest.fixture(scope="session")
def by_words(catalog: Catalog) -> OperationSearch:
    return open_search(catalog, words_only=True)
