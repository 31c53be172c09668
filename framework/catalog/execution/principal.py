"""For whom an operation is executed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a bot, an MCP client, or a person at the command line. Set by this project, never by a model.

    `name` is for the audit log and keeps what one may see from others: `bot:support_bot`, `mcp:claude`, `cli`. `bot` is
    the user as whom a bot speaks, `caller` the user whose message it answers, `channel` where (`type:id`), and `key`
    names the turn: a message that is sent in it gets an id that follows from it, so that a turn that runs again sends
    nothing twice.
    """

    name: str
    bot: str | None = None
    caller: str | None = None
    channel: str | None = None
    key: str | None = None
