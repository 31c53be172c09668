"""The language of short texts, and the fixed sentences in it."""

from __future__ import annotations

import pytest

from framework.agent.spoken.language import language_of
from tests.benchmarks.handover import held_out


def test_nearly_all_short_texts_are_told_and_none_in_a_hundred_wrong() -> None:
    texts = held_out("first") + held_out("second")
    told = [(language_of([text], ""), language) for language, _, text in texts]
    assert sum(found == language for found, language in told) >= 0.97 * len(told)
    assert sum(found not in {language, ""} for found, language in told) <= 0.01 * len(told)


@pytest.mark.parametrize(
    ("texts", "default", "language"),
    [
        (["ok", "Wo ist mein Paket?"], "en", "de"),
        (["P1234", "¿Dónde está mi pedido?"], "en", "es"),
        (["P1234"], "fr", "fr"),
        ([], "pl", "pl"),
        (["Hallo"], "nl", "nl"),
        (["Hallo"], "en", "de"),
        (["Jag vill prata med en människa"], "it", "it"),
        (["Quiero un humano", "Where is my parcel?"], "de", "es"),
    ],
)
def test_short_messages_take_the_language_of_those_before(texts: list[str], default: str, language: str) -> None:
    assert language_of(texts, default) == language
