"""Operations: one handler each, reached by a v1 and a v2 path, collected by domain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from framework.sandbox.kernel.wire import WireDialect

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call

Result = Mapping[str, Any]
Handler = Callable[["Call"], Result | Awaitable[Result]]
H = TypeVar("H", bound=Handler)

V2_PREFIX = {"chat": "/api/v2/chat", "common": "/api/v2", "moderation": "/api/v2/moderation"}


class Access(Enum):
    """Who may call an operation at all. What a person may do in a channel is decided by the handler."""

    OPEN = "anyone with the api key, without a token"
    ANY = "any token"
    SERVER = "server tokens only"


@dataclass(frozen=True)
class ServedOperation:
    """One operation of the service. `family` decides the v2 prefix; None where a dialect lacks the operation."""

    id: str
    method: str
    v1: str | None
    v2: str | None
    handler: Handler | None
    access: Access = Access.ANY
    status: int = 200
    needs_body: bool = True

    def path(self, dialect: WireDialect) -> str | None:
        """Return the path template of a dialect."""
        return self.v1 if dialect is WireDialect.V1 else self.v2


@dataclass
class Domain:
    """The operations of one area; each module under `domains/` makes one and registers its handlers on it."""

    name: str
    operations: list[ServedOperation] = field(default_factory=list)

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
                ServedOperation(
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
