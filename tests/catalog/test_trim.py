"""Answers are cut to what an agent needs, and the rest can be had."""

import json
from typing import Any

import pytest

from framework.catalog.trim import LARGEST, NoMoreError, Shelf, trim


def message(number: int) -> dict[str, Any]:
    return {
        "id": f"m-{number}",
        "text": f"text {number}",
        "html": "<p>text</p>",
        "user": {"id": "alice", "name": "Alice", "role": "user", "online": True, "teams": [], "created_at": "x"},
        "attachments": [],
        "latest_reactions": [],
        "reply_count": 0,
        "pinned": False,
        "mood": False,
    }


def same(text: str) -> str:
    return text


def test_what_is_empty_or_noise_goes_and_users_are_short() -> None:
    (short,) = trim({"messages": [message(1)], "duration": "1ms"}).value["messages"]
    assert short == {
        "id": "m-1",
        "text": "text 1",
        "user": {"id": "alice", "name": "Alice", "role": "user"},
        "mood": False,
    }


def test_twenty_messages_stay_whole() -> None:
    trimmed = trim({"messages": [message(number) for number in range(20)]})
    assert len(trimmed.value["messages"]) == 20
    assert not trimmed.left_out


@pytest.mark.parametrize("count", [30, 300, 3_000])
def test_a_long_list_can_be_read_to_its_end(count: int) -> None:
    shelf = Shelf()
    shown = shelf.present("me", {"messages": [message(number) for number in range(count)]}, same)
    found = [m["id"] for m in shown["result"]["messages"]]
    while references := shown.get("left_out"):
        shown = shelf.more("me", references[0])
        found += [m["id"] for m in shown["result"]]
    assert found == [f"m-{number}" for number in range(count)]


def test_whatever_comes_the_short_form_is_small() -> None:
    huge = {
        "channels": [{"channel": {"cid": f"a:{n}"}, "messages": [message(m) for m in range(50)]} for n in range(30)]
    }
    assert len(json.dumps(trim(huge).value)) <= LARGEST
    assert len(json.dumps(trim({f"key_{n}": "x" * 5_000 for n in range(500)}).value)) <= LARGEST


def test_a_long_text_is_cut_and_can_be_read_whole() -> None:
    shelf = Shelf()
    shown = shelf.present("me", {"message": {"text": "x" * 9_000}}, same)
    assert len(shown["result"]["message"]["text"]) < 2_000
    (reference,) = shown["left_out"]
    assert shelf.more("me", reference)["result"] == "x" * 9_000


def test_noise_can_be_asked_for() -> None:
    shelf = Shelf()
    value = {"channel": {"cid": "a:b", "own_capabilities": ["send-message"]}}
    shown = shelf.present("me", value, same)
    assert "own_capabilities" not in shown["result"]["channel"]
    assert shelf.more("me", shown["left_out"][0])["result"] == ["send-message"]


def test_a_rest_is_for_its_owner_alone_and_has_to_exist() -> None:
    shelf = Shelf()
    (reference,) = shelf.present("me", {"text": "x" * 9_000}, same)["left_out"]
    for holder, place in (("you", reference), ("me", "r00000000/text"), ("me", reference + "/deeper"), ("me", "")):
        with pytest.raises(NoMoreError):
            shelf.more(holder, place)


def test_secrets_are_struck_out_of_answers() -> None:
    value = {"user": {"id": "g"}, "access_token": "abc", "note": "s3cr3t!", "deep": [{"sqs_secret": "def"}]}
    shown = Shelf().present("me", value, lambda text: text.replace("s3cr3t", "[secret]"))
    assert shown["result"]["access_token"] == "[secret]"
    assert shown["result"]["note"] == "[secret]!"
    assert shown["result"]["deep"][0]["sqs_secret"] == "[secret]"
