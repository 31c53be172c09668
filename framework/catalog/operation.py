"""What an operation is: the frozen models of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Effect = Literal["reads", "writes", "administers", "destroys"]
EFFECTS: tuple[Effect, ...] = ("reads", "writes", "administers", "destroys")
"""The classes of operations: what looks, what changes something, what changes the rules of the app or hands out its
data, and what cannot be taken back.
"""
Token = Literal["server", "either"]
Place = Literal["path", "query", "body"]
Body = Literal["json", "multipart"]
Rate = Literal["realtime", "messages", "search", "moderation", "bulk", "standard"]

# Calls a minute for each endpoint and platform, where the service's documentation names them. An endpoint of the other
# families has a limit too, but only `GetRateLimits` knows it.
CALLS_A_MINUTE: dict[Rate, int] = {"realtime": 10_000, "messages": 1_000, "search": 300, "moderation": 300}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an operation.

    `name` is what a caller uses; `wire_name` what is sent (they differ where path and body both have an `id`). `schema`
    is JSON Schema, other models being referred to as `#/$defs/Name`.
    """

    name: str
    wire_name: str
    place: Place
    required: bool
    schema: dict[str, Any]

    @property
    def type_name(self) -> str:
        """Its type in a word or two: `string`, `UserRequest`, `list of string`, `word | regex`."""
        return _type_name(self.schema)


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """Where an operation lives in one of the two APIs, and what it takes there.

    `path` holds `{name}` for each path parameter.
    """

    method: str
    path: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """What people read, and what search reads.

    `situations` are things said by people who need the operation and do not name it ("he ruins it for everybody");
    `abilities` names what hides inside an operation (a shadow ban inside `Ban`) with phrases for each; `not_this` maps
    the id of an operation that is easily confused with this one to when it is the right one.
    """

    summary: str
    aliases: tuple[str, ...]
    situations: tuple[str, ...]
    abilities: dict[str, tuple[str, ...]]
    use_when: str
    not_this: dict[str, str]

    @property
    def phrases(self) -> tuple[str, ...]:
        """Every way in which people name the operation."""
        return self.aliases + tuple(phrase for phrases in self.abilities.values() for phrase in phrases)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the service.

    `v1` is where the older API has it (flat custom fields, ISO times), None where only the newer one does; `v2` is
    always there (custom fields under `custom`, times in nanoseconds). `body` is how a body is encoded, None where the
    operation takes none. `token` is what may call it: the server's alone, or a user's too; `rate` the family whose
    limit it counts against.
    """

    id: str
    group: str
    sdk: str
    v1: ApiEndpoint | None
    v2: ApiEndpoint
    body: Body | None
    effect: Effect
    token: Token
    rate: Rate
    profile: Profile
    administers: bool = False
    answers: bool = False

    @property
    def effects(self) -> frozenset[Effect]:
        """Its classes, whatever its arguments are."""
        return frozenset({self.effect, "administers"}) if self.administers else frozenset({self.effect})

    @property
    def endpoint(self) -> ApiEndpoint:
        """Where to call it: the older API where it has the operation, as the rest of this project speaks that."""
        return self.v1 or self.v2

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The arguments at `endpoint`."""
        return self.endpoint.parameters

    @property
    def calls_a_minute(self) -> int | None:
        """The documented limit for each platform; None where only the service knows."""
        return CALLS_A_MINUTE.get(self.rate)


def _type_name(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list of {_type_name(schema['items'])}"
    return str(schema.get("format") or schema.get("type") or "anything")
