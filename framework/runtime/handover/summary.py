"""What a person who takes over reads first."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from framework.errors import ModelError
from framework.names import shown_name
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.turn import Turn
from framework.runtime.decide.context import to_conversation
from framework.stream.model import Message, may_all_see

_log = structlog.get_logger(__name__)
_MESSAGES = 30
_QUOTED = 3
_LONGEST = 300


async def summarise(turn: Turn, view: ChannelView, readers: Sequence[str]) -> str:
    """The talk so far, as far as all `readers` see it: the agent's summary, or, if its model fails, what was said last.

    Raises ChatServiceError.
    """
    messages = [message for message in await lately(turn, view) if may_all_see(message, readers)]
    try:
        return await turn.setup.agent.summarise(to_conversation(turn, messages))
    except ModelError as error:
        _log.warning("handover.summary_failed", error=error.what, instead="the last messages")
        return _quotes(messages, turn)


async def lately(turn: Turn, view: ChannelView) -> Sequence[Message]:
    """Return the newest messages of the channel or thread, up to the trigger, oldest first. Raises ChatServiceError."""
    trigger = turn.trigger
    return await view.until(trigger.parent_id, None if turn.cause.made_up else trigger.id, _MESSAGES)


def _quotes(messages: Sequence[Message], turn: Turn) -> str:
    asked = [m for m in messages if m.user.id == turn.trigger.user.id and m.text.strip()][-_QUOTED:]
    answered = [m for m in messages if m.user.id == turn.bot_user_id and m.id != turn.reply_id and m.text.strip()]
    lines = [f"{shown_name(m.user.name, m.user.id)} wrote: {_short(m.text)}" for m in asked]
    lines += [f"The bot answered last: {_short(m.text)}" for m in answered[-1:]]
    return "\n".join(f"- {line}" for line in lines) or "There is nothing to sum up."


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
