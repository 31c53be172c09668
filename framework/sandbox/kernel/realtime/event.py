"""An event and its audience."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.wire import Entity


@dataclass(frozen=True, slots=True)
class Audience:
    """Which connections get an event.

    `watching`: the connections that watch this channel. `absent_from`: connections of `users` that do not watch this
    channel. With neither, all connections of `users`. `everyone` is every connection there is. `exclude` is one
    that is left out; `only` leaves out all users but these.
    """

    watching: str | None = None
    absent_from: str | None = None
    users: tuple[str, ...] = ()
    everyone: bool = False
    exclude: str | None = None
    only: tuple[str, ...] | None = None


@dataclass(slots=True)
class Event:
    """Something that happened.

    `payload` is the body without `type` and `created_at`. `per_user` adds fields for one receiver (unread counts).
    `cid` names the channel it belongs to, for hooks and logs.
    """

    type: str
    at: datetime
    payload: dict[str, Any]
    audience: Audience
    cid: str | None = None
    per_user: Callable[[str], Mapping[str, Any]] | None = None
    custom: dict[str, Any] = field(default_factory=dict)
    hooks: bool = True
    """Whether webhooks are told. Of one happening with several audiences they are told once."""
    hook_fault: str | None = None
    """What a fault does to its webhooks: "duplicate" or "reorder"."""

    def body(self) -> Entity:
        """Return the event as sent."""
        return Entity({"type": self.type, **self.payload, "created_at": self.at}, self.custom)


Publisher = Callable[[Event], None]


def to_watchers(kind: str, at: datetime, cid: str, payload: dict[str, Any]) -> Event:
    """Return an event for everyone who watches a channel, with the channel's names filled in."""
    channel_type, _, channel_id = cid.partition(":")
    body = {"cid": cid, "channel_id": channel_id, "channel_type": channel_type, **payload}
    return Event(kind, at, body, Audience(watching=cid), cid)


def to_hooks(kind: str, at: datetime, payload: dict[str, Any], cid: str | None = None) -> Event:
    """An event for the app's backend alone."""
    if cid is not None:
        channel_type, _, channel_id = cid.partition(":")
        payload = {"cid": cid, "channel_id": channel_id, "channel_type": channel_type, **payload}
    return Event(kind, at, payload, Audience(), cid)


def to_users(kind: str, at: datetime, users: tuple[str, ...], payload: dict[str, Any], cid: str | None = None) -> Event:
    """Return an event for all connections of some users."""
    if cid is not None:
        channel_type, _, channel_id = cid.partition(":")
        payload = {"cid": cid, "channel_id": channel_id, "channel_type": channel_type, **payload}
    return Event(kind, at, payload, Audience(users=users), cid)
