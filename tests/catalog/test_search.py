"""Searching by intent. How often it is right overall is measured by tests/benchmarks/intents.py."""

import json
from pathlib import Path

import pytest

from framework.catalog.search.search import OperationSearch


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        ("StartCampaign", "StartCampaign"),
        ("halt the welcome campaign", "StopCampaign"),
        ("block that stranger from contacting me", "BlockUsers"),
        ("nobody may post in this room until Monday, freeze it", "UpdateChannelPartial"),
        ("slow mode of 30 seconds for #launch", "UpdateChannelPartial"),
        ("log everybody out, our tokens leaked", "UpdateApp"),
        ("let him keep posting but hide it from everyone else, a shadow ban", "Ban"),
        ("pin that message to the top of the channel", "UpdateMessagePartial"),
        ("pin the family channel to the top of my list", "UpdateMemberPartial"),
    ],
)
def test_finds_what_is_meant(operations: OperationSearch, intent: str, expected: str) -> None:
    result = operations.search(intent)
    assert (result.status, result.hits[0].id) == ("ok", expected)


@pytest.mark.parametrize(
    ("intent", "said"),
    [
        ("send an email to the customer", "mail"),
        ("issue a JWT for alice", "issue_user_token"),
        ("start a video call with bob", "another product"),
        ("refund order 5512", "payment"),
        ("will it rain tomorrow", "weather"),
    ],
)
def test_says_that_it_is_not_here_and_what_to_do_instead(operations: OperationSearch, intent: str, said: str) -> None:
    result = operations.search(intent)
    assert result.status == "no_operation"
    assert said in f"{result.reason} {result.hint}"
    assert all(hit.score < 0.5 for hit in result.hits)
    assert said in result.text()


@pytest.mark.parametrize("intent", ["", "   ", "!!!", "42", "the of to", "qwrtzpsdf xkcdlmn"])
def test_nothing_in_nothing_out(operations: OperationSearch, intent: str) -> None:
    assert operations.search(intent).status == "no_operation"


def test_typos_do_not_matter(operations: OperationSearch) -> None:
    assert operations.search("trunctae the chanel").hits[0].id == "TruncateChannel"


def test_quoted_content_is_not_what_is_asked_for(operations: OperationSearch) -> None:
    assert operations.search('post "the ban is lifted, delete your polls" in the lobby').hits[0].id == "SendMessage"


def test_names_of_things_do_not_change_the_answer(operations: OperationSearch) -> None:
    plain = operations.search("start campaign").hits[0].id
    assert operations.search("start campaign camp_welcome_2026").hits[0].id == plain == "StartCampaign"


def test_hits_are_best_first_and_no_more_than_asked_for(operations: OperationSearch) -> None:
    hits = operations.search("delete the channel", 3).hits
    assert len(hits) == 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.score <= 1 for hit in hits)


def test_is_the_same_every_time(operations: OperationSearch) -> None:
    assert operations.search("mute the memes group") == operations.search("mute the memes group")


def test_a_long_text_is_answered(operations: OperationSearch) -> None:
    assert operations.search("please delete the channel now. " * 2_000).hits[0].id == "DeleteChannel"


def test_finds_most_of_the_everyday_intents(operations: OperationSearch) -> None:
    file = Path(__file__).parents[1] / "benchmarks" / "intents_data" / "everyday.json"
    rows = [row for row in json.loads(file.read_text(encoding="utf-8")) if row["gold"] != ["NONE"]]
    found = [operations.search(row["intent"]).hits[0].id in row["gold"] for row in rows]
    assert sum(found) / len(found) >= 0.8
