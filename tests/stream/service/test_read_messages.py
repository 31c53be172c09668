"""A message that was read before is the same object; whatever changes about it, it is read anew."""

from __future__ import annotations

from typing import Any

import pytest

from framework.stream.service import read_messages
from framework.stream.service.read_messages import ReadMessages
from framework.stream.wire import WireError


def _page(*messages: dict[str, Any], cid: str = "messaging:one") -> dict[str, Any]:
    return {"channel": {"cid": cid}, "messages": list(messages)}


def _message(id_: str, text: str, *, second: int = 1, name: str = "Ada") -> dict[str, Any]:
    at = f"2026-12-01T12:00:{second:02d}.000000Z"
    return {"id": id_, "text": text, "created_at": at, "user": {"id": "ada", "name": name}}


def test_a_message_is_read_once_however_often_it_comes() -> None:
    read = ReadMessages()
    first = read.of(_page(_message("m2", "later", second=2), _message("m1", "Hello")))
    assert [message.text for message in first] == ["Hello", "later"]
    again = read.of(_page(_message("m1", "Hello"), _message("m2", "later", second=2)))
    assert [one is other for one, other in zip(first, again, strict=True)] == [True, True]


def test_what_changed_about_a_message_is_seen() -> None:
    read = ReadMessages()
    read.of(_page(_message("m1", "Hello")))
    assert read.of(_page(_message("m1", "Hello, you")))[0].text == "Hello, you"
    assert read.of(_page(_message("m1", "Hello, you", name="Ada L.")))[0].user.name == "Ada L."
    assert read.of(_page({**_message("m1", "Hello, you"), "deleted_at": "2026-12-01T12:01:00Z"}))[0].kind == "deleted"
    assert read.of(_page(_message("m1", "Hello"), cid="messaging:other"))[0].channel.id == "other"


def test_half_of_a_surrogate_pair_is_read_each_time() -> None:
    read = ReadMessages()
    for _ in range(2):
        assert read.of(_page(_message("m1", "odd \ud83d")))[0].text == "odd \ufffd"


def test_long_messages_are_not_kept_and_of_others_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_messages, "_REMEMBERED", 2)
    read = ReadMessages()
    pages = {id_: _page(_message(id_, "x" * length)) for id_, length in (("a", 1), ("b", 1), ("c", 1), ("d", 5_000))}
    before = {id_: read.of(page)[0] for id_, page in pages.items()}
    kept = [id_ for id_ in ("d", "c", "b", "a") if read.of(pages[id_])[0] is before[id_]]
    assert kept == ["c", "b"]


def test_a_message_without_an_id_raises() -> None:
    with pytest.raises(WireError):
        ReadMessages().of(_page({"text": "nobody's"}))
