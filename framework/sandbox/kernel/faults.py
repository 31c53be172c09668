"""Faults on demand: the next calls that match a pattern fail as asked."""

from __future__ import annotations

import asyncio
import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from framework.sandbox.kernel.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Socket(Protocol):
    """A WebSocket that a fault can strike: `silent` drops its frames, as on a link that is half open."""

    silent: bool

    def close(self, code: int) -> None:
        """Close after what was sent."""
        ...


class Sockets(Protocol):
    """The live WebSockets."""

    def connection(self, connection_id: str) -> Socket | None:
        """One by its id."""
        ...

    def connections(self) -> Sequence[Socket]:
        """All."""
        ...

    def of_user(self, user_id: str) -> Sequence[Socket]:
        """Return those of a user."""
        ...


class DropConnectionError(Exception):
    """Cut the connection instead of answering."""


@dataclass
class Fault:
    """What happens to matching calls.

    `pattern` is a glob over `METHOD path` or an operation id; `count` calls are hit. `status` and `code` answer so;
    `delay_s` waits first; `drop` cuts the connection "before" or "after" the call took effect; `retry_after_s` adds the
    header. `webhook` sends the webhooks of the call's events twice ("duplicate") or after those that come next
    ("reorder"); its pattern may also be the type of an event. `socket` makes WebSockets "silent" or closes them with
    `close_code` once the call took effect: those of `user_id`, else the call's own connection, else its user's, else
    all. With none of these the call is only delayed.
    """

    pattern: str
    count: int = 1
    status: int | None = None
    code: int | None = None
    message: str = "injected fault"
    delay_s: float = 0.0
    drop: str | None = None
    retry_after_s: float | None = None
    webhook: str | None = None
    socket: str | None = None
    close_code: int = 1011
    user_id: str | None = None

    def matches(self, operation: str, method: str, path: str) -> bool:
        """Return whether the fault is meant for this call."""
        return operation == self.pattern or fnmatch.fnmatchcase(f"{method} {path}", self.pattern)

    async def before(self) -> None:
        """What happens before the handler. Raises what stops the call."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.drop == "before":
            raise DropConnectionError
        if self.status is not None and self.drop is None:
            error = ApiError(self.status, self.code if self.code is not None else _code(self.status), self.message)
            if self.retry_after_s is not None:
                error.headers["retry-after"] = f"{self.retry_after_s:g}"
            raise error

    async def after(self, sockets: Sockets, connection_id: str, caller_id: str | None) -> None:
        """Do what happens after the handler's changes are durable and its events are out.

        `connection_id` is the WebSocket that the call names, `caller_id` the token's user.
        """
        if self.socket is not None:
            self.strike(self._struck(sockets, connection_id, caller_id))
        if self.drop == "after":
            raise DropConnectionError

    def strike(self, sockets: Sequence[Socket]) -> None:
        """Do to WebSockets what the fault says."""
        for socket in sockets:
            if self.socket == "silent":
                socket.silent = True
            elif self.socket == "close":
                socket.close(self.close_code)

    def _struck(self, sockets: Sockets, connection_id: str, caller_id: str | None) -> Sequence[Socket]:
        own = sockets.connection(connection_id)
        user_id = self.user_id or (caller_id if own is None else None)
        if user_id is not None:
            return sockets.of_user(user_id)
        return [own] if own is not None else sockets.connections()


def _code(status: int) -> int:
    return {400: 4, 401: 5, 403: 17, 404: 16, 408: 23, 413: 22, 429: 9}.get(status, -1)


class Faults:
    """The faults that wait for calls."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let a fault wait."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Forget all."""
        self._faults.clear()

    def take(self, operation: str, method: str, path: str) -> Fault | None:
        """Return the first fault for a call, used up by one."""
        for fault in self._faults:
            if fault.matches(operation, method, path):
                return self._use(fault)
        return None

    def take_for_event(self, kind: str) -> Fault | None:
        """Return the first fault for the webhooks of an event, used up by one."""
        for fault in self._faults:
            if fault.webhook is not None and fnmatch.fnmatchcase(kind, fault.pattern):
                return self._use(fault)
        return None

    def _use(self, fault: Fault) -> Fault:
        fault.count -= 1
        if fault.count <= 0:
            self._faults.remove(fault)
        return fault

    def waiting(self) -> list[dict[str, object]]:
        """What still waits."""
        return [{"pattern": fault.pattern, "count": fault.count} for fault in self._faults]
