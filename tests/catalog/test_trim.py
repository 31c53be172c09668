"""Answers are cut to what an agent needs, and the rest can be had, all of it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.catalog.pager import LARGEST, NOISE, NoMoreError, ResultPager


def message(number: int) -> dict[str, Any]:
    return {
        "id": f"m-{number}",
        "text": f"text {number}",
        "html": "<p>text</p>",
        "user": {"id": "alice", "name": "Alice", "role": "user", "online": False, "teams": [], "created_at": "x"},
        "attachments": [],
        "latest_reactions": [],
        "reply_count": 0,
        "pinned": False,
        "mood": False,
    }


def same(text: str) -> str:
    return text


def shown(value: Any) -> Any:
    return ResultPager().present("me", value, same)


def test_what_is_empty_or_noise_goes_and_users_are_short() -> None:
    (short,) = shown({"messages": [message(1)]})["result"]["messages"]
    assert short == {
        "id": "m-1",
        "text": "text 1",
        "user": {"id": "alice", "name": "Alice", "role": "user"},
        "mood": False,
    }


def test_what_says_something_is_never_dropped() -> None:
    """A disabled channel, a person who is online, a message that only its author sees."""
    value = {
        "channel": {"cid": "a:b", "disabled": True},
        "user": {"id": "ada", "online": True},
        "message": {"id": "m", "silent": True, "shadowed": True, "user": {"id": "ada", "online": True}},
    }
    result = shown(value)["result"]
    assert result["channel"]["disabled"]
    assert result["user"]["online"]
    assert result["message"] == value["message"]


@pytest.mark.parametrize("name", sorted(NOISE))
def test_the_top_of_an_answer_is_always_there(name: str) -> None:
    """`ListDevices` answers with devices, and nothing else."""
    assert shown({name: [{"id": "token-1"}]})["result"] == {name: [{"id": "token-1"}]}
    assert shown({name: []})["result"] == {name: []}


def test_twenty_messages_stay_whole() -> None:
    trimmed = shown({"messages": [message(number) for number in range(20)]})
    assert len(trimmed["result"]["messages"]) == 20
    (whole,) = trimmed["left_out"]
    assert "html" in whole


@pytest.mark.parametrize("count", [30, 300, 3_000])
def test_a_long_list_can_be_read_to_its_end(count: int) -> None:
    shelf = ResultPager()
    page = shelf.present("me", {"messages": [message(number) for number in range(count)]}, same)
    found = [m["id"] for m in page["result"]["messages"]]
    while references := [each for each in page.get("left_out", ()) if "?from=" in each]:
        page = shelf.more("me", references[0])
        found += [m["id"] for m in page["result"]]
    assert found == [f"m-{number}" for number in range(count)]


def test_a_large_object_can_be_read_to_its_end() -> None:
    """`GetRateLimits` with its defaults: four platforms with 250 endpoints each."""
    limits = {"limit": 1_000, "remaining": 999, "reset": 1_764_500_000}
    value = {platform: {f"Endpoint{n}": limits for n in range(250)} for platform in ("ios", "web", "server_side")}
    read = everything(value)
    assert read == leaves(value)


def test_whatever_comes_the_short_form_is_small() -> None:
    huge = {
        "channels": [{"channel": {"cid": f"a:{n}"}, "messages": [message(m) for m in range(50)]} for n in range(30)]
    }
    for value in (huge, {f"key_{n}": "x" * 5_000 for n in range(500)}, {"a": [["x" * 900] * 90] * 90}):
        answer = shown(value)
        assert len(json.dumps(answer)) <= LARGEST * 1.5
        assert answer["left_out"]


def test_what_was_left_out_is_named_with_its_size() -> None:
    (texts,) = shown({"message": {"text": "x" * 20_000}})["left_out"]
    assert texts.endswith("more characters)")
    items, _ = shown({"messages": [message(number) for number in range(900)]})["left_out"]
    assert "more items" in items


def test_a_long_text_is_cut_and_can_be_read_whole() -> None:
    value = {"message": {"text": "".join(f"{n} " for n in range(9_000))}}
    assert everything(value) == leaves(value)


def test_a_rest_is_for_its_owner_alone_and_has_to_exist() -> None:
    shelf = ResultPager()
    (reference,) = shelf.present("me", {"text": "x" * 20_000}, same)["left_out"]
    path = reference.partition("?")[0]
    for holder, place in (("you", reference), ("me", "r00000000/text"), ("me", path + "/deeper"), ("me", "")):
        with pytest.raises(NoMoreError):
            shelf.more(holder, place)


def test_secrets_are_struck_out_of_answers() -> None:
    def strike(text: str) -> str:
        return text.replace("s3cr3t", "[secret]")

    value = {"user": {"id": "g"}, "access_token": "abc", "note": "s3cr3t!", "deep": [{"sqs_secret": "def"}]}
    shelf = ResultPager()
    page = shelf.present("me", value | {"long": "s3cr3t " * 9_000}, strike)
    result = page["result"]
    assert result["access_token"].startswith("[hidden: ")
    assert result["note"] == "[secret]!"
    assert result["deep"][0]["sqs_secret"].startswith("[hidden: ")
    assert "s3cr3t" not in json.dumps([result, shelf.more("me", page["left_out"][0], strike)])


Leaves = dict[tuple[str, ...], Any]


def leaves(value: Any, place: tuple[str, ...] = ()) -> Leaves:
    """Each scalar and each empty list or object, by its place."""
    if isinstance(value, dict) and value:
        return {k: v for key, item in value.items() for k, v in leaves(item, (*place, key)).items()}
    if isinstance(value, list) and value:
        return {k: v for n, item in enumerate(value) for k, v in leaves(item, (*place, str(n))).items()}
    return {place: value}


def everything(value: Any) -> Leaves:
    """What is found by following every reference, each once."""
    from urllib.parse import unquote

    shelf = ResultPager()
    page = shelf.present("me", value, same)
    found = leaves(page["result"])
    waiting, seen = list(page.get("left_out", ())), set()
    while waiting:
        reference = waiting.pop().partition(" ")[0]
        if reference in seen:
            continue
        seen.add(reference)
        path, _, option = reference.partition("?")
        place = tuple(unquote(part) for part in path.split("/")[1:])
        page = shelf.more("me", reference)
        assert not any(each.startswith(f"{reference} ") for each in page.get("left_out", ())), "`more` moves on"
        start = int(option.removeprefix("from=")) if option.startswith("from=") else 0
        found |= texts(found, place, page["result"], start)
        waiting += page.get("left_out", ())
    return found


def texts(found: Leaves, place: tuple[str, ...], part: Any, start: int) -> Leaves:
    """The leaves of a page, with the pieces of a text put together."""
    if isinstance(part, str):
        before = str(found.get(place, "")).removesuffix("…")[:start]
        return {place: before + part}
    shift = start if isinstance(part, list) else 0
    read = {}
    for (first, *rest), item in leaves(part).items() if part else ():
        head = str(int(first) + shift) if isinstance(part, list) else first
        read[(*place, head, *rest)] = item
    # Of a text that several pages cut, the longest beginning is the one that the references go on from.
    cut = {key: item for key, item in read.items() if isinstance(item, str) and item.endswith("…")}
    shorter = {key for key, item in cut.items() if key in found and len(str(found[key])) >= len(item)}
    return {key: item for key, item in read.items() if key not in shorter}


names = st.sampled_from(
    [*sorted(NOISE), "user", "html", "text", "id", "name", "disabled", "config", "a/b?c d", "é", "commands"]
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(0, 9), st.text("ab ", max_size=8), st.just("y" * 700))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(names, inner, max_size=6)),
    max_leaves=60,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(names, values, max_size=6), st.integers(200, 3_000))
def test_nothing_that_the_service_said_is_out_of_reach(value: dict[str, Any], room: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("framework.catalog.pager.LARGEST", room)
        patch.setattr("framework.catalog.pager.LEAST", 40)
        found = everything(value)
    for place, item in leaves(value).items():
        assert found.get(place, "nowhere") == item or item in (None, "", [], {}), place
