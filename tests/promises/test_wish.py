"""What people want promised, in eight languages, and what only looks like it."""

from __future__ import annotations

import pytest

from framework.promises.wish import Wish, event_of, read_wish

WISHES = [
    ("remind me on Friday at 9", "remind", "en"),
    ("Please don't forget to remind me tomorrow at 9", "remind", "en"),
    ("Could you send me a reminder tomorrow?", "remind", "en"),
    ("ask me tomorrow again", "ask", "en"),
    ("Let me know when my order ships", "tell", "en"),
    ("don't remind me", "cancel", "en"),
    ("No need to remind me any more, thanks", "cancel", "en"),
    ("Please cancel all my reminders", "cancel", "en"),
    ("what did you promise me?", "list", "en"),
    ("no need", "nevermind", "en"),
    ("Kannst du mich morgen um 9 daran erinnern?", "remind", "de"),
    ("Vergiss nicht, mich morgen zu erinnern", "remind", "de"),
    ("Frag mich morgen nochmal", "ask", "de"),
    ("Sag mir Bescheid, sobald meine Bestellung versandt ist", "tell", "de"),
    ("Du musst mich nicht mehr daran erinnern", "cancel", "de"),
    ("Was hast du mir versprochen?", "list", "de"),
    ("Recuérdame el viernes", "remind", "es"),
    ("Avísame en cuanto salga el pedido", "tell", "es"),
    ("No me lo recuerdes", "cancel", "es"),
    ("¿Qué me prometiste?", "list", "es"),
    ("N'oublie pas de me rappeler demain", "remind", "fr"),
    ("Redemande-moi demain", "ask", "fr"),
    ("Pas besoin de me rappeler", "cancel", "fr"),
    ("Ricordami domani alle 9", "remind", "it"),
    ("Non ricordarmelo", "cancel", "it"),
    ("Cosa mi hai promesso?", "list", "it"),
    ("Lembra-me amanhã", "remind", "pt"),
    ("Não precisa me lembrar", "cancel", "pt"),
    ("Kun je me morgen om 9 herinneren?", "remind", "nl"),
    ("Herinner me niet", "cancel", "nl"),
    ("Przypomnij mi jutro", "remind", "pl"),
    ("Daj mi znać, gdy paczka wyjdzie", "tell", "pl"),
    ("Nie przypominaj mi", "cancel", "pl"),
]
NONE = [
    "How do I set a reminder in the app?",
    "Wie kann ich mich erinnern lassen?",
    "Can you remind customers of their appointment?",
    "How long is the warranty?",
    "Tell me about the warranty",
    "I never promised anything",
    "There is no need to water it every day, right? And what about the lawn in July?",
    "",
]


@pytest.mark.parametrize(("text", "kind", "language"), WISHES)
def test_a_wish_is_understood_whatever_language_is_expected(text: str, kind: str, language: str) -> None:
    for expected in (language, "en", "xx"):
        assert read_wish(text, expected) == Wish(kind, language)  # type: ignore[arg-type]  # the table has kinds alone


@pytest.mark.parametrize("text", NONE)
def test_what_only_looks_like_a_wish_is_none(text: str) -> None:
    assert read_wish(text, "en") is None


def test_an_event_is_named_by_its_words_and_by_one_alone() -> None:
    events = {"order.shipped": ("ships", "is shipped", "versandt"), "order.refunded": ("refund", "money back")}
    assert event_of("Tell me when it SHIPS, please", events) == "order.shipped"
    assert event_of("Sag mir, sobald sie versandt ist", events) == "order.shipped"
    assert event_of("Tell me when the shipsyard opens", events) == ""
    assert event_of("Tell me when it ships and about my refund", events) == ""
