"""The one translation layer between the internal model and the two dialects that clients speak.

Handlers see plain dicts whose own keys are Stream's fields, with everything else under `Entity.custom`, and datetimes.
v1 writes custom data flat beside the fields and times as ISO 8601 with `Z`; v2 nests custom data under `custom` and
writes times as integer nanoseconds. The translation happens inside the JSON encoder: nothing is walked twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeAlias

import orjson

from framework.sandbox.kernel.errors import ApiError, invalid

Json: TypeAlias = Any
"""A value of JSON. The reader checks which."""

Untyped: TypeAlias = Any
"""An object of a library that ships no types, or of a kind that Python cannot name."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_V1_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
_V2_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS
MAX_DEPTH = 32


class Entity:
    """An object with fields that Stream names and custom data that the app named; `v2` are fields that v1 lacks.

    No dataclass: orjson would write one as it stands instead of asking for its form in the dialect.
    """

    __slots__ = ("custom", "fields", "v2")

    def __init__(self, fields: dict[str, Any], custom: dict[str, Any], v2: dict[str, Any] | None = None) -> None:
        self.fields = fields
        self.custom = custom
        self.v2 = v2

    def __getitem__(self, name: str) -> Json:
        return self.fields[name]

    def get(self, name: str) -> Json:
        """Return a field's value, or None."""
        return self.fields.get(name)


@dataclass(slots=True)
class Input:
    """What a client sent for one object: the fields that Stream names, and the rest."""

    fields: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)


class WireDialect(Enum):
    """Which of the two APIs a call speaks."""

    V1 = "v1"
    V2 = "v2"

    def encode(self, value: object) -> bytes:
        """JSON in this dialect. Entities and datetimes may stand anywhere inside `value`."""
        if self is WireDialect.V1:
            return orjson.dumps(value, default=_flatten, option=_V1_OPTIONS)
        return orjson.dumps(value, default=_nest, option=_V2_OPTIONS)

    def take(self, body: object, known: Collection[str], what: str) -> Input:
        """Split what a client sent into fields in `known` and custom data.

        Raises ApiError 400 when `body` is not an object.
        """
        if not isinstance(body, Mapping):
            raise invalid(f"{what} must be an object")
        fields: dict[str, Any] = {}
        custom: dict[str, Any] = {}
        for name, value in body.items():
            if name in known:
                fields[name] = value
            elif name == "custom" and self is WireDialect.V2:
                if value is not None and not isinstance(value, Mapping):
                    raise invalid(f"{what}.custom must be an object")
                custom.update(value or {})
            else:
                custom[name] = value
        return Input(fields, custom)


def _flatten(value: object) -> object:
    if isinstance(value, Entity):
        return {**value.custom, **value.fields}
    raise TypeError(f"{type(value).__name__} cannot be encoded")


def _nest(value: object) -> object:
    if isinstance(value, Entity):
        own = {**value.fields, "custom": value.custom}
        return own if value.v2 is None else own | value.v2
    if isinstance(value, datetime):
        return to_nanoseconds(value)
    raise TypeError(f"{type(value).__name__} cannot be encoded")


def to_nanoseconds(at: datetime) -> int:
    """Integer nanoseconds since the epoch; the nearest there is for times before 1678 and after 2262."""
    return max(-(2**63), min((at - _EPOCH) // timedelta(microseconds=1) * 1000, 2**63 - 1))


def decode(raw: bytes) -> dict[str, Any]:
    """Return a request's JSON body; an empty one is an empty object. Raises ApiError 400 for anything but an object."""
    if not raw:
        return {}
    body = parse_json(raw, "the request body")
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise invalid("the request body must be a JSON object")
    return body


def parse_json(raw: bytes | str, what: str) -> Json:
    """JSON text of a client. Raises ApiError 400, naming `what`: code 21 when it nests too deep, else code 4."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        # The decoder itself stops at some depth.
        if "depth" in str(error):
            raise too_deep(what) from error
        raise invalid(f"{what} is not valid JSON: {error}") from error
    # Only a text with that many brackets can be that deep.
    brackets = raw.count(b"{") + raw.count(b"[") if isinstance(raw, bytes) else raw.count("{") + raw.count("[")
    if brackets > MAX_DEPTH:
        require_shallow(value, what)
    return value


def require_shallow(value: object, what: str) -> None:
    """400, code 21 for a JSON value that nests deeper than answers can be encoded with."""
    if _depth(value, MAX_DEPTH) > MAX_DEPTH:
        raise too_deep(what)


def too_deep(what: str) -> ApiError:
    """400, code 21: something nests deeper than the API takes."""
    return ApiError(400, 21, f"{what} is nested deeper than {MAX_DEPTH} levels")


def _depth(value: object, limit: int) -> int:
    """How deep a JSON value nests; stops looking beyond `limit`."""
    if not isinstance(value, dict | list) or limit < 0:
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(item, limit - 1) for item in inner if isinstance(item, dict | list)), default=0)


def parse_time(value: object, what: str) -> datetime:
    """A time as any client may send it: ISO 8601 up to nanosecond digits, or integer nanoseconds since the epoch.

    Raises ApiError 400, naming `what`.
    """
    try:
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return _EPOCH + timedelta(microseconds=value // 1000)
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise invalid(f"{what} must be a time in RFC 3339 format")
