"""Shared locations: checking, keeping, showing and moving them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.feature import Feature, dropping
from framework.sandbox.chat.messages import events as message_events
from framework.sandbox.chat.messages import rules as service
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.permissions.rules import require, require_feature
from framework.sandbox.chat.users import people
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import forbidden, invalid, not_found
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped

if TYPE_CHECKING:
    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.sandbox import Sandbox


@dataclass(slots=True)
class Location(Record):
    """The location of one message, in degrees; live while `end_at` is ahead."""

    KEY = ("message_id",)

    message_id: str
    cid: str
    user_id: str
    created_at: datetime
    updated_at: datetime
    latitude: float
    longitude: float
    created_by_device_id: str = ""
    end_at: datetime | None = None


LOCATIONS = Table("locations", Location)
LOCATIONS_OF = grouped(LOCATIONS, lambda location: location.user_id)
LOCATIONS_IN = grouped(LOCATIONS, lambda location: location.cid)


_LIMITS = {"latitude": 90, "longitude": 180}


def take(call: Call, raw: Mapping[str, Any], old: Location | None = None) -> dict[str, Any]:
    """Return the fields of a location as a client sends it, checked; what is not given stays as it was."""
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
    """Return the live locations of a channel."""
    if not len(call.store[LOCATIONS]):
        return []
    return [one for one in call.store.index(LOCATIONS_IN).of(cid) if is_live(one, call.now)]


def is_live(location: Location, now: datetime) -> bool:
    """Return whether a location still moves."""
    return location.end_at is not None and location.end_at > now


def location_fields(location: Location) -> dict[str, Any]:
    """Return a shared location; one without `end_at` is a place that does not move."""
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
    """Return the location that a message shares."""
    location = sandbox.store[LOCATIONS].get(message.id) if message.shared_location else None
    return {"shared_location": location_fields(location)} if location is not None else {}


def forget(call: Call, message: Message) -> None:
    """Forget the location of a message that is gone for good."""
    call.store[LOCATIONS].remove(message.id)


def channel_state(call: Call, channel: Channel, _user: User | None) -> dict[str, Any]:
    """Return the live locations of a channel."""
    live = live_in(call, channel.cid)
    return {"active_live_locations": [location_fields(location) for location in live]} if live else {}


DOMAIN = Domain("locations")
_PATH = "/users/live_locations"


@DOMAIN.operation("GetUserLiveLocations", "GET", _PATH, family="common")
def get_user_live_locations(call: Call) -> Result:
    """Return the locations that a user shares and that have not ended."""
    user = people.acting_user(call)
    live = [one for one in call.store.index(LOCATIONS_OF).of(user.id) if is_live(one, call.now)]
    shown = []
    for location in live:
        view = location_fields(location)
        channel = call.store[CHANNELS].get(location.cid)
        if channel is not None:
            view["channel"] = channel_view(call.sandbox, channel)
        shown.append(view)
    return {"active_live_locations": shown}


@DOMAIN.operation("UpdateLiveLocation", "PUT", _PATH, family="common")
def update_live_location(call: Call) -> Result:
    """Move a live location, or end it by setting `end_at`."""
    user = people.acting_user(call)
    message = service.find(call, call.required_text("message_id"))
    location = call.store[LOCATIONS].get(message.id)
    if location is None:
        raise not_found(f"message {message.id} shares no location")
    if location.user_id != user.id:
        raise forbidden(f"user {user.id} may not move the location of another user")
    if not is_live(location, call.now):
        raise invalid(f"the location of message {message.id} is not live")
    changes = take(call, call.payload, location)
    for name, value in changes.items():
        setattr(location, name, value)
    location.updated_at = call.now
    call.store[LOCATIONS].put(location)
    message_events.publish_change(call, "message.updated", message, user)
    view = location_fields(location)
    view["message"] = message_view(call.sandbox, message, user.id)
    return view


FEATURE = Feature(
    operations=(DOMAIN,),
    check_message=check,
    message_sent=note,
    forget_message=forget,
    forget_user=dropping(LOCATIONS_OF),
    message_fields=message_fields,
    channel_state=channel_state,
)
