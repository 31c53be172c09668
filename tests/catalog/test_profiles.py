"""Every operation is described, and evenly."""

import json
import re

import pytest

from framework.catalog.catalog import DATA, Catalog
from framework.catalog.operation import Operation

CATALOG = Catalog.load()
CONFUSABLE = [
    ("Ban", "MuteUser"), ("Ban", "BlockUsers"), ("MuteUser", "Ban"), ("MuteUser", "BlockUsers"), ("BlockUsers", "Ban"),
    ("DeactivateUser", "DeleteUsers"), ("DeleteUsers", "DeactivateUser"),
    ("GetOrCreateChannel", "GetOrCreateDistinctChannel"), ("GetOrCreateDistinctChannel", "GetOrCreateChannel"),
    ("CreateImport", "CreateImportV2Task"), ("CreateImportV2Task", "CreateImport"),
]  # fmt: skip


@pytest.mark.parametrize("operation", CATALOG, ids=lambda operation: operation.id)
def test_has_the_minimum(operation: Operation) -> None:
    profile = operation.profile
    assert 20 <= len(profile.summary) <= 160
    assert profile.summary.endswith(".")
    assert 5 <= len(profile.aliases) <= 8
    assert len(set(profile.phrases)) == len(profile.phrases)
    assert all(len(alias.split()) <= 14 for alias in profile.phrases)
    assert len([alias for alias in profile.aliases if len(alias.split()) > 1]) >= 5
    assert len(profile.use_when) >= 20
    assert profile.not_this


@pytest.mark.parametrize("operation", [item for item in CATALOG if item.v1], ids=lambda operation: operation.id)
def test_says_what_people_say_who_need_it(operation: Operation) -> None:
    assert 3 <= len(operation.profile.situations) <= 15
    assert not set(operation.profile.situations) & set(operation.profile.phrases)


@pytest.mark.parametrize("operation", CATALOG, ids=lambda operation: operation.id)
def test_refers_to_other_operations_that_exist(operation: Operation) -> None:
    for other, when in operation.profile.not_this.items():
        assert other in CATALOG
        assert other != operation.id
        assert when


@pytest.mark.parametrize(("one", "other"), CONFUSABLE)
def test_tells_confusable_operations_apart(one: str, other: str) -> None:
    assert other in CATALOG.operation(one).profile.not_this


@pytest.mark.parametrize(
    ("operation", "ability"),
    [
        ("Ban", "shadow ban"), ("UpdateApp", "revoke tokens"), ("UpdateChannelPartial", "freeze"),
        ("UpdateChannelPartial", "slow mode"),
    ],
)  # fmt: skip
def test_names_what_hides_inside(operation: str, ability: str) -> None:
    assert len(CATALOG.operation(operation).profile.abilities[ability]) >= 2


def test_no_phrase_names_an_entity() -> None:
    for operation in CATALOG:
        for phrase in (*operation.profile.phrases, *operation.profile.situations):
            assert not re.search(r"[\"@#:]|\d", re.sub(r"\b(v2|s3|429|1:1)\b", "", phrase)), (operation.id, phrase)


def test_phrases_are_not_shared_between_operations() -> None:
    owner: dict[str, str] = {}
    for operation in CATALOG:
        for phrase in operation.profile.phrases:
            assert phrase not in owner, f"{phrase!r} is in {owner[phrase]} and in {operation.id}"
            owner[phrase] = operation.id


def test_profiles_hold_no_operation_that_is_gone() -> None:
    for file in (DATA / "profiles").iterdir():
        for name in json.loads(file.read_text(encoding="utf-8")):
            assert name in CATALOG
