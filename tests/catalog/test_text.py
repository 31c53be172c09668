"""From text to terms."""

import pytest

from framework.catalog.search.mood import mood_of
from framework.catalog.search.spelling import Spelling, distance
from framework.catalog.search.text import stem, words
from framework.catalog.search.thesaurus import Thesaurus


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CreateImportURL", ["create", "import", "url"]),
        ("halt camp_welcome_2026", ["halt", "campaign"]),
        ("see support-123", ["see"]),
        ("join messaging:general or #random", ["join", "channel", "or", "channel"]),
        ("ban @bob", ["ban", "user"]),
        ('say "delete everything"', ["say"]),
        ("don't", ["do", "not"]),
        ("S3 and v2", ["s3", "and", "v2"]),
        ("react with 👍", ["react", "with", "emoji"]),
        ("go to https://example.org/ban", ["go", "to", "url"]),
    ],
)
def test_leaves_out_what_says_nothing_about_the_operation(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [("channels", "channel"), ("muting", "mute"), ("banned", "ban"), ("replies", "reply"), ("deleted", "delete")],
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_corrects_one_slip_and_leaves_other_words_alone() -> None:
    spelling = Spelling(["campaign", "channel", "ban", "pause"])
    assert spelling.correct("chanel") == "channel"
    assert spelling.correct("campagin") == "campaign"
    assert spelling.correct("channel") is None
    assert spelling.correct("van") is None
    assert spelling.correct("zebra") is None


@pytest.mark.parametrize(("left", "right", "expected"), [("ab", "ba", 1), ("abc", "abd", 1), ("abc", "xyz", 3)])
def test_distance_counts_slips(left: str, right: str, expected: int) -> None:
    assert distance(left, right, 2) == expected


def test_phrases_may_be_apart() -> None:
    thesaurus = Thesaurus({"restore": ["put back"], "stop": ["halt"]})
    assert thesaurus.concepts(["put", "it", "back"]) == ["~restore"]
    assert thesaurus.concepts(["halt", "put", "a", "b", "c", "back"]) == ["~stop"]


@pytest.mark.parametrize(
    ("intent", "mood"),
    [
        ("who is banned?", "ask"),
        ("show me the polls", "ask"),
        ("please list all roles", "ask"),
        ("get the members", "ask"),
        ("could you tell me who is banned", "ask"),
        ("could you ban him?", "act"),
        ("get her into the room", "act"),
        ("I want to delete it", "act"),
        ("all my unsent drafts", "unclear"),
    ],
)
def test_tells_questions_from_orders(intent: str, mood: str) -> None:
    assert mood_of(intent) == mood
