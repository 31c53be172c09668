"""What a tool knows of the turn that calls it. The model never sees any of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from framework.errors import ToolError
from framework.tools.notices import Notice, Notified, Notifier, check_notice, people_of
from framework.tools.promiser import Promiser


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
    `operations`: see `execute`. `notifier` reaches people by push: see `notify`. `promiser`: by it
    the bot's own tools promise.
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
    notifier: Notifier | None = field(default=None, repr=False, compare=False)
    promiser: Promiser | None = field(default=None, repr=False, compare=False)

    async def execute(
        self, operation_id: str, arguments: Mapping[str, Any], *, as_user: str | None = None
    ) -> dict[str, Any]:
        """Execute an operation of the chat, as far as `operations` in bot.yaml allows it, and return the service's
        answer. `as_user`: a user's id; without it the first of `operations.act_as`. A message that is sent without an
        id is sent once in a turn, however often the turn is tried. Raises ToolError.
        """
        return await self._chat.execute(self, operation_id, arguments, as_user=as_user)

    async def notify(
        self,
        users: str | Sequence[str],
        text: str,
        *,
        title: str = "",
        key: str = "",
        channel: str = "",
        quiet_hours: str = "",
        timezone: str = "UTC",
    ) -> tuple[Notified, ...]:
        """Tell people something, with a push to their phones, and return what became of it for each of them.

        Each person gets it once: in this turn however often it is tried, or, with a `key` of your own, in all turns of
        the bot. It comes as a message from the bot, in a channel of the two or, for members of `channel` (TYPE:ID), in
        that channel and for their eyes alone. The chat service pushes it as each person's preferences say.
        `quiet_hours` as in `22:00-8:00`, in `timezone`: then the message comes without a push.

        Raises ToolError if nobody is named, for a text that is empty or too long, where no chat is at hand, and in a
        turn that only some people may read (`restricted`) for anybody but the person who asked.
        """
        people = people_of(users)
        if self.restricted and set(people) != {self.user_id}:
            raise ToolError("Only some people may read this conversation: nobody else may be notified of it.")
        if self.notifier is None:
            raise ToolError("Nobody can be notified here: run the bot in a channel.")
        own = f"own\x1f{key}" if key else f"turn\x1f{self.key}"
        return await self.notifier.send(people, check_notice(Notice(own, text, title, channel, quiet_hours, timezone)))

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
