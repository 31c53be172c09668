"""Catching up after a lost connection."""

from __future__ import annotations

from typing import Any

from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.channels.state import watch
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.history import rules as history
from framework.sandbox.chat.permissions.rules import capabilities
from framework.sandbox.chat.users import people
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Domain, Result

DOMAIN = Domain("sync")
MAX_CHANNELS = 255
MAX_EVENTS = 1000


@DOMAIN.operation("Sync", "POST", "/sync")
def sync(call: Call) -> Result:
    """The events of some channels since a time; `watch` watches them on the way."""
    cids = call.texts("channel_cids", call.body)
    if not 1 <= len(cids) <= MAX_CHANNELS:
        raise invalid(f"channel_cids must have between 1 and {MAX_CHANNELS} items")
    at = call.time("last_sync_at", call.body)
    if at is None:
        raise invalid("last_sync_at is a required field")
    if at < call.now - history.KEPT_FOR:
        raise invalid("last_sync_at cannot be older than 30 days")
    user = people.acting_user_or_none(call)
    found: list[tuple[Any, dict[str, Any]]] = []
    inaccessible = []
    for cid in dict.fromkeys(cids):
        channel = call.store[CHANNELS].get(cid)
        readable = channel is not None and (
            call.actor.is_server or (user is not None and "read-channel" in capabilities(call.sandbox, channel, user))
        )
        viewer = user.id if user is not None else None
        if channel is None or not readable:
            inaccessible.append(cid)
            gone = history.since(call, cid, at, viewer) if channel is None else []
            found.extend(item for item in gone if item[1]["type"] == "channel.deleted")
            found.extend(_removal(call, cid, at, viewer) if channel is not None else [])
            continue
        if call.flag("watch") and user is not None:
            watch(call, channel, user)
        found.extend(history.since(call, cid, at, viewer))
    if len(found) > MAX_EVENTS:
        raise invalid(f"too many events to sync (more than {MAX_EVENTS}): query the channels instead")
    found.sort(key=lambda item: item[0])
    result: dict[str, Any] = {"events": [body for _, body in found]}
    if call.flag("with_inaccessible_cids"):
        result["inaccessible_cids"] = inaccessible
    return result


def _removal(call: Call, cid: str, at: Any, user_id: str | None) -> list[tuple[Any, dict[str, Any]]]:  # noqa: ANN401
    kind = "notification.removed_from_channel"
    return [item for item in history.since(call, cid, at, user_id) if item[1]["type"] == kind]


FEATURE = Feature(operations=(DOMAIN,))
