"""Words are alike across inflection, typing errors and languages; languages are told by their function words."""

from __future__ import annotations

import pytest

from framework.agent.knowledge.search.languages import detect
from framework.agent.knowledge.search.names import Families, names_in
from framework.agent.knowledge.search.question import leans_back, split
from framework.agent.knowledge.search.shorthand import spelled_out
from framework.agent.knowledge.search.words import Vocabulary, content_terms, countries, terms, with_meanings


@pytest.mark.parametrize(
    ("asked", "written"),
    [("setings", "settings"), ("cancelling", "cancel"), ("kündigungsfrist", "kündigung"), ("facturas", "factura")],
)
def test_a_word_finds_its_other_forms(asked: str, written: str) -> None:
    vocabulary = Vocabulary(terms(f"{written} delivery battery invoice"))
    found = {vocabulary.words[number] for number in vocabulary.alike(terms(asked)[0])}
    assert terms(written)[0] in found
    assert "delivery" not in found


def test_codes_are_like_themselves_alone() -> None:
    vocabulary = Vocabulary(terms("E07 E08 W2-130"))
    assert set(vocabulary.alike("e07")) == {vocabulary.ids["e07"]}
    assert vocabulary.alike("e09") == {}


def test_words_of_two_languages_meet_in_what_they_stand_for() -> None:
    vocabulary = Vocabulary(with_meanings(terms("Die Lieferung nach Spanien")))
    assert vocabulary.alike("delivery")
    assert max(vocabulary.alike("espana").values()) > 0.9


def test_function_words_carry_no_content() -> None:
    assert content_terms("How long does the delivery to Spain take?") == ["delivery", "spain"]


def test_an_adjective_names_no_country() -> None:
    assert countries(terms("a German company in France")) == {"@fr"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("how do i reset the thing", "en"),
        ("Wie lange dauert das?", "de"),
        ("Combien coûte la livraison ?", "fr"),
        ("¿Cuánto cuesta el envío?", "es"),
        ("W2-130", "xx"),
    ],
)
def test_the_language_of_a_question(text: str, language: str) -> None:
    assert detect(text, "xx") == language


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("What does it cost and how long does delivery take?", 2),
        ("Where is my order? Can I still change the address?", 2),
        ("Wie schwer ist der Akku und darf er nach draußen?", 2),
        ("Does it work with salt and pepper?", 1),
        ("How do I connect the sensor?", 1),
    ],
)
def test_a_message_is_cut_into_its_questions(message: str, parts: int) -> None:
    assert len(split(message)) == parts


@pytest.mark.parametrize("question", ["And in Belgium?", "what about the small one", "Und dort?", "How much is it?"])
def test_a_short_question_leans_on_what_was_said(question: str) -> None:
    assert leans_back(question)


def test_a_full_question_stands_on_its_own() -> None:
    assert not leans_back("How many guests can have a key for my Calle 3 at the same time?")


def test_names_are_codes_and_capitals_inside_a_sentence() -> None:
    assert names_in("Does the charger work with Alexa in March?", "en") == {"alexa"}
    assert names_in("Was bedeutet W2-130 an meiner Wallbox?", "de") >= {"w2130"}


@pytest.mark.parametrize(
    ("question", "lacking"),
    [
        ("When does the Charge 3 come out?", True),
        ("How heavy is the Charge 2?", False),
        ("What does W2-199 mean?", True),
        ("What does W2-120 mean?", False),
        ("I waited for 3 days", False),
    ],
)
def test_a_variant_that_no_article_knows_is_noticed(question: str, lacking: bool) -> None:
    families = Families(["Charge 1 and Charge 2", "W2-110 hot. W2-120 cold. W2-130 lost."])
    assert families.lacks(question) is lacking


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("en", "pls how 2 reset ur app w/o a pw", "please how to reset your app without a password"),
        ("de", "hab vllt nen Fehler", "habe vielleicht einen Fehler"),
        ("fr", "slt jme sui trompé de mdp", "salut je me suis trompé de mot de passe"),
        ("en", "300 w, plan-n, W, how much", "300 w, plan-n, W, how much"),
        ("xx", "pls", "pls"),
    ],
)
def test_what_is_typed_in_a_hurry_is_spelled_out(language: str, typed: str, meant: str) -> None:
    assert spelled_out(typed, language, frozenset()) == meant


def test_a_short_form_that_the_articles_use_stays() -> None:
    assert spelled_out("max reqs w ppl", "en", {"reqs", "w"}) == "max reqs with people"
