"""Ids that only the owner of the app's secret can compute."""

from __future__ import annotations

import hmac
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from framework.stream.ids import _LABEL, IdKey

SECRET = SecretStr("the-secret-of-the-app")
KEY = IdKey(SECRET)
ANY_TEXT = st.text()


def test_every_process_derives_the_same_ids_and_they_do_not_change_between_releases() -> None:
    assert KEY.id_of("agent-bot", "m1", 0) == IdKey(SECRET).id_of("agent-bot", "m1", 0)
    assert KEY.id_of("agent-bot", "m1", 0) == "fd8a297f13f6505f256e15f3e5441390350deb94"


def test_another_secret_gives_other_ids() -> None:
    assert IdKey(SecretStr("another")).id_of("m1") != KEY.id_of("m1")


@given(st.lists(ANY_TEXT, max_size=4), st.lists(ANY_TEXT, max_size=4))
def test_other_fields_give_another_id_whatever_is_in_them(one: list[str], other: list[str]) -> None:
    assert (KEY.id_of(*one) == KEY.id_of(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("a\x00", "b"), ("a", "\x00b")),
        (("a", ""), ("a",)),
        (("\ud800",), ("\\ud800",)),
        (("\ud83d", "\ude00"), ("\U0001f600",)),
        (("é",), ("e\u0301",)),
        (("1", "11"), ("11", "1")),
    ],
)
def test_fields_that_run_into_each_other_are_told_apart(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert KEY.id_of(*one) != KEY.id_of(*other)


@given(ANY_TEXT)
def test_an_id_is_what_the_service_takes(field: str) -> None:
    id_ = KEY.id_of(field)
    assert len(id_) == 40
    assert set(id_) <= set("0123456789abcdef")


def test_neither_the_secret_nor_the_key_is_shown() -> None:
    shown = f"{KEY!r} {KEY} {vars(KEY)}"
    assert SECRET.get_secret_value() not in shown
    key = hmac.digest(SECRET.get_secret_value().encode(), _LABEL, "sha256")
    assert key.hex() not in shown
    assert repr(key) not in shown
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
