"""The calls made, newest last, for tests of clients."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 1000


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One call. `operation` is None where the path led nowhere; `seconds` is the time to the answer."""

    number: int
    method: str
    path: str
    operation: str | None
    status: int
    seconds: float


class CallLog:
    """The last calls."""

    def __init__(self) -> None:
        self._calls: deque[LoggedCall] = deque(maxlen=KEPT)
        self._number = 0

    def add(self, method: str, path: str, operation: str | None, status: int, seconds: float) -> None:
        """Note a call; the arguments are LoggedCall's fields."""
        self._number += 1
        self._calls.append(LoggedCall(self._number, method, path, operation, status, seconds))

    def view(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Return the calls, oldest first, of one operation where it is given."""
        return [asdict(call) for call in self._calls if operation is None or call.operation == operation]

    def clear(self) -> None:
        """Forget the calls; numbers go on."""
        self._calls.clear()
