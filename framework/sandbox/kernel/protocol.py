"""Who calls: a server, a user, or somebody without a token."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ActorKind(Enum):
    """How a caller proved who it is."""

    SERVER = "server"
    USER = "user"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller. `user_id` is the token's user; None for a server token."""

    kind: ActorKind
    user_id: str | None = None

    @property
    def is_server(self) -> bool:
        """Return whether the caller holds the app's secret and so may do anything for anyone."""
        return self.kind is ActorKind.SERVER
