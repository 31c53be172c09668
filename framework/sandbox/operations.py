"""Operations: one handler each, reached by a v1 and a v2 path, collected by domain."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from framework.sandbox.wire import Dialect

if TYPE_CHECKING:
    from framework.sandbox.call import Call

Result = Mapping[str, Any]
Handler = Callable[["Call"], Result | Awaitable[Result]]
H = TypeVar("H", bound=Handler)

V2_PREFIX = {"chat": "/api/v2/chat", "common": "/api/v2", "moderation": "/api/v2/moderation"}


class Access(Enum):
    """Who may call an operation at all; what a person may do in a channel is decided by its handler."""

    OPEN = "anyone with the api key, without a token"
    ANY = "any token"
    SERVER = "server tokens only"


@dataclass(frozen=True)
class Operation:
    """One operation of the service. `family` decides the v2 prefix; None where a dialect lacks the operation."""

    id: str
    method: str
    v1: str | None
    v2: str | None
    handler: Handler | None
    access: Access = Access.ANY
    status: int = 200
    needs_body: bool = True

    def path(self, dialect: Dialect) -> str | None:
        """The path template of a dialect."""
        return self.v1 if dialect is Dialect.V1 else self.v2


@dataclass
class Domain:
    """The operations of one area; each module under `domains/` makes one and registers its handlers on it."""

    name: str
    operations: list[Operation] = field(default_factory=list)

    def operation(
        self,
        operation_id: str,
        method: str,
        path: str | None,
        *,
        family: str = "chat",
        v2: str | None = "",
        access: Access = Access.ANY,
        status: int | None = None,
        raw_body: bool = False,
    ) -> Callable[[H], H]:
        """Register a handler. `path` is v1's; v2's is the same below the family's prefix unless `v2` says otherwise.

        `v2=None` means that v2 lacks it, `path=None` that v1 does. `status` defaults to 201 for POST, PUT and PATCH
        (the service answers writes so) and 200 otherwise. `raw_body` leaves the body (an upload) to the handler.
        """

        def register(handler: H) -> H:
            v2_path = f"{V2_PREFIX[family]}{path}" if v2 == "" else v2
            default = 200 if method in ("GET", "DELETE") else 201
            self.operations.append(
                Operation(
                    id=operation_id,
                    method=method,
                    v1=path,
                    v2=v2_path,
                    handler=handler,
                    access=access,
                    status=status or default,
                    needs_body=not raw_body,
                )
            )
            return handler

        return register


@dataclass(frozen=True, slots=True)
class Match:
    """Where a request leads."""

    operation: Operation
    dialect: Dialect
    path_params: dict[str, str]


class _Node:
    __slots__ = ("by_method", "children", "parameter")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.by_method: dict[str, tuple[Operation, Dialect, tuple[str, ...]]] = {}


class Router:
    """Finds the operation of a request, by path segments: its cost does not grow with the number of operations.

    Starlette tries one pattern after another; with some 440 of them that alone would halve the sends a second.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            for dialect in Dialect:
                template = operation.path(dialect)
                if template is not None:
                    self._add(operation, dialect, template)

    def _add(self, operation: Operation, dialect: Dialect, template: str) -> None:
        node, names = self._root, []
        for segment in template.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.children.setdefault(segment, _Node())
        # The first declaration wins: implemented operations come before the merely known ones.
        node.by_method.setdefault(operation.method, (operation, dialect, tuple(names)))

    def match(self, method: str, segments: list[str]) -> Match | None:
        """The operation for a method and decoded path segments, or None."""
        values: list[str] = []
        node = self._find(self._root, segments, 0, values, method)
        if node is None:
            return None
        operation, dialect, names = node.by_method[method]
        return Match(operation, dialect, dict(zip(names, values, strict=True)))

    def _find(self, node: _Node, segments: list[str], at: int, values: list[str], method: str) -> _Node | None:
        if at == len(segments):
            return node if method in node.by_method else None
        child = node.children.get(segments[at])
        if child is not None:
            found = self._find(child, segments, at + 1, values, method)
            if found is not None:
                return found
        if node.parameter is not None:
            values.append(segments[at])
            found = self._find(node.parameter, segments, at + 1, values, method)
            if found is not None:
                return found
            values.pop()
        return None


_PARAMETER = re.compile(r"\{[^}]*\}")


def shape_of(template: str) -> str:
    """A path template without the names of its parameters, to compare templates of different sources."""
    return _PARAMETER.sub("{}", template)
