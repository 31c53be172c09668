"""Stream's JSON, as it is and as it should not be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.stream.events import channel_of, concerns, own_reply, read_event
from framework.stream.model import (
    AddedToChannel,
    ChannelRef,
    Connected,
    CustomEvent,
    Event,
    MemberAdded,
    Message,
    MessageDeleted,
    MessageNew,
    ReactionNew,
    RemovedFromChannel,
    StopRequested,
    User,
)
from framework.stream.wire import WireError, read_channel, read_message, read_time, read_user

CHANNEL = ChannelRef("messaging", "support-1")
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ANN: dict[str, Any] = {"user": {"id": "ann"}}
STAMP: dict[str, Any] = {"created_at": "2026-01-02T03:04:05Z"}

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    "id", "cid", "type", "text", "user", "attachments", "mentioned_users", "created_at", "updated_at",
    "deleted_at", "parent_id", "message", "channel", "channel_type", "channel_id", "message_id", "reply_count",
    "ai_generated", "messages", "members", "membership", "custom", "member", "user_id", "reaction", "command", "args",
    "restricted_visibility", "shadowed",
)  # fmt: skip
KINDS = (
    "message.new", "message.updated", "message.deleted", "notification.message_new", "ai_indicator.stop",
    "channel.deleted", "notification.added_to_channel", "notification.removed_from_channel", "health.check",
    "something.new", "member.added", "member.removed", "reaction.new", "reaction.updated", "order.shipped",
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
        ({"id": "a", "user_type": "Bot"}, True),
        ({"id": "a", "type": "person"}, False),
    ],
)
def test_tells_bots_by_role_and_flags(raw: dict[str, Any], is_bot: bool) -> None:
    assert read_user(raw).is_bot is is_bot


def test_a_mark_on_a_message_makes_its_author_no_bot() -> None:
    message = read_message({"id": "m", "cid": str(CHANNEL), "ai_generated": True, "user": {"id": "helper"}})
    assert not message.user.is_bot
    assert message.ai_generated


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\x7f", "\ud800"])
def test_what_no_database_and_no_encoding_takes_is_replaced(sign: str) -> None:
    raw = {"id": f"m{sign}", "parent_id": f"p{sign}", "text": f"a{sign}b\n\tc 😀"}
    message = read_message({**raw, "cid": str(CHANNEL), "user": {"id": "ann", "name": f"An{sign}n"}})
    assert (message.id, message.parent_id) == ("m\ufffd", "p\ufffd")
    assert (message.text, message.user.name) == ("a\ufffdb\n\tc 😀", "An\ufffdn")
    str(message).encode()


def test_who_alone_sees_a_quoted_message_is_read() -> None:
    quoted = {"id": "q", "user": {"id": "ann"}, "restricted_visibility": ["ben"]}
    raw = {"id": "m", "cid": str(CHANNEL), "user": {"id": "ben"}, "quoted_message": quoted}
    assert read_message(raw).quoted_visible_to == ("ben", "ann")
    assert read_message({**raw, "quoted_message": {**quoted, "restricted_visibility": []}}).quoted_visible_to == ()
    assert read_message({**raw, "quoted_message": {**quoted, "shadowed": True}}).quoted_visible_to == ("ann",)


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


def test_keeps_custom_fields_of_the_newer_form() -> None:
    custom = {"order": 7, "ai_generated": True, "generating": True, "command": "ban", "parent_id": "p"}
    message = read_message({"id": "m", "cid": str(CHANNEL), "custom": custom, "created_at": 10**18, "color": "red"})
    assert message.custom == {"order": 7, "color": "red"}
    assert (message.ai_generated, message.generating) == (True, True)
    assert (message.command, message.parent_id) == ("", None)
    assert read_user({"id": "b", "custom": {"is_bot": True}}).is_bot


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ({"text": "/ticket open it", "args": "open it"}, "open it"),
        ({"text": "/ticket open it"}, "open it"),
        ({"text": "/ticket", "args": ""}, ""),
        ({"text": "", "args": "cats"}, "cats"),
        ({"text": "Ticket 7 was opened.", "args": "open it"}, "Ticket 7 was opened."),
        ({"text": "/tickets", "args": "open it"}, "/tickets"),
    ],
)
def test_the_text_of_a_command_is_what_was_typed_behind_it(raw: dict[str, Any], text: str) -> None:
    message = read_message({"id": "m", "cid": str(CHANNEL), "command": "ticket", "command_info": {}, **raw})
    assert (message.command, message.text, message.custom) == ("ticket", text, {})
    assert read_message({"id": "m", "cid": str(CHANNEL), "text": "/ticket x"}).text == "/ticket x"


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
        (
            {"type": "ai_indicator.stop", "cid": str(CHANNEL), "user": {"id": "ann"}},
            StopRequested(CHANNEL, "ann", by=User("ann")),
        ),
        (
            {"type": "ai_indicator.stop", "cid": str(CHANNEL), "user": {"id": "ann"}, "message_id": "m"},
            StopRequested(CHANNEL, "ann", "m", by=User("ann")),
        ),
        ({"type": "typing.start", "cid": str(CHANNEL), **ANN}, None),
        ({"type": "message.read", "cid": str(CHANNEL), **ANN}, None),
        ({"type": "user.watching.start", "cid": str(CHANNEL), **ANN}, None),
        ({"type": "something.new", "cid": str(CHANNEL)}, None),
        ({"type": "something.new", **ANN}, None),
        (
            {"type": "notification.added_to_channel", "cid": str(CHANNEL), "member": {"user_id": "ben"}, **ANN},
            AddedToChannel(CHANNEL, "ben"),
        ),
        (
            {"type": "member.removed", "cid": str(CHANNEL), "member": {"user": {"id": "ben"}}, **ANN},
            RemovedFromChannel(CHANNEL, "ben"),
        ),
        (
            {"type": "member.added", "cid": str(CHANNEL), "member": {"user": {"id": "ben"}}, **ANN, **STAMP},
            MemberAdded(CHANNEL, User("ben"), AT),
        ),
        ({"type": "member.added", "cid": str(CHANNEL), **ANN}, MemberAdded(CHANNEL, User("ann"))),
        (
            {"type": "reaction.new", "cid": str(CHANNEL), "message": {"id": "m"}, "reaction": {"type": "like"}, **ANN},
            ReactionNew(CHANNEL, "m", User("ann"), "like"),
        ),
        (
            {"type": "reaction.updated", "cid": str(CHANNEL), "message_id": "m", "reaction": {"type": "x"}, **ANN},
            ReactionNew(CHANNEL, "m", User("ann"), "x"),
        ),
        ({"type": "reaction.new", "cid": str(CHANNEL), "message_id": "m", "reaction": {"type": "like"}}, None),
        ({"type": "reaction.new", "cid": str(CHANNEL), "reaction": {"type": "like"}, **ANN}, None),
        (
            {"type": "order.shipped", "cid": str(CHANNEL), "number": 7, "channel_custom": {}, **ANN, **STAMP},
            CustomEvent(CHANNEL, User("ann"), "order.shipped", {"number": 7}, AT),
        ),
        (
            {"type": "order.shipped", "cid": str(CHANNEL), "custom": {"number": 7}, **ANN},
            CustomEvent(CHANNEL, User("ann"), "order.shipped", {"number": 7}),
        ),
        ({}, None),
    ],
)
def test_reads_events(raw: dict[str, Any], event: object) -> None:
    assert read_event(raw) == event


def _said(**fields: Any) -> Event:
    return MessageNew(read_message({"id": "m", "cid": str(CHANNEL), **ANN, **fields}))


@pytest.mark.parametrize(
    ("event", "bots"),
    [
        (_said(), {"bot", "other"}),
        (_said(shadowed=True), set()),
        (_said(restricted_visibility=[]), {"bot", "other"}),
        (_said(restricted_visibility=["bot", "ann"]), {"bot"}),
        (_said(shadowed=True, user={"id": "bot"}), {"bot"}),
        (AddedToChannel(CHANNEL, "bot"), {"bot"}),
        (AddedToChannel(CHANNEL), {"bot", "other"}),
        (RemovedFromChannel(CHANNEL, "ann"), set()),
        (RemovedFromChannel(CHANNEL), {"bot", "other"}),
        (MemberAdded(CHANNEL, User("ann")), {"bot", "other"}),
    ],
)
def test_an_event_of_the_whole_app_concerns_those_who_would_have_seen_it(event: Event, bots: set[str]) -> None:
    assert {bot for bot in ("bot", "other") if concerns(event, bot)} == bots


def test_every_event_of_a_channel_tells_which() -> None:
    assert channel_of(_said()) == CHANNEL
    assert channel_of(ReactionNew(CHANNEL, "m", User("ann"), "like")) == CHANNEL
    assert channel_of(Connected(again=True)) is None


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


@pytest.mark.parametrize(
    ("kind", "message", "question"),
    [
        ("message.new", {"reply_to": "q-1"}, "q-1"),
        ("message.new", {"reply_to": "q-1", "made_up": True}, None),
        ("message.new", {"reply_to": 7}, None),
        ("message.new", {}, None),
        ("message.updated", {"reply_to": "q-1"}, None),
    ],
)
def test_of_what_the_bot_wrote_a_new_reply_says_which_message_it_answers(
    kind: str, message: dict[str, object], question: str | None
) -> None:
    found = own_reply({"type": kind, "message": message})
    assert (found and found.question) == question
