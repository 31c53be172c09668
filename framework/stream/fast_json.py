"""JSON as the chat service sends and takes it, by the quick library where it can, and by the slower one where not."""

from __future__ import annotations

import json

import orjson

from framework.values import Json


def loads(text: bytes | str) -> Json:
    """Read JSON. Half surrogate pairs, which people can send, are for the slower reader. Raises ValueError, and
    RecursionError for brackets in brackets in brackets.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def dumps(data: Json) -> bytes:
    """Write JSON. What the quick writer refuses, as half surrogate pairs, is for the slower one."""
    try:
        return orjson.dumps(data)
    except TypeError:
        return json.dumps(data).encode()
