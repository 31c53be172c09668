"""A bot's own texts by the rules of its moderation.yaml: also while they are written, wherever a piece of them ends."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from framework.moderation.files import read_moderation
from framework.moderation.judging import ModelJudge
from framework.moderation.own_texts import OwnTexts
from framework.net.breaker import Breaker
from framework.outbound import OwnRules
from tests.support.virtual_time import virtual_timing

CHANNEL = "messaging:support-1"
PHRASE = "I would rather not say that."


def own(folder: Path, *rules: dict[str, Any], judge: ModelJudge | None = None, user: str = "fern") -> OwnTexts | None:
    (folder / "moderation.yaml").write_text(yaml.safe_dump({"rules": list(rules)}, sort_keys=False))
    file = read_moderation(folder)
    assert file is not None
    return OwnTexts.of(
        file, "fern_bot", user, now=lambda: datetime.now(UTC), channels=("messaging:support-*",), judge=judge
    )


def here(folder: Path, *rules: dict[str, Any], channel: str | None = CHANNEL, **more: Any) -> OwnRules:
    made = own(folder, *rules, **more)
    assert made is not None
    found = made.at(channel, PHRASE)
    assert found is not None
    return found


def rule(when: dict[str, Any], do: Any = "reject", **more: Any) -> dict[str, Any]:
    return {"name": more.pop("name", "rule"), "when": when, "do": do, **more}


BLOCKED = rule({"words": ["zorbax", "go back home"], "domains": ["spam-domain.example"]})


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("All about zorbax and more", "All about "),
        ("All about ZОRBАX.", "All about "),
        ("Spelled z o r b a x, it is longer", "Spelled "),
        ("Spelled z-0-r\nb.a.x, it is longer", "Spelled "),
        ("Say zo<b>rb</b>ax now", "Say "),
        ("Please go, back … home now", "Please "),
        ("At https://www.spam-domain.example/x?y for you", "At "),
        ("At spam-domain (dot) example for you", "At "),
        ("At sp\u00adam-domain[.]example for you", "At "),
        ("At s p a m-domain.example, you z\u200borbax", "At s p a m-domain.example, you "),
    ],
)
def test_nothing_that_is_refused_is_ever_shown(tmp_path: Path, text: str, before: str) -> None:
    rules = here(tmp_path, BLOCKED)
    shown = [rules.shown(text[:end]) for end in range(len(text) + 1)]
    assert {before.startswith(one) for one in shown} == {True}, [one for one in shown if not before.startswith(one)]
    verdict = rules.final(text)
    assert verdict.refused
    assert verdict.text == PHRASE
    assert verdict.rules == ("rule",)
    assert rules.final(PHRASE).text == PHRASE


@pytest.mark.parametrize(
    "text",
    [
        "The zorba dance, and go back to work: all of it. ",
        "See spam-domain.example.org and notspam-domain.example for more. ",
        "Привет, как дела? 你好 नमस्ते 👩‍👩‍👧 ❤️ `code` <b>bold</b> &amp; more. ",
        "1. one\n2. two\n\n```\ncode = 1\n```\n",
    ],
)
def test_honest_texts_are_shown_as_they_come(tmp_path: Path, text: str) -> None:
    rules = here(tmp_path, BLOCKED)
    assert rules.shown(text) == text
    assert rules.final(text) == type(rules.final(text))(text)
    for end in range(len(text)):
        shown = rules.shown(text[:end])
        assert text.startswith(shown)
        assert len(text[:end]) - len(shown) <= 40, "it is held back for longer than a term lasts"


def test_a_term_that_may_still_come_is_held_back_no_longer_than_it_may_come(tmp_path: Path) -> None:
    rules = here(tmp_path, rule({"words": ["zorbax"]}))
    assert rules.shown("Hello zor") == "Hello "
    assert rules.shown("Hello zorn") == "Hello zorn"
    assert rules.shown("Hello zorbax") == "Hello "
    assert rules.shown("Hello zorbaxes are fine") == "Hello zorbaxes are fine"
    assert rules.shown("Hello there") == "Hello there"


@pytest.mark.parametrize(
    ("kinds", "text", "masked"),
    [
        (["iban"], "Pay to DE89 3704 0044 0532 0130 00, thanks", "Pay to [iban], thanks"),
        (["iban"], "GB82 WEST 1234 5698 7654 32 is it", "[iban] is it"),
        (["card"], "It is 4111 1111 1111 1111. Good", "It is [card]. Good"),
        (["email"], "Ask ann@shop.example or bo", "Ask [email] or bo"),
        (["phone"], "Call +49 (30) 901820 today", "Call [phone] today"),
    ],
)
def test_personal_data_is_masked_before_it_is_complete(
    tmp_path: Path, kinds: list[str], text: str, masked: str
) -> None:
    rules = here(tmp_path, rule({"personal_data": kinds}, "mask"))
    assert rules.final(text).text == masked
    assert not rules.final(text).refused
    for end in range(len(text) + 1):
        assert masked.startswith(rules.shown(text[:end])), rules.shown(text[:end])


def test_an_expression_is_held_back_by_a_fixed_length(tmp_path: Path) -> None:
    rules = here(tmp_path, rule({"regex": [r"buy \d+ coins"]}))
    text = "word " * 40 + "buy 100 coins"
    for end in range(len(text) + 1):
        assert "buy" not in rules.shown(text[:end])
    assert rules.shown("word " * 40).startswith("word ")
    assert rules.final(text).refused


def test_rules_about_who_writes_and_how_often_are_not_for_bots(tmp_path: Path) -> None:
    rules = [
        rule({"messages": 2, "words": ["zorbax"]}, name="a"),
        rule({"account_younger": "1d", "links": True}, name="b"),
        rule({"roles": ["guest"], "words": ["zorbax"]}, name="c"),
        rule({"injection": True}, name="d"),
        rule({"words": ["zorbax"]}, name="e", not_users=["fern"]),
    ]
    assert own(tmp_path, *rules) is None


def test_rules_hold_where_they_are_meant_to(tmp_path: Path) -> None:
    made = own(tmp_path, rule({"words": ["zorbax"]}, **{"in": ["messaging:support-1"]}))
    assert made is not None
    assert made.at("team:desk", PHRASE) is None, "the bot may quote it to the team"
    one, two, unknown = (made.at(cid, PHRASE) for cid in ("messaging:support-1", "messaging:support-2", None))
    assert one is not None
    assert two is not None
    assert unknown is not None
    assert [here.final("a zorbax").refused for here in (one, two, unknown)] == [True, False, True]


@pytest.mark.parametrize(
    ("do", "refused", "text"),
    [
        ("allow", False, "a zorbax"), ("flag", False, "a zorbax"), ("mask", False, "a ***"),
        ({"rewrite": "(removed)"}, False, "(removed)"), ("shadow", True, PHRASE), ("hold", True, PHRASE),
        ({"mute": "10m"}, True, PHRASE),
    ],
)  # fmt: skip
def test_each_outcome_has_its_meaning_for_a_bot(tmp_path: Path, do: Any, refused: bool, text: str) -> None:
    verdict = here(tmp_path, rule({"words": ["zorbax"]}, do)).final("a zorbax")
    assert (verdict.refused, verdict.text) == (refused, text)


@pytest.mark.parametrize(
    ("score", "late", "refused"),
    [(0.9, "allow", True), (0.1, "allow", False), (None, "allow", False), (None, "reject", True)],
)
async def test_a_model_judges_a_complete_answer(tmp_path: Path, score: float | None, late: str, refused: bool) -> None:
    async def ask(text: str, _kinds: object) -> dict[str, object]:
        assert text == "A complete answer."
        return {"hate": score}

    judge = ModelJudge(ask, Breaker("model", virtual_timing()), within=5)
    rules = here(tmp_path, rule({"model": "hate"}, late=late), judge=judge)
    assert rules.shown("A complete answer.") == "A complete answer.", "what is shown meanwhile is checked here alone"
    verdict = await rules.judged("A complete answer.", "m1")
    assert verdict.refused is refused
