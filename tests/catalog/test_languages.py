"""Intents in nine languages: development sets of 51 each, and one set that was only ever measured before its use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from framework.catalog.search.languages import translated
from framework.catalog.search.search import OperationSearch

SETS = Path("tests/benchmarks/intents_data")
LANGUAGES = ("de", "es", "fr", "pt", "it", "ja", "zh", "pl", "tr")


def intents(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((SETS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def rank(operations: OperationSearch, intent: dict[str, Any]) -> int:
    """The place of the first right operation; 99 where there is none, or the intent is refused."""
    result = operations.search(intent["intent"], 10)
    places = [number for number, hit in enumerate(result.hits, 1) if hit.id in intent["gold"]]
    return places[0] if places and result.status == "ok" else 99


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_finds_what_is_meant(operations: OperationSearch, language: str) -> None:
    wanted = [each for each in intents(f"dev_{language}") if each["gold"] != ["NONE"]]
    ranks = [rank(operations, each) for each in wanted]
    assert len(ranks) >= 40
    assert sum(place == 1 for place in ranks) / len(ranks) >= 0.88
    assert sum(place <= 5 for place in ranks) / len(ranks) >= 0.95
    for each in intents(f"dev_{language}"):
        if each["gold"] == ["NONE"]:
            assert operations.search(each["intent"]).status == "no_operation", each["intent"]


def test_what_was_not_used_for_tuning_is_found_too(operations: OperationSearch) -> None:
    """0.78 and 0.96 when it was first measured."""
    ranks = [rank(operations, each) for each in intents("sealed_languages")]
    assert sum(place == 1 for place in ranks) / len(ranks) >= 0.78
    assert sum(place <= 5 for place in ranks) / len(ranks) >= 0.95


def test_english_is_left_as_it_is(operations: OperationSearch) -> None:
    for name in ("everyday", "second", "unseen", "final", "sealed"):
        for each in intents(name):
            assert translated(each["intent"], operations._is_english) is None, each["intent"]


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        ("Nachricht anheften", "UpdateMessagePartial"),
        ("banear a un usuario durante un día", "Ban"),
        ("メッセージをピン留めする", "UpdateMessagePartial"),
        ("把频道冻结", "UpdateChannelPartial"),
        ("mute o canal", "MuteChannel"),
    ],
)
def test_examples(operations: OperationSearch, by_words: OperationSearch, intent: str, expected: str) -> None:
    assert operations.search(intent).hits[0].id == expected
    assert by_words.search(intent).hits[0].id == expected, "without the model, too"


@pytest.mark.parametrize("intent", ["заморозить канал", "закрепить сообщение", "เพิ่มสมาชิก"])
def test_a_script_that_the_lexicon_has_not_reaches_the_model(operations: OperationSearch, intent: str) -> None:
    assert operations.search(intent).hits


def test_a_refusal_guesses_at_no_topic_in_a_language_it_cannot_read(operations: OperationSearch) -> None:
    result = operations.search("xyzzy плугх フロブ")
    if result.status == "no_operation":
        assert "Nothing here does that" in str(result.reason)


@pytest.mark.parametrize("intent", ["ä" * 20_000, "消息" * 10_000, "\x00\x07\x1b[31m", "stumm " * 4_000, "「" * 5_000])
def test_any_text_is_read_in_little_time(by_words: OperationSearch, intent: str) -> None:
    by_words.search(intent)
