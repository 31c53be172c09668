"""Read raw events, from the WebSocket, a webhook or a queue, into the union of events that the runtime knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from framework.stream.model import (
    EPOCH,
    AddedToChannel,
    ChannelRef,
    Connected,
    CustomEvent,
    Disconnected,
    Event,
    MemberAdded,
    MessageDeleted,
    MessageNew,
    MessageUpdated,
    OwnReply,
    PollChanged,
    ReactionGone,
    ReactionNew,
    RemovedFromChannel,
    StopRequested,
    User,
    UserDeleted,
    may_see,
)
from framework.stream.wire import WireError, read_cid, read_custom, read_message, read_time, read_user

_log = structlog.get_logger(__name__)
Raw = Mapping[str, Any]


def read_event(raw: Raw) -> Event | None:
    """Read an event. Return None for one that bots do not need, and for a broken one, which is logged."""
    kind = raw.get("type")
    if not isinstance(kind, str):
        return None
    reader = _READERS.get(kind) or (None if kind.startswith(_SERVICE) else _custom)
    if reader is None:
        return None
    try:
        return reader(raw)
    except WireError as error:
        _log.warning("stream.event_dropped", type=kind, why=error.what)
        return None


def is_echo(raw: Raw, bot_id: str) -> bool:
    """Return whether an event only tells a bot what it wrote itself: four of five events of a streamed answer do."""
    message = raw.get("message") if raw.get("type") in _ECHOES else None
    user = message.get("user") if isinstance(message, Mapping) else None
    return isinstance(user, Mapping) and user.get("id") == bot_id


def own_reply(echo: Raw) -> OwnReply | None:
    """Return which message an echo answers, if it is a new reply to one."""
    message = echo.get("message")
    if echo.get("type") != "message.new" or not isinstance(message, Mapping) or message.get("made_up"):
        return None
    question = message.get("reply_to")
    return OwnReply(question) if isinstance(question, str) and question else None


def channel_of(event: Event) -> ChannelRef | None:
    """Return the channel of an event; None for an event about the connection."""
    match event:
        case MessageNew(message) | MessageUpdated(message):
            return message.channel
        case Connected() | Disconnected() | UserDeleted() | OwnReply():
            return None
        case _:
            return event.channel


def concerns(event: Event, bot_id: str) -> bool:
    """Return whether an event concerns a bot.

    On the bot's own connection the service sends only such events. Webhooks and queues bring those of the whole app:
    memberships of other users, and messages that this bot cannot see.
    """
    match event:
        case AddedToChannel(user_id=user_id) | RemovedFromChannel(user_id=user_id):
            return user_id in {"", bot_id}
        case MessageNew(message) | MessageUpdated(message):
            return may_see(message, bot_id)
        case _:
            return True


def _channel(raw: Raw) -> ChannelRef:
    channel = read_cid(raw)
    if channel is None:
        raise WireError("The event names no channel.")
    return channel


def _id(raw: Raw) -> str:
    message = raw.get("message")
    id_ = message.get("id") if isinstance(message, Mapping) else raw.get("message_id")
    if not isinstance(id_, str) or not id_:
        raise WireError("The event names no message.")
    return id_


def _new(raw: Raw) -> Event:
    return MessageNew(read_message(raw.get("message"), read_cid(raw)))


def _updated(raw: Raw) -> Event:
    return MessageUpdated(read_message(raw.get("message"), read_cid(raw)))


def _deleted(raw: Raw) -> Event:
    return MessageDeleted(_channel(raw), _id(raw))


def _poll(raw: Raw) -> Event:
    return PollChanged(_channel(raw), _id(raw))


def _poll_vote(raw: Raw) -> Event | None:
    """Read a vote. Only an answer in somebody's own words is a text."""
    vote = raw.get("poll_vote")
    return _poll(raw) if isinstance(vote, Mapping) and vote.get("answer_text") else None


def _stop(raw: Raw) -> Event:
    message_id, user = raw.get("message_id"), read_user(raw.get("user"))
    named = message_id if isinstance(message_id, str) and message_id else None
    return StopRequested(_channel(raw), user.id, named, by=user, at=_at(raw))


def _added(raw: Raw) -> Event:
    return AddedToChannel(_channel(raw), _member(raw).id)


def _removed(raw: Raw) -> Event:
    return RemovedFromChannel(_channel(raw), _member(raw).id)


def _gone(raw: Raw) -> Event:
    return RemovedFromChannel(_channel(raw))


def _joined(raw: Raw) -> Event:
    member = _member(raw)
    return MemberAdded(_channel(raw), member if member.id else _user(raw), _at(raw))


def _reaction(raw: Raw) -> ReactionNew:
    reaction = raw.get("reaction")
    if not isinstance(reaction, Mapping) or not isinstance(kind := reaction.get("type"), str) or not kind:
        raise WireError("The event names no reaction.")
    # The reaction's own time: it is the same where the message is read later, so that each is known by it.
    at = read_time(reaction.get("created_at")) or _at(raw)
    return ReactionNew(_channel(raw), _id(raw), _user(raw), kind, at)


def _unreaction(raw: Raw) -> Event:
    new = _reaction(raw)
    return ReactionGone(new.channel, new.message_id, new.user, new.kind, _at(raw))


def _user_deleted(raw: Raw) -> Event | None:
    """Read a user's deletion. An event that names a channel is refused: a user may have sent it."""
    return None if read_cid(raw) is not None else UserDeleted(_user(raw).id)


def _custom(raw: Raw) -> Event | None:
    """Read an app's custom event. Without a user and a channel it is a newer kind of the service's own: None."""
    channel, user = read_cid(raw), read_user(raw.get("user"))
    if channel is None or not user.id:
        return None
    return CustomEvent(channel, user, str(raw["type"]), read_custom(raw, _EVENT_FIELDS), _at(raw))


def _user(raw: Raw) -> User:
    user = read_user(raw.get("user"))
    if not user.id:
        raise WireError("The event names no user.")
    return user


def _member(raw: Raw) -> User:
    """Return the user whose membership changed; without an id if the event does not say."""
    member = raw.get("member")
    if not isinstance(member, Mapping):
        return User("")
    id_ = member.get("user_id")
    user = read_user(member.get("user"))
    return user if user.id or not isinstance(id_, str) else User(id_)


def _at(raw: Raw) -> datetime:
    return read_time(raw.get("created_at")) or EPOCH


_ECHOES = frozenset({"message.new", "message.updated"})
# Whatever else begins so is the service's own, now or one day.
_SERVICE = (
    "ai_indicator.", "app.", "appeal.", "call.", "campaign.", "capabilities.", "channel.", "channel_batch_update.",
    "connection.", "delivery.", "draft.", "export.", "feeds.", "flag.", "health.", "import.", "ingress.",
    "live_location", "location.", "member.", "message.", "moderation.", "moderation_check.", "moderation_rule.",
    "notification.", "poll.", "reaction.", "reminder.", "review_queue_item.", "thread.", "transport.", "typing.",
    "user.", "user_group.",
)  # fmt: skip
_EVENT_FIELDS = frozenset(
    {
        "type", "cid", "channel_id", "channel_type", "channel", "channel_custom", "channel_member_count",
        "channel_message_count", "channel_last_message_at", "user", "user_id", "created_at", "received_at", "team",
        "watcher_count", "connection_id", "members", "hook", "request_info",
    }
)  # fmt: skip
_READERS: Mapping[str, Callable[[Raw], Event | None]] = {
    "message.new": _new,
    # To members who do not watch.
    "notification.message_new": _new,
    "notification.thread_message_new": _new,
    "message.updated": _updated,
    "message.undeleted": _updated,
    "message.deleted": _deleted,
    "ai_indicator.stop": _stop,
    "poll.updated": _poll,
    "poll.closed": _poll,
    "poll.vote_casted": _poll_vote,
    "poll.vote_changed": _poll_vote,
    "notification.added_to_channel": _added,
    "notification.removed_from_channel": _removed,
    "member.added": _joined,
    "member.removed": _removed,
    "reaction.new": _reaction,
    "reaction.updated": _reaction,
    "reaction.deleted": _unreaction,
    "channel.deleted": _gone,
    "notification.channel_deleted": _gone,
    "user.deleted": _user_deleted,
}
