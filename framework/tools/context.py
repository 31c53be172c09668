"""What a tool knows of the turn that calls it. The model never sees any of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from framework.errors import ToolError


def _now() -> datetime:
    return datetime.now(UTC)


@runtime_checkable  # pydantic reads it when it makes a tool's schema from its arguments
class Chat(Protocol):
    """The chat's operations under the bot's policy, for the person and the channel of a turn."""

    async def execute(
        self, context: ToolContext, operation_id: str, arguments: Mapping[str, Any], *, as_user: str | None = None
    ) -> dict[str, Any]:
        """See `ToolContext.execute`."""

    def id_for(self, *fields: str) -> str:
        """See `ToolContext.id_for`."""


@dataclass(frozen=True)
class ToolContext:
    """For whom a tool works, and where it keeps its data.

    `key` names the call (the turn and the call's place in it) and stays the same when a turn is tried again: a tool
    that writes stores it, and finds what it wrote instead of writing twice. `data` is a folder of the bot's own; it
    exists. `now` is the clock (aware, UTC). `roles` are the person's, in the app and in the channel. `message` is the
    id of the message that the turn is about (the one to answer, or that somebody reacted to); empty where there is
    none. `restricted`: only some people of the channel may see what was asked and what is answered, so a tool keeps and
    posts nothing of it where others learn of it. `chat` reaches the chat's operations, where bot.yaml says
    `operations`: see `execute`.
    """

    user_id: str
    user_name: str
    channel: str
    key: str
    data: Path
    now: Callable[[], datetime] = _now
    roles: tuple[str, ...] = ()
    message: str = ""
    restricted: bool = False
    chat: Chat | None = field(default=None, repr=False, compare=False)

    async def execute(
        self, operation_id: str, arguments: Mapping[str, Any], *, as_user: str | None = None
    ) -> dict[str, Any]:
        """Execute an operation of the chat, as far as `operations` in bot.yaml allows it, and return the service's
        answer. `as_user`: a user's id; without it the first of `operations.act_as`. A message that is sent without an
        id is sent once in a turn, however often the turn is tried. Raises ToolError.
        """
        return await self._chat.execute(self, operation_id, arguments, as_user=as_user)

    def id_for(self, *fields: str) -> str:
        """Return the id for a message that several turns may come to post and that is to stand there once. The same
        fields always give the same id, and only this app's processes can compute it: nobody else can post a message
        in its place. Raises ToolError.
        """
        return self._chat.id_for(*fields)

    @property
    def _chat(self) -> Chat:
        if self.chat is None:
            raise ToolError(
                "This bot has no chat to work on: give it `operations` in bot.yaml, and run it in a channel."
            )
        return self.chat
