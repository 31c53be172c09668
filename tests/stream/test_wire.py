"""Stream's JSON, as it is and as it should not be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.stream.events import read_event
from framework.stream.model import (
    AddedToChannel,
    ChannelRef,
    Message,
    MessageDeleted,
    MessageNew,
    RemovedFromChannel,
    StopRequested,
)
from framework.stream.wire import WireError, read_channel, read_message, read_time, read_user

CHANNEL = ChannelRef("messaging", "support-1")
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    "id", "cid", "type", "text", "user", "attachments", "mentioned_users", "created_at", "updated_at",
    "deleted_at", "parent_id", "message", "channel", "channel_type", "channel_id", "message_id", "reply_count",
    "ai_generated", "messages", "members", "membership", "custom",
)  # fmt: skip
KINDS = (
    "message.new", "message.updated", "message.deleted", "notification.message_new", "ai_indicator.stop",
    "channel.deleted", "notification.added_to_channel", "notification.removed_from_channel", "health.check",
    "something.new",
)  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("2026-01-02T03:04:05Z", AT),
        ("2026-01-02T03:04:05.1Z", AT.replace(microsecond=100_000)),
        ("2026-01-02T03:04:05.123456789Z", AT.replace(microsecond=123_456)),
        ("2026-01-02T05:04:05+02:00", AT),
        ("2026-01-02T03:04:05", AT),
        (int(AT.timestamp()) * 10**9, AT),
        ("", None),
        ("yesterday", None),
        (None, None),
        (True, None),
        (10**40, None),
        (float("nan"), None),
        ([], None),
    ],
)
def test_reads_times_of_every_form(raw: object, read: datetime | None) -> None:
    assert read_time(raw) == read


@pytest.mark.parametrize(
    ("raw", "is_bot"),
    [
        ({"id": "a", "role": "user"}, False),
        ({"id": "a", "role": "admin", "name": "bot"}, False),
        ({"id": "a", "role": "bot"}, True),
        ({"id": "a", "is_bot": True}, True),
        ({"id": "a", "bot": True}, True),
        ({"id": "a", "is_bot": "no"}, False),
    ],
)
def test_tells_bots_by_role_and_flags(raw: dict[str, Any], is_bot: bool) -> None:
    assert read_user(raw).is_bot is is_bot


def test_an_author_of_generated_text_is_a_bot() -> None:
    message = read_message({"id": "m", "cid": str(CHANNEL), "ai_generated": True, "user": {"id": "helper"}})
    assert message.user.is_bot
    assert message.ai_generated


def test_keeps_custom_fields_and_nothing_of_streams_own() -> None:
    raw = {
        "id": "m",
        "cid": str(CHANNEL),
        "text": "hi",
        "html": "<p>hi</p>",
        "latest_reactions": [],
        "generating": True,
        "order": {"number": 7},
    }
    message = read_message(raw)
    assert message.custom == {"order": {"number": 7}}
    assert message.generating


def test_reads_attachments_of_every_kind() -> None:
    raw = [
        {"type": "image", "image_url": "https://x/i.png", "fallback": "a cat"},
        {"type": "file", "asset_url": "https://x/f.pdf", "title": "Bill", "mime_type": "application/pdf"},
        {"type": "giphy", "thumb_url": "https://x/g.gif"},
        {"title_link": "https://x/", "title": "X"},
        {"something": "else"},
        "nonsense",
    ]
    read = read_message({"id": "m", "cid": str(CHANNEL), "attachments": raw}).attachments
    assert [(item.kind, item.title, item.url) for item in read] == [
        ("image", "a cat", "https://x/i.png"),
        ("file", "Bill", "https://x/f.pdf"),
        ("giphy", "", "https://x/g.gif"),
        ("file", "X", "https://x/"),
        ("file", "", ""),
        ("file", "", ""),
    ]


def test_an_unknown_kind_of_message_is_a_regular_one() -> None:
    assert read_message({"id": "m", "cid": str(CHANNEL), "type": "hologram"}).kind == "regular"
    assert read_message({"id": "m", "cid": str(CHANNEL), "deleted_at": "2026-01-02T03:04:05Z"}).kind == "deleted"


def test_membership_is_read_from_wherever_it_stands() -> None:
    channel = {"channel": {"cid": str(CHANNEL), "created_at": "2026-01-01T00:00:00Z"}}
    stamp = {"created_at": "2026-01-02T03:04:05Z"}
    assert read_channel(channel, "bot").joined_at is None
    assert read_channel({**channel, "membership": stamp}, "bot").joined_at == AT
    assert read_channel({**channel, "members": [{"user_id": "ann"}]}, "bot").joined_at is None
    assert read_channel({**channel, "members": [{"user": {"id": "bot"}, **stamp}]}, "bot").joined_at == AT


@pytest.mark.parametrize("raw", [{}, {"id": "m"}, {"cid": str(CHANNEL)}, {"id": 3, "cid": str(CHANNEL)}, None, []])
def test_what_names_itself_by_nothing_is_no_message(raw: object) -> None:
    with pytest.raises(WireError):
        read_message(raw)


@pytest.mark.parametrize(
    "where",
    [
        {"cid": "messaging:support-1"},
        {"channel_type": "messaging", "channel_id": "support-1"},
        {"channel": {"cid": "messaging:support-1"}},
        {"channel": {"channel_type": "messaging", "channel_id": "support-1"}},
    ],
)
@pytest.mark.parametrize("kind", ["message.new", "notification.message_new", "notification.thread_message_new"])
def test_a_new_message_is_told_in_several_ways(kind: str, where: dict[str, Any]) -> None:
    event = read_event({"type": kind, **where, "message": {"id": "m", "text": "hi", "parent_id": "p", "type": "reply"}})
    assert isinstance(event, MessageNew)
    assert (event.message.channel, event.message.parent_id, event.message.kind) == (CHANNEL, "p", "reply")


@pytest.mark.parametrize(
    ("raw", "event"),
    [
        ({"type": "notification.added_to_channel", "channel": {"cid": str(CHANNEL)}}, AddedToChannel(CHANNEL)),
        ({"type": "notification.removed_from_channel", "cid": str(CHANNEL)}, RemovedFromChannel(CHANNEL)),
        ({"type": "channel.deleted", "cid": str(CHANNEL)}, RemovedFromChannel(CHANNEL)),
        ({"type": "notification.channel_deleted", "cid": str(CHANNEL)}, RemovedFromChannel(CHANNEL)),
        ({"type": "message.deleted", "cid": str(CHANNEL), "message": {"id": "m"}}, MessageDeleted(CHANNEL, "m")),
        ({"type": "ai_indicator.stop", "cid": str(CHANNEL), "user": {"id": "ann"}}, StopRequested(CHANNEL, "ann")),
        (
            {"type": "ai_indicator.stop", "cid": str(CHANNEL), "user": {"id": "ann"}, "message_id": "m"},
            StopRequested(CHANNEL, "ann", "m"),
        ),
        ({"type": "typing.start", "cid": str(CHANNEL)}, None),
        ({"type": "something.new", "cid": str(CHANNEL)}, None),
        ({}, None),
    ],
)
def test_reads_events(raw: dict[str, Any], event: object) -> None:
    assert read_event(raw) == event


def test_a_broken_event_is_logged_and_dropped(logs: Any) -> None:
    assert read_event({"type": "message.new", "message": {"text": "secret words"}}) is None
    (entry,) = logs
    assert entry["event"] == "stream.event_dropped"
    assert "secret words" not in repr(entry)


@given(raw=st.dictionaries(st.sampled_from(FIELDS), json | st.dictionaries(st.sampled_from(FIELDS), json)))
def test_nothing_that_is_missing_or_odd_breaks_a_message(raw: dict[str, Any]) -> None:
    message = read_message({**raw, "id": "m", "cid": str(CHANNEL)})
    assert isinstance(message, Message)
    assert message.created_at.tzinfo is not None


@given(
    kind=st.sampled_from(KINDS) | st.text(),
    raw=st.dictionaries(st.sampled_from(FIELDS), json | st.dictionaries(st.sampled_from(FIELDS), json)),
)
def test_no_event_breaks_the_connection(kind: str, raw: dict[str, Any]) -> None:
    read_event({**raw, "type": kind})
