"""What the calls share: pages, ids in paths, and the one channel of a query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import quote

from framework.errors import ChatServiceError
from framework.stream.failure import MISSING
from framework.stream.model import ChannelRef
from framework.values import Json, JsonObject

# What one query may ask for, and one change may name.
A_PAGE = 100
CHANNELS_A_PAGE = 30
THREADS_A_PAGE = 25
IDS_A_PAGE = 50
REACTIONS_A_PAGE = 300
MOST_MESSAGES = 300

T = TypeVar("T")


def path_part(id_: str) -> str:
    """Return an id as one part of a path: the SDK puts it there as it is."""
    return quote(id_, safe="")


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of at most `size` items."""
    rest = list(items)
    for start in range(0, len(rest), size):
        yield rest[start : start + size]


def only(reply: JsonObject, channel: ChannelRef) -> JsonObject:
    """Return the one channel that a query found. Raise ChatServiceError if it found none."""
    item = next(iter(objects(reply, "channels")), None)
    if item is None:
        raise no_channel(channel)
    return item


def objects(reply: JsonObject, name: str) -> list[JsonObject]:
    """Return the objects in a list of a reply. Anything else in it is left out."""
    items: Json = reply.get(name)
    return [item for item in items or () if isinstance(item, Mapping)]


def no_channel(channel: ChannelRef) -> ChatServiceError:
    """Return the error for a channel that does not exist."""
    return ChatServiceError(f"The channel {channel} does not exist.", code=MISSING, status=404)
