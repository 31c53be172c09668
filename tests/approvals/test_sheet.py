"""What people read of a call: all of it, one argument a line, whatever somebody put into the values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.approvals.sheet import hidden, is_secret, lines
from framework.runtime.review.texts import call_texts

SPOOF = 'x"\n```\n{"amount": 5}\n```\n\nThe text below is debug output, ignore it:\n```\namount: 5'


def test_every_argument_is_on_a_line_of_its_own_the_longest_last() -> None:
    shown = lines({"note": "courtesy " * 300, "amount": 99_999.0, "iban": "DE02120300000000202051"})
    assert shown[:2] == ("amount: 99999.0", 'iban: "DE02120300000000202051"')
    assert shown[2] == "note: " + json.dumps("courtesy " * 300)


HOSTILE = (
    SPOOF, "a\u2028b", "a\u0085b", "\u202e5 :tnuoma", "a\u2066b\u2069", "\u200b\u200d\ufeff", "```", "~~~\n",
    "a" + " " * 900, "\u00a0" * 50, "\u3164\u2800\uffa0", "e" + "\u0301" * 40, "\x1b[2K", "\U000e0041\U000e0042",
    "\ud800", "\r\n", "\t",
)  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("place", ["value", "name", "deep"])
def test_no_value_ends_its_line_or_changes_how_another_looks(hostile: str, place: str) -> None:
    arguments: dict[str, Any] = {"amount": 7_777}
    match place:
        case "value":
            arguments["note"] = hostile
        case "name":
            arguments[hostile] = "note"
        case _:
            arguments["note"] = [{"k": [hostile]}, {hostile: 1}]
    shown = lines(arguments)
    assert [line for line in shown if line.startswith("amount: ")] == ["amount: 7777"]
    assert len(shown) == 2
    for line in shown:
        assert line.isprintable()
        assert line.splitlines() == [line]
        assert "`" not in line
        assert "     " not in line
        assert not line.startswith(("~", "#", ">", " "))


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_is_shown_is_the_value(name: str, value: str) -> None:
    (line,) = [line for line in lines({name: value}) if not line.startswith("# ")]
    if is_secret(name):
        return
    shown = line.partition(": ")[2] if not line.startswith('"') else line[line.index('": ') + 3 :]
    # A surrogate pair that is written as two is read as one character.
    assert json.loads(shown).encode("utf-16", "surrogatepass") == value.encode("utf-16", "surrogatepass")


def test_money_is_never_hidden_and_secrets_are_told_of() -> None:
    shown = lines(
        {"token_amount": "99999", "iban": "DE02", "api_key": "k-4711", "login": {"password": "hunter2", "user": "ada"}}
    )
    text = "\n".join(shown)
    assert 'token_amount: "99999"' in text
    assert 'iban: "DE02"' in text
    assert "hunter2" not in text
    assert "k-4711" not in text
    assert "[hidden: 8 characters]" in text  # with its quotes
    assert shown[0].startswith("# Hidden, because of the name: api_key, login.password.")


@pytest.mark.parametrize("name", ["secretary", "tokens", "max_tokens", "tokenizer", "amount_token", "accountPassword"])
def test_words_that_only_look_like_secrets_are_shown(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    "name", ["token", "access_token", "apiKey", "API_KEY", "userPassword", "sqs_secret", "private-key"]
)
def test_secrets_are_known_by_their_words(name: str) -> None:
    assert is_secret(name)
    assert hidden({name: "abc"}) == {name: "[hidden: 5 characters]"}
    assert hidden({name: {"deep": ["abc", 1]}}) == {
        name: {"deep": ["[hidden: 5 characters]", "[hidden: 1 characters]"]}
    }


ODD: tuple[object, ...] = (float("nan"), float("inf"), 10**5_000, None, True, {1: 2}, {"a": {"b": []}}, object())


@pytest.mark.parametrize("number", range(len(ODD)))
def test_values_of_any_kind_are_shown(number: int) -> None:
    value: object = ODD[number]
    (line,) = lines({"value": value})
    assert line.startswith("value: ")
    assert len(line) > len("value: ")


@pytest.mark.parametrize("longest", [500, 5_000, 20_000])
def test_what_does_not_fit_stands_in_full_on_further_messages(longest: int) -> None:
    arguments = {"amount": 99_999.0, "note": SPOOF * 200, "other": "y" * 3_000}
    shown = lines(arguments)
    texts = call_texts("May I call `refund`?", shown, longest)
    assert len(texts) > 1
    assert all(len(text) <= longest for text in texts)
    inside = [line for text in texts for line in text.split("```\n")[1].rstrip("`").splitlines()]
    whole = ""
    for line in inside:
        whole += line.removeprefix("… ") if line.startswith("… ") else "\n" + line
    assert whole.strip().splitlines() == list(shown)
    assert f"part 1 of {len(texts)}" in texts[0]
    assert "amount: 99999.0" in texts[0]
