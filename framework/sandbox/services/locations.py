"""Shared locations: checking, keeping and showing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.errors import invalid
from framework.sandbox.model.location import LOCATIONS, LOCATIONS_IN, Location

if TYPE_CHECKING:
    from datetime import datetime

    from framework.sandbox.call import Call
    from framework.sandbox.model.message import Message

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
