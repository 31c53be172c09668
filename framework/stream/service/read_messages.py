"""Messages as they were read before: nearly all of a channel's page is what its page held a moment ago."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b

import orjson

from framework.stream.model import ChannelRef, Message
from framework.stream.wire import read_cid, read_message

_REMEMBERED = 8_192
_LONGEST = 4_000  # bytes of JSON: longer ones are rare, and would keep much memory
_Read = tuple[bytes, ChannelRef | None, Message]


class ReadMessages:
    """Reads messages of one service's answers, and remembers the latest 8,192 by their ids.

    Something else about a message, such as its author's name or a reaction, has it read anew.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Read] = OrderedDict()

    def of(self, page: Mapping[str, object]) -> tuple[Message, ...]:
        """Return the messages of a channel's state in a query's reply, oldest first. Raises WireError."""
        items = page.get("messages")
        if not isinstance(items, list):
            return ()
        channel = read_cid(page.get("channel"))
        return tuple(sorted((self._read(item, channel) for item in items), key=lambda message: message.created_at))

    def _read(self, raw: object, channel: ChannelRef | None) -> Message:
        seal = _seal_of(raw)
        id_ = str(raw.get("id")) if isinstance(raw, Mapping) else ""
        known = self._known.get(id_)
        if known is not None and seal and known[:2] == (seal, channel):
            self._known.move_to_end(id_)
            return known[2]
        message = read_message(raw, channel)
        if seal:
            self._known[id_] = (seal, channel, message)
            self._known.move_to_end(id_)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return message


def _seal_of(raw: object) -> bytes:
    """Return a fingerprint of all that is in it; nothing for a long one, and for what the quick writer refuses: half
    surrogate pairs.
    """
    try:
        written = orjson.dumps(raw)
    except TypeError:
        return b""
    return blake2b(written, digest_size=16).digest() if len(written) <= _LONGEST else b""
