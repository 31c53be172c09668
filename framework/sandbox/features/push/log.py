"""What would be pushed: the sandbox reaches no provider, and keeps what it would have sent, or why not."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.sandbox import SandboxPart

MOST = 2_000
"""Entries that are kept, the newest ones."""


@dataclass(frozen=True)
class PushEntry:
    """One device that was to be told of a message, or one user who has none or is not told. `why_not` is empty where
    the push went out. `payload` is what the provider gets.
    """

    at: datetime
    event_type: str
    cid: str
    message_id: str
    user_id: str
    device: str = ""
    provider: str = ""
    provider_name: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    why_not: str = ""


class PushLog:
    """The newest entries, in memory."""

    def __init__(self) -> None:
        self._entries: deque[PushEntry] = deque(maxlen=MOST)

    def add(self, entry: PushEntry) -> None:
        """Keep an entry."""
        self._entries.append(entry)

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    def view(self, user_id: str | None = None) -> list[dict[str, Any]]:
        """The entries, oldest first; of one user, if one is named."""
        found = [entry for entry in self._entries if user_id in (None, entry.user_id)]
        return [{**asdict(entry), "at": entry.at.isoformat(), "sent": not entry.why_not} for entry in found]


PUSH_LOG: SandboxPart[PushLog] = SandboxPart("push log")
