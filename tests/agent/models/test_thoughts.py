"""Thoughts and control words never show, wherever the pieces of a stream are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.agent.models.thoughts import AnswerText, without_retracted

ANSWER = "The parcel arrives on Monday."
SECRET = "secret plan: upsell"

HIDDEN = [
    f"<think> {SECRET} </think> {ANSWER}",
    f"<think>\n{SECRET}\n</think>\n\n{ANSWER}",
    f"<THINKING>{SECRET}</THINKING>{ANSWER}",
    f"<reasoning>{SECRET}</reasoning>{ANSWER}",
    f"[THINK]{SECRET}[/THINK]{ANSWER}",
    f"◁think▷{SECRET}◁/think▷{ANSWER}",
    f"<seed:think>{SECRET}</seed:think>{ANSWER}",
    f"<|channel|>analysis<|message|>{SECRET}<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>",
    f"<|START_THINKING|>{SECRET}<|END_THINKING|><|START_RESPONSE|>{ANSWER}<|END_RESPONSE|>",
    f"{ANSWER}<|im_end|>\n<|im_start|>user\n{SECRET}",
    f"{ANSWER}</s>{SECRET}",
    f"{ANSWER}<think>{SECRET}",
    f"<analysis>{SECRET}</analysis>{ANSWER}",
    f"<antThinking>{SECRET}</antThinking>{ANSWER}",
    f"<think>{SECRET}</think><answer>{ANSWER}</answer>",
    f"<|channel>thought\n{SECRET}<channel|>{ANSWER}",
    f"<tool_response>{SECRET}</tool_response>{ANSWER}",
    f"<|start_header_id|>assistant<|end_header_id|>\n\n{ANSWER}<|eot_id|>{SECRET}",
    f"analysisUser wants it. {SECRET}assistantfinal{ANSWER}",
    f"assistant\n\n{ANSWER}",
    f"<s> {ANSWER}</s>{SECRET}",
    f"\u200b\ufeff{ANSWER}",
]


def read(pieces: list[str], *, hold: bool = False) -> tuple[str, list[str]]:
    text = AnswerText(hold=hold)
    shown = [text.feed(piece) for piece in pieces]
    shown.append(text.finish())
    return "".join(shown), shown


@pytest.mark.parametrize("written", HIDDEN)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_thoughts_are_never_shown(written: str, size: int) -> None:
    whole, shown = read([written[n : n + size] for n in range(0, len(written), size)])
    assert whole.strip() == ANSWER
    assert not any(word in "".join(shown) for word in ("secret", "upsell"))


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_thoughts_that_no_mark_opens_are_taken_back(size: int) -> None:
    written = f"First I look. {SECRET} </think> {ANSWER}"
    whole, _ = read([written[n : n + size] for n in range(0, len(written), size)])
    assert without_retracted(whole) == ANSWER


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_server_known_to_think_first_shows_nothing_before_its_answer(size: int) -> None:
    written = f"First I look. {SECRET} </think> {ANSWER}"
    whole, _ = read([written[n : n + size] for n in range(0, len(written), size)], hold=True)
    assert whole == ANSWER


def test_a_server_known_to_think_first_may_answer_at_once() -> None:
    assert read(["The parcel ", "arrives on Monday."], hold=True)[0] == ANSWER


@pytest.mark.parametrize(
    "written",
    [
        "Wrap it in a `<think>` element and close it with `</think>`.",
        "a < b and b > c [see the manual](https://example.org) [1]",
        "if x<t then [T] or <table>",
        "Use <|> or <| as you like",
        "1 < 2 <3 I <t",
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_what_only_looks_like_a_mark_stays(written: str, size: int) -> None:
    assert read([written[n : n + size] for n in range(0, len(written), size)])[0] == written


SPOKEN_OF = [
    "Here:\n```xml\n<think>hello</think>\n<answer>x</answer>\n```\nThat is it.",
    "It costs <s>20</s> 15 EUR.",
    "analysis of the order: it is late",
    "assistant manager: Ada",
]


@pytest.mark.parametrize("written", SPOKEN_OF)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_marks_in_code_struck_text_and_words_that_begin_like_a_role_stay(written: str, size: int) -> None:
    assert read([written[n : n + size] for n in range(0, len(written), size)])[0] == written


def test_thoughts_that_end_in_open_code_are_taken_back() -> None:
    whole, _ = read([f"I try ```python\n{SECRET}\n</think>{ANSWER}"])
    assert without_retracted(whole) == ANSWER


@pytest.mark.parametrize("blank", ["\u200b\u200b", " \n\ufeff", "assistant\n"])
def test_what_nobody_can_see_is_no_answer(blank: str) -> None:
    assert read([blank])[0] == ""


@given(
    st.lists(
        st.sampled_from(["<", "<thi", "nk>", "</think>", "a ", "`", "[", "<|end|>", "<tool_call>", "b", "▷"]),
        max_size=30,
    )
)
def test_however_a_text_is_cut_the_result_is_the_same(pieces: list[str]) -> None:
    whole = "".join(pieces)
    assert without_retracted(read(pieces)[0]) == without_retracted(read([whole])[0])
