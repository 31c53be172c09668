"""Raw events of the connection, read into the closed union that the runtime knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from framework.stream.model import (
    AddedToChannel,
    ChannelRef,
    Event,
    MessageDeleted,
    MessageNew,
    MessageUpdated,
    RemovedFromChannel,
    StopRequested,
)
from framework.stream.wire import WireError, read_cid, read_message, read_user

log = structlog.get_logger()
Raw = Mapping[str, Any]


def read_event(raw: Raw) -> Event | None:
    """What an event means to a bot; None for one that means nothing to it, and (with a log line) for a broken one."""
    reader = _READERS.get(str(raw.get("type")))
    if reader is None:
        return None
    try:
        return reader(raw)
    except WireError as error:
        log.warning("stream.event_dropped", type=raw.get("type"), why=error.what)
        return None


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


def _stop(raw: Raw) -> Event:
    message_id = raw.get("message_id")
    return StopRequested(
        _channel(raw),
        user_id=read_user(raw.get("user")).id,
        message_id=message_id if isinstance(message_id, str) and message_id else None,
    )


def _added(raw: Raw) -> Event:
    return AddedToChannel(_channel(raw))


def _removed(raw: Raw) -> Event:
    return RemovedFromChannel(_channel(raw))


_READERS: Mapping[str, Callable[[Raw], Event]] = {
    "message.new": _new,
    # To members who do not watch.
    "notification.message_new": _new,
    "notification.thread_message_new": _new,
    "message.updated": _updated,
    "message.undeleted": _updated,
    "message.deleted": _deleted,
    "ai_indicator.stop": _stop,
    "notification.added_to_channel": _added,
    "notification.removed_from_channel": _removed,
    "channel.deleted": _removed,
    "notification.channel_deleted": _removed,
}
