"""The fixed sentences exist in every language, with the same words to fill in."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from pydantic import ValidationError

from framework.agent.spoken.language import LANGUAGES
from framework.definition.parts.phrases import Phrases, PhraseTexts
from framework.definition.parts.sentences import SENTENCES, Language

ENGLISH = PhraseTexts().model_dump()
OTHERS = [language for language in get_args(Language) if language != "en"]


def test_there_are_sentences_in_every_language_that_is_told_apart() -> None:
    assert set(get_args(Language)) == set(LANGUAGES)
    assert set(SENTENCES) == set(OTHERS)


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_there_with_the_same_placeholders(language: str) -> None:
    told = SENTENCES[language]
    assert told.keys() == ENGLISH.keys()
    for name, english in ENGLISH.items():
        assert sorted(re.findall(r"\{\w+\}", told[name])) == sorted(re.findall(r"\{\w+\}", english)), name
        assert bool(told[name]) == bool(english), name
        assert not english or told[name] != english, name


def test_ones_own_sentence_is_said_in_every_language_unless_it_is_there_by_language() -> None:
    phrases = Phrases.model_validate({"greeting": "Welcome!", "by_language": {"de": {"greeting": "Willkommen!"}}})
    assert phrases.spoken("de").greeting == "Willkommen!"
    assert phrases.spoken("fr").greeting == "Welcome!"
    assert phrases.spoken("fr").thanks == SENTENCES["fr"]["thanks"]
    assert phrases.spoken("de").model_fields_set == {"greeting"}
    assert phrases.spoken("sv").thanks == PhraseTexts().thanks


def test_a_language_that_is_not_spoken_is_refused() -> None:
    with pytest.raises(ValidationError, match="by_language"):
        Phrases.model_validate({"by_language": {"xx": {"greeting": "?"}}})
