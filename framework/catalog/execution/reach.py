"""Which channels a call reaches, as far as its arguments tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framework.catalog.operation import Operation

IN_CHANNEL = "/channels/{type}/{id}"
# Path parameters that name a message; threads are named by their first message.
IN_MESSAGE = ("/messages/{id}", "/messages/{message_id}", "/messages/{parent_id}", "/threads/{message_id}")
# Queries that take a filter on channels, and where it stands in their arguments.
NARROWED = {"Search": ("payload", "filter_conditions"), "QueryChannels": ("filter_conditions",)}
_CIDS = ("channel_cid", "channel_cids", "cids")


@dataclass(frozen=True, slots=True)
class InChannels:
    """It reaches these channels (`type:id`) alone."""

    cids: frozenset[str]


@dataclass(frozen=True, slots=True)
class OfMessage:
    """It reaches the channel that this message is in."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Filtered:
    """It reaches what its filter finds, and the filter can be narrowed."""

    place: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Anywhere:
    """It reaches the whole app, or nobody can tell from its arguments."""


Reach = InChannels | OfMessage | Filtered | Anywhere


def reach_of(operation: Operation, arguments: dict[str, Any]) -> Reach:
    """What a call with these (checked) arguments reaches."""
    path = operation.endpoint.path
    if IN_CHANNEL in path:
        return InChannels(frozenset({f"{arguments['type']}:{arguments['id']}"}))
    for prefix in IN_MESSAGE:
        if prefix in path:
            return OfMessage(arguments[prefix.rpartition("{")[2].rstrip("}")])
    if operation.id in NARROWED:
        return Filtered(NARROWED[operation.id])
    if operation.id == "Flag" and arguments.get("target_message_id"):
        return OfMessage(arguments["target_message_id"])
    if operation.id == "QueryMembers" and {"type", "id"} <= arguments.get("payload", {}).keys():
        return InChannels(frozenset({f"{arguments['payload']['type']}:{arguments['payload']['id']}"}))
    return _named(arguments)


def other_messages(operation: Operation, arguments: dict[str, Any]) -> list[str]:
    """Messages beside those of `reach_of`: what is quoted is shown, and a changed one may say that it is another."""
    found = set()
    for name in ("message", "set"):
        holder = arguments.get(name)
        if isinstance(holder, dict):
            found.add(holder.get("quoted_message_id"))
            if operation.id == "UpdateMessage":
                found.add(holder.get("id"))
    return sorted(value for value in found - {arguments.get("id")} if isinstance(value, str) and value)


def narrow(arguments: dict[str, Any], place: tuple[str, ...], cids: list[str]) -> dict[str, Any]:
    """The arguments with their filter limited to these channels."""
    head, *rest = place
    if rest:
        return arguments | {head: narrow(arguments.get(head) or {}, tuple(rest), cids)}
    inside = {"cid": {"$in": cids}}
    given = arguments.get(head)
    return arguments | {head: {"$and": [given, inside]} if given else inside}


def _named(arguments: dict[str, Any]) -> Reach:
    cids: set[str] = set()
    for name in _CIDS:
        value = arguments.get(name)
        cids |= {value} if isinstance(value, str) and value else set(value or ())
    return InChannels(frozenset(cids)) if cids else Anywhere()
