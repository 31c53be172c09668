"""Conversation tests: what they see, and that they fail where they should."""

from __future__ import annotations

import asyncio
import time
from xml.etree import ElementTree as ET

import pytest

from framework.errors import DefinitionError
from framework.testing.clock import VirtualLoop
from framework.testing.report import html, junit
from tests.testing.conftest import Play

GREETING = """
name: a greeting
turns:
  - user: Hello
    expect: {text: hello THERE, outcome: answered, replies: 1, silence: false, tools: []}
"""


def test_what_the_bot_says_is_compared(play_it: Play) -> None:
    result = play_it(GREETING)
    assert (result.verdict, result.failures) == ("passed", [])
    assert [(line.who, line.text) for line in result.lines] == [("user", "Hello"), ("Tiny", "Hello there!")]


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ("{text: goodbye}", "'goodbye'"),
        ("{not_text: hello}", "not to read"),
        ('{regex: "^bye"}', "'^bye'"),
        ("{silence: true}", "expected silence"),
        ("{replies: 2}", "there are 1"),
        ("{outcome: refused}", "is answered"),
        ("{tools: [open_ticket]}", "open_ticket"),
        ("{cites: warranty.md}", "to be cited"),
        ("{handover: true}", "take over"),
        ("{draft: true}", "draft"),
        ("{suggestions: Yes}", "suggested"),
    ],
)
def test_an_expectation_that_is_not_met_is_said_with_its_line(play_it: Play, expect: str, words: str) -> None:
    result = play_it(f"turns:\n  - user: Hello\n    expect: {expect}\n")
    assert result.verdict == "failed"
    (failure,) = result.failures
    assert words in failure.what
    assert str(failure.where).endswith("test.yaml:2:5")


def test_sources_are_seen(play_it: Play) -> None:
    result = play_it(
        "turns:\n  - user: How long is the warranty?\n"
        "    expect: {text: three years, cites: [warranty.md, Warranty], tools: search_knowledge, within: 30s}\n"
    )
    assert result.failures == []


def test_silence_has_a_reason(play_it: Play) -> None:
    play_it_quietly = "people: {robo: {bot: true}}\nturns:\n  - {from: robo, say: Hi, expect: {silence: %s}}\n"
    assert play_it(play_it_quietly % "written by a bot").failures == []
    assert "written by a bot" in play_it(play_it_quietly % "holiday").failures[0].what


def test_days_pass_in_no_time(play_it: Play) -> None:
    result = play_it("turns:\n  - user: Hello\n  - wait: 1d\n    expect: {silence: true}\n")
    assert result.verdict == "passed"
    assert result.lines[-1].seconds > 86_400


def test_what_was_said_before_the_bot_came_is_history(play_it: Play) -> None:
    result = play_it(
        'people: {ann: {name: Ann}}\nhistory:\n  - {from: ann, say: "Anybody here?"}\nturns:\n'
        "  - wait: 1m\n    expect: {silence: true}\n  - user: Hello\n    expect: {replies: 1}\n"
    )
    assert result.failures == []


def test_a_test_that_needs_a_model_is_skipped_without_one(play_it: Play) -> None:
    result = play_it("needs: model\nturns:\n  - user: Hello\n")
    assert (result.verdict, result.reason) == ("skipped", "needs a language model: set OPENAI_API_KEY")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("turns: []", "turns"),
        ("turns:\n  - user: Hi\n    expect: {txet: Hi}\n", "'text'"),
        ("turns:\n  - expect: {text: Hi}\n", "nothing happens"),
        ("turns:\n  - {user: Hi, react: heart}\n", "more than one"),
        ("turns:\n  - user: Hi\n    expect: {silence: true, text: Hi}\n", "cannot stand beside"),
        ('turns:\n  - user: Hi\n    expect: {regex: "("}\n', "regular expression"),
        ("channel: support\nturns:\n  - user: Hi\n", "TYPE:ID"),
    ],
)
def test_a_wrong_test_is_said_with_its_place(play_it: Play, text: str, words: str) -> None:
    with pytest.raises(DefinitionError, match=r"test\.yaml:\d+") as caught:
        play_it(text)
    assert words in str(caught.value)


def test_reports_hold_what_was_said_and_what_failed(play_it: Play) -> None:
    good, bad = play_it(GREETING), play_it("turns:\n  - user: \"<b>Hello\\x01\"\n    expect: {text: '<i>'}\n")
    suite = ET.fromstring(junit([good, bad], "tiny"))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    assert "Hello there!" in "".join(suite.itertext())
    page = html([good, bad], "tiny")
    assert "&lt;b&gt;Hello" in page
    assert "<b>Hello" not in page
    assert "1 failed" in page


def test_threads_and_the_network_take_real_time_and_sleeping_takes_none() -> None:
    async def work() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await asyncio.to_thread(time.sleep, 0.05)
        between = loop.time()
        await asyncio.sleep(3600)
        return between - begun, loop.time() - between

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        in_thread, asleep = runner.run(work())
    assert 0.01 < in_thread < 3600
    assert asleep == pytest.approx(3600)
