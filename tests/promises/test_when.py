"""When somebody wants to be reminded: read in eight languages, never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from framework.promises.when import LANGUAGES, LONGEST_TEXT, read_moment, read_when, words

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 12, 1, 14, 30, tzinfo=BERLIN)  # a Tuesday

UNDERSTOOD = [
    ("en", "remind me on Friday at 9", "2026-12-04 09:00"),
    ("en", "Remind me tomorrow at 9am about order 4711", "2026-12-02 09:00"),
    ("en", "ask me again in 2 hours", "2026-12-01 16:30"),
    ("en", "ask me again tomorrow", "2026-12-02 09:00"),
    ("en", "remind me next Monday", "2026-12-07 09:00"),
    ("en", "remind me on 24 December at 18:00", "2026-12-24 18:00"),
    ("en", "Remind me on December 24th at 6 pm", "2026-12-24 18:00"),
    ("en", "remind me at 5 p.m.", "2026-12-01 17:00"),
    ("en", "remind me in half an hour", "2026-12-01 15:00"),
    ("en", "remind me in 1 hour and 30 minutes", "2026-12-01 16:00"),
    ("en", "remind me tonight", "2026-12-01 21:00"),
    ("en", "remind me tomorrow in the evening at 8", "2026-12-02 20:00"),
    ("en", "remind me on 24/12", "2026-12-24 09:00"),
    ("en", "remind me on 2026-12-24 at 10:00", "2026-12-24 10:00"),
    ("en", "remind me in 3 days", "2026-12-04 14:30"),
    ("en", "remind me in two weeks at 10:00", "2026-12-15 10:00"),
    ("en", "remind me the day after tomorrow at half past nine", "2026-12-03 09:30"),
    ("de", "Erinnere mich am Freitag um 9 an meine Bestellung", "2026-12-04 09:00"),
    ("de", "Frag mich in zwei Stunden nochmal", "2026-12-01 16:30"),
    ("de", "erinnere mich übermorgen um halb zehn", "2026-12-03 09:30"),
    ("de", "erinnere mich morgen früh um 8", "2026-12-02 08:00"),
    ("de", "erinnere mich am 24.12. um 18 Uhr 30", "2026-12-24 18:30"),
    ("de", "erinnere mich heute Abend", "2026-12-01 19:00"),
    ("de", "erinnere mich um 17.45 Uhr", "2026-12-01 17:45"),
    ("es", "Recuérdame el viernes a las 9", "2026-12-04 09:00"),
    ("es", "recuérdame mañana por la mañana a las 10", "2026-12-02 10:00"),
    ("es", "recuérdame el lunes a las 5 de la tarde", "2026-12-07 17:00"),
    ("fr", "Rappelle-moi vendredi à 9 h", "2026-12-04 09:00"),
    ("fr", "rappelle-moi demain à 9h30", "2026-12-02 09:30"),
    ("fr", "rappelle-moi dans deux heures", "2026-12-01 16:30"),
    ("it", "Ricordami venerdì alle 9", "2026-12-04 09:00"),
    ("it", "ricordamelo domani alle 15", "2026-12-02 15:00"),
    ("pt", "Lembra-me na sexta-feira às 9", "2026-12-04 09:00"),
    ("pt", "lembra-me amanhã às 15h", "2026-12-02 15:00"),
    ("nl", "Herinner me vrijdag om 9 uur", "2026-12-04 09:00"),
    ("nl", "herinner me morgen om half tien", "2026-12-02 09:30"),
    ("nl", "herinner me over 2 uur", "2026-12-01 16:30"),
    ("pl", "Przypomnij mi w piątek o 9", "2026-12-04 09:00"),
    ("pl", "Przypomnij mi w środę o dziewiątej", "2026-12-02 09:00"),
    ("pl", "przypomnij mi za dwie godziny", "2026-12-01 16:30"),
]
ASKED_BACK = [
    ("en", "remind me", "missing"),
    ("en", "remind me today", "missing"),
    ("en", "remind me about the invoice of yesterday", "missing"),
    ("en", "remind me at 5", "vague"),
    ("en", "remind me tomorrow at 5", "vague"),
    ("en", "remind me at 9", "vague"),  # today it is over
    ("en", "remind me next Friday", "vague"),  # of this week or the next one?
    ("en", "remind me on Tuesday", "vague"),  # today is one
    ("en", "remind me later", "vague"),
    ("en", "remind me next week", "vague"),
    ("en", "remind me on 3/4 at 9:00", "vague"),
    ("en", "remind me on 31 February", "vague"),
    ("en", "remind me tomorrow at 9 or 10", "vague"),
    ("en", "remind me on Friday and on Sunday", "vague"),
    ("en", "remind me at quarter past nine tomorrow", "vague"),
    ("en", "remind me in a month and a half", "vague"),
    ("en", "remind me every day at 9", "repeated"),
    ("de", "erinnere mich jeden Montag um 9", "repeated"),
    ("en", "remind me on 2025-12-24 at 10:00", "past"),
    ("en", "remind me in 0 minutes", "past"),
    ("en", "remind me in 400 days", "far"),
    ("en", "remind me in 14 months", "far"),
    ("en", "remind me in 9999 weeks", "far"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "wanted"), UNDERSTOOD)
def test_a_time_is_understood(language: str, text: str, wanted: str) -> None:
    at = read_when(text, language, NOW, BERLIN)
    assert isinstance(at, datetime), at
    assert at.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M") == wanted


@pytest.mark.parametrize(("language", "text", "why"), ASKED_BACK)
def test_what_is_not_one_time_in_the_future_is_asked_back(language: str, text: str, why: str) -> None:
    assert read_when(text, language, NOW, BERLIN) == why


def test_clocks_that_change_do_not_lose_a_time() -> None:
    """2:30 does not exist on the spring night, and comes twice on the autumn night."""
    spring = read_when("remind me on 28 March at 02:30", "en", datetime(2027, 3, 20, tzinfo=UTC), BERLIN)
    autumn = read_when("remind me on 25 October at 02:30", "en", datetime(2026, 10, 20, tzinfo=UTC), BERLIN)
    assert spring == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert autumn == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_day_alone_is_at_the_bots_usual_time() -> None:
    at = read_when("remind me tomorrow", "en", NOW, BERLIN, usual="17:45")
    assert isinstance(at, datetime)
    assert at.astimezone(BERLIN).strftime("%d %H:%M") == "02 17:45"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-12-04T09:00", datetime(2026, 12, 4, 8, tzinfo=UTC)),
        ("2026-12-04T09:00:00Z", datetime(2026, 12, 4, 9, tzinfo=UTC)),
        ("2026-12-04T09:00+05:30", datetime(2026, 12, 4, 3, 30, tzinfo=UTC)),
        ("2027-03-28T02:30", datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        ("tomorrow", "missing"),
        ("", "missing"),
        ("2025-12-04T09:00", "past"),
        ("2030-12-04T09:00", "far"),
        ("0001-01-01T00:00", "past"),
        ("9999-12-31T23:59", "far"),
    ],
)
def test_a_models_time_is_the_persons(text: str, wanted: object) -> None:
    assert read_moment(text, NOW, BERLIN) == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_knows_its_days_and_months(language: str) -> None:
    known = words(language)
    assert len(known["weekdays"]) == 7
    assert len(known["months"]) == 12
    assert set(known) == set(words("en"))


def test_a_hostile_text_is_read_in_linear_steps() -> None:
    for text in ("in 1 hour and " * 50_000, "at 9 or " * 50_000, "1" * 100_000, "24/" * 50_000, "next " * 50_000):
        assert not isinstance(read_when(text, "en", NOW, BERLIN), datetime)
    assert LONGEST_TEXT <= 1_000
