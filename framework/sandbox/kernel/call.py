"""One call of an operation, as its handler sees it: who calls, with what, and what it says beside its answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from framework.sandbox.kernel.errors import forbidden, invalid
from framework.sandbox.kernel.wire import Input, WireDialect, parse_json, parse_time

if TYPE_CHECKING:
    from starlette.requests import Request

    from framework.sandbox.kernel.protocol import Actor
    from framework.sandbox.kernel.realtime.event import Event
    from framework.sandbox.kernel.sandbox import Sandbox
    from framework.sandbox.kernel.store.store import RecordStore


@dataclass
class Call:
    """One call. Handlers read it, change the store, `emit` events and return the answer's body.

    A handler checks everything before it changes anything: nothing is rolled back. Handlers are plain functions and so
    run whole, unless they must wait for the network. `operation` is the id of the operation that is called.
    """

    sandbox: Sandbox
    operation: str
    dialect: WireDialect
    actor: Actor
    path: dict[str, str]
    query: Mapping[str, str]
    body: dict[str, Any]
    request: Request | None = None
    events: list[Event] = field(default_factory=list)

    @property
    def store(self) -> RecordStore:
        """The collections."""
        return self.sandbox.store

    @cached_property
    def now(self) -> datetime:
        """The time of this call: later than that of every earlier call."""
        return self.sandbox.clock.now()

    def emit(self, event: Event) -> None:
        """Send an event once the changes of this call are durable."""
        self.events.append(event)

    @cached_property
    def payload(self) -> dict[str, Any]:
        """The parameters of a query: the body, or for GET the JSON in `payload`, with the query string beneath it."""
        merged: dict[str, Any] = dict(self.query)
        raw = merged.pop("payload", None)
        if raw is not None:
            decoded = parse_json(raw, "payload")
            if not isinstance(decoded, dict):
                raise invalid("payload must be a JSON object")
            merged.update(decoded)
        merged.update(self.body)
        return merged

    def take(self, body: object, known: Collection[str], what: str) -> Input:
        """Split an object of the request into Stream's fields and custom data, as the dialect has it."""
        return self.dialect.take(body, known, what)

    # Typed access to parameters: each raises ApiError 400 that names the parameter.

    def text(self, name: str, source: Mapping[str, Any] | None = None) -> str | None:
        """Return an optional string parameter."""
        value = (self.payload if source is None else source).get(name)
        if value is None or isinstance(value, str):
            return value
        raise invalid(f"{name} must be a string")

    def required_text(self, name: str, source: Mapping[str, Any] | None = None) -> str:
        """A string parameter that may not be missing or empty."""
        value = self.text(name, source)
        if not value:
            raise invalid(f"{name} is a required field")
        return value

    def flag(self, name: str, source: Mapping[str, Any] | None = None, *, default: bool = False) -> bool:
        """Return a boolean parameter; in a query string "true" and "1" are true."""
        value = (self.payload if source is None else source).get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false", "1", "0", ""):
            return value.lower() in ("true", "1")
        raise invalid(f"{name} must be a boolean")

    def number(
        self,
        name: str,
        default: int,
        *,
        low: int = 0,
        high: int | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> int:
        """Return an integer parameter within bounds."""
        value = (self.payload if source is None else source).get(name)
        if value is None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < 20:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(f"{name} must be an integer")
        if value < low or (high is not None and value > high):
            raise invalid(
                f"{name} must be between {low} and {high}" if high is not None else f"{name} must be at least {low}"
            )
        return value

    def time(self, name: str, source: Mapping[str, Any] | None = None) -> datetime | None:
        """Return an optional time, in either dialect's notation."""
        value = (self.payload if source is None else source).get(name)
        return None if value is None or value == "" else parse_time(value, name)

    def texts(self, name: str, source: Mapping[str, Any] | None = None) -> list[str]:
        """Return a list of strings; a comma-separated one in a query string. Missing is empty."""
        value = (self.payload if source is None else source).get(name)
        if value is None:
            return []
        if isinstance(value, str):
            return [item for item in value.split(",") if item]
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return value
        raise invalid(f"{name} must be a list of strings")

    def mapping(self, name: str, source: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return an object, also one that came as JSON text in a query string. Missing is empty."""
        value = (self.payload if source is None else source).get(name)
        if isinstance(value, str):
            value = parse_json(value, name)
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        raise invalid(f"{name} must be an object")

    def objects(self, name: str, source: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return a list of objects, also one that came as JSON text in a query string. Missing is empty."""
        value = (self.payload if source is None else source).get(name)
        if isinstance(value, str):
            # The v2 SDK writes each object of a list by itself, quoted once more, with commas between.
            parts = value.split(",") if value.startswith("%7B") else None
            value = [parse_json(unquote(part), name) for part in parts] if parts else parse_json(value, name)
        if value is None:
            return []
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return value
        raise invalid(f"{name} must be a list of objects")

    def require_server(self, what: str) -> None:
        """403 unless the caller holds a server token."""
        if not self.actor.is_server:
            raise forbidden(f"{what} is only allowed with a server-side token")
