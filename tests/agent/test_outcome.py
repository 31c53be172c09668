"""Which articles an answer cites, and what that makes of it."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage

from framework.agent.conversation import Reference, Source
from framework.agent.middleware.outcome import cited, judge, withheld
from tests.agent.conftest import RETURNS, WATER

WATER_AGAIN = Reference(Source("Watering your garden", "water.md", "In winter"), "Less.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two weeks. [Watering your garden]", (WATER,)),
        ("Two weeks. [watering  your GARDEN.]", (WATER,)),
        ("Two weeks [1].", (WATER,)),
        ("Both [1, 2].", (WATER, RETURNS)),
        ("Both [1][2].", (WATER, RETURNS)),
        ("Both 【2】", (RETURNS,)),
        ("As “Watering your garden” says, two weeks.", (WATER,)),
        ("Send it back. (Returns)", (RETURNS,)),
        ("[Watering your garden › How often]", (WATER,)),
        ("It returns to normal.", ()),
        ("It takes (2) weeks.", ()),
        ("See [3].", ()),
        ("[Refunds]", ()),
        ("", ()),
    ],
)
def test_finds_the_articles_that_a_text_names(text: str, expected: tuple[Reference, ...]) -> None:
    assert cited(text, (WATER, RETURNS)) == tuple(reference.source for reference in expected)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (AIMessage("Yes."), None),
        (AIMessage("", additional_kwargs={"refusal": "I can't."}), "I can't."),
        (AIMessage([{"type": "refusal", "refusal": "I can't."}]), "I can't."),
        (AIMessage("Half an", response_metadata={"finish_reason": "content_filter"}), ""),
    ],
)
def test_knows_an_answer_that_was_held_back(message: AIMessage, words: str | None) -> None:
    assert withheld(message) == words


def test_names_each_article_once() -> None:
    assert cited("[Watering your garden]", (WATER, WATER_AGAIN), (WATER,)) == (WATER.source,)


def test_numbers_mean_the_passages_shown_before_the_question() -> None:
    assert cited("[2]", (WATER,), (RETURNS,)) == ()


@pytest.mark.parametrize(
    ("text", "acted", "needs_source", "outcome"),
    [
        ("Yes. [Returns]", False, True, "answered"),
        ("Yes.", False, True, "unsure"),
        ("Your ticket is open.", True, True, "answered"),
        ("Yes.", False, False, "answered"),
    ],
)
def test_an_answer_counts_when_it_rests_on_something(
    text: str, outcome: str, *, acted: bool, needs_source: bool
) -> None:
    assert judge(text, (RETURNS,), (), acted=acted, needs_source=needs_source)[0] == outcome
