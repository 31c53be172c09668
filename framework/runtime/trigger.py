"""Which messages are answered: pure rules, shared by the pipeline and by catching up."""

from __future__ import annotations

from framework.definition.model import BotDefinition
from framework.stream.model import Message


def from_a_person(message: Message, *, bot_user_id: str) -> bool:
    """Whether a person wrote this for others to read."""
    return never_answered(message, bot_user_id=bot_user_id) is None


def never_answered(message: Message, *, bot_user_id: str) -> str | None:
    """Why no bot may ever answer this message, whatever its definition says: this is what keeps bots from talking to
    themselves and to each other. None: it may be answered.
    """
    if message.user.id == bot_user_id:
        return "the bot's own message"
    if message.user.is_bot or message.ai_generated:
        return "written by a bot"
    if message.deleted_at is not None or message.kind == "deleted":
        return "message was deleted"
    if message.kind in {"system", "error", "ephemeral"}:
        return f"{message.kind} message"
    return "silent message" if message.silent else None


def not_asked(message: Message, definition: BotDefinition) -> str | None:
    """Why the definition leaves this message alone. None: it wants an answer."""
    every = any(trigger.on == "every_message" for trigger in definition.effective_triggers)
    if every or _mentions(message, definition):
        return None
    return "the bot is not mentioned"


def _mentions(message: Message, definition: BotDefinition) -> bool:
    """By the client's own list, or in plain text where a client has no list."""
    text = message.text.casefold()
    names = (definition.identity.user_id, definition.identity.name)
    return definition.identity.user_id in message.mentioned or any(f"@{name.casefold()}" in text for name in names)
