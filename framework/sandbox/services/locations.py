"""Shared locations: checking, keeping and showing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.errors import invalid
from framework.sandbox.model.location import LOCATIONS, LOCATIONS_IN, Location
from framework.sandbox.permissions import require, require_feature

if TYPE_CHECKING:
    from datetime import datetime

    from framework.sandbox.call import Call
    from framework.sandbox.model.channel import Channel
    from framework.sandbox.model.message import Message
    from framework.sandbox.model.user import User
    from framework.sandbox.sandbox import Sandbox

_LIMITS = {"latitude": 90, "longitude": 180}


def take(call: Call, raw: Mapping[str, Any], old: Location | None = None) -> dict[str, Any]:
    """The fields of a location as a client sends it, checked; what is not given stays as it was."""
    taken: dict[str, Any] = {}
    for name, limit in _LIMITS.items():
        value = raw.get(name)
        if value is None and old is not None:
            value = getattr(old, name)
        if isinstance(value, str):
            value = _number(value)
        if not isinstance(value, int | float) or isinstance(value, bool) or not -limit <= value <= limit:
            raise invalid(f"{name} must be a number between -{limit} and {limit}")
        taken[name] = float(value)
    given = call.text("created_by_device_id", raw)
    taken["created_by_device_id"] = given if given is not None else old.created_by_device_id if old is not None else ""
    taken["end_at"] = call.time("end_at", raw) or (old.end_at if old is not None else None)
    return taken


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def note(call: Call, message: Message) -> None:
    """Keep the location of a message that was just stored."""
    if not message.shared_location:
        return
    taken = take(call, message.shared_location)
    call.store[LOCATIONS].put(
        Location(message.id, message.cid, message.user_id, message.created_at, message.created_at, **taken)
    )


def live_in(call: Call, cid: str) -> list[Location]:
    """The live locations of a channel."""
    if not len(call.store[LOCATIONS]):
        return []
    return [one for one in call.store.index(LOCATIONS_IN).of(cid) if is_live(one, call.now)]


def is_live(location: Location, now: datetime) -> bool:
    """Whether a location still moves."""
    return location.end_at is not None and location.end_at > now


def location_fields(location: Location) -> dict[str, Any]:
    """A shared location; one without `end_at` is a place that does not move."""
    fields: dict[str, Any] = {
        "channel_cid": location.cid,
        "message_id": location.message_id,
        "user_id": location.user_id,
        "created_at": location.created_at,
        "updated_at": location.updated_at,
        "latitude": location.latitude,
        "longitude": location.longitude,
        "created_by_device_id": location.created_by_device_id,
    }
    if location.end_at is not None:
        fields["end_at"] = location.end_at
    return fields


def check(call: Call, channel: Channel, message: Message, user: User, fields: Mapping[str, Any]) -> None:
    """Take the location that a new message shares: it does not change by an update of the message."""
    if fields.get("shared_location") is None:
        return
    require_feature(call, channel, "shared_locations")
    require(call, channel, user, "share-location")
    message.shared_location = dict(call.mapping("shared_location", fields))
    end_at = take(call, message.shared_location)["end_at"]
    if end_at is not None and end_at <= call.now:
        raise invalid("shared_location.end_at must be in the future")


def message_fields(sandbox: Sandbox, message: Message, _viewer_id: str | None) -> dict[str, Any]:
    """The location that a message shares."""
    location = sandbox.store[LOCATIONS].get(message.id) if message.shared_location else None
    return {"shared_location": location_fields(location)} if location is not None else {}


def forget(call: Call, message: Message) -> None:
    """Forget the location of a message that is gone for good."""
    call.store[LOCATIONS].remove(message.id)


def channel_state(call: Call, channel: Channel, _user: User | None) -> dict[str, Any]:
    """The live locations of a channel."""
    live = live_in(call, channel.cid)
    return {"active_live_locations": [location_fields(location) for location in live]} if live else {}
