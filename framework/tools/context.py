"""What a tool is told of the turn that calls it. The model never sees any of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ToolContext:
    """For whom a tool works, and where it keeps its data.

    `key` names the call (the turn and the call's place in it) and stays the same when a turn is tried again: a tool
    that writes stores it, and finds what it wrote instead of writing twice. `data` is a folder of the bot's own; it
    exists. `now` is the clock (aware, UTC). `roles` are the person's, in the app and in the channel.
    """

    user_id: str
    user_name: str
    channel: str
    key: str
    data: Path
    now: Callable[[], datetime] = _now
    roles: tuple[str, ...] = ()
