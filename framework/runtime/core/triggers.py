"""Which messages start a turn: pure rules, shared by the pipeline and by catching up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from framework.definition.expressions.patterns import linear
from framework.definition.model import BotDefinition
from framework.definition.parts.triggers import MESSAGE_KINDS, Trigger
from framework.runtime.core.language import has_words, names_somebody, own_words
from framework.stream.model import Message, User, may_see

if TYPE_CHECKING:
    from framework.runtime.core.message_context import MessageContext

BUTTON_FIELDS = ("action", "button")
"""By these a client tells that a button was pressed: a message's (or an event's) custom field of one of these names
holds the button's value, a text, or a mapping that has it under `value` (else `id`, else `name`)."""

WRITTEN_BY_BOT = "written by a bot"
"""Why what another bot wrote is not answered."""
SILENT = "silent message"
"""Why a message is not answered whose author wants nobody to be told of it."""
WATCHING = frozenset({"keyword", "regex"})
"""The triggers that no author can keep their message from."""

_BOT_ID = re.compile(r"(?:.*[-_.])?bot(?:[-_.]?\d+)?|ai-bot.*", re.IGNORECASE)
_TRUE = frozenset({"true", "yes", "1"})
# Marks by which other frameworks tell what a person did not write: flags, names of the writer, kinds of writers.
_FLAGS = frozenset(
    {
        "ai_generated", "is_ai_generated", "generated_by_ai", "bot", "is_bot", "isbot", "from_bot", "ai", "is_ai",
        "isai", "ai_bot", "automated", "is_automated", "auto_reply", "autoreply",
    }
)  # fmt: skip
_WRITERS = frozenset({"generated_by", "bot_id", "bot_name", "bot_profile", "ai_model", "llm_model"})
_KINDS = frozenset({"role", "sender_type", "author_type", "user_type", "sender_role", "message_source"})
_BOT_KINDS = frozenset({"bot", "assistant", "ai", "ai_bot", "chatbot", "ai_assistant"})


def from_a_person(message: Message, *, bot_user_id: str) -> bool:
    """Whether a person wrote this for others to read."""
    return never_answered(message, bot_user_id=bot_user_id) is None


def never_answered(message: Message, *, bot_user_id: str) -> str | None:
    """Why no bot may ever answer this message, whatever its definition says: this is what keeps bots from talking to
    themselves and to each other. None: it may be answered.
    """
    if message.user.id == bot_user_id:
        return "the bot's own message"
    if is_bot(message.user) or message.ai_generated or _is_marked(message.custom):
        return WRITTEN_BY_BOT
    if message.deleted_at is not None or message.kind == "deleted":
        return "message was deleted"
    if message.kind in {"system", "error", "ephemeral"}:
        return f"{message.kind} message"
    if message.shadowed:
        return "the author is shadow banned"
    if not may_see(message, bot_user_id):
        return "for others alone"
    return SILENT if message.silent else None


def by_another_account(message: Message, *, bot_user_id: str) -> bool:
    """Whether an account other than a bot's wrote this for others to read, whatever marks the message has: with those
    its author only asks for no answer.
    """
    unmarked = replace(message, ai_generated=False, custom={})
    return from_a_person(unmarked, bot_user_id=bot_user_id)


def not_answered(message: Message, definition: BotDefinition) -> str | None:
    """Why a bot with this definition does not answer a message; None: it may be answered.

    What an author can say of their own message (`ai_generated`, `silent` and the like) keeps it from an answer, and not
    from triggers that watch: a keyword or a pattern is found in whatever an account writes.
    """
    user_id = definition.identity.user_id
    reason = never_answered(message, bot_user_id=user_id)
    if reason not in {WRITTEN_BY_BOT, SILENT}:
        return reason
    if is_bot(message.user):
        return reason
    plain = replace(message, ai_generated=False, silent=False, custom={})
    watched = never_answered(plain, bot_user_id=user_id) is None and may_fire(message, definition)
    return None if watched else reason


def is_bot(user: User) -> bool:
    """Tell whether a user is a bot: it says so, or has the usual form of a bot's id (`github-bot`, `ai-bot-...`)."""
    return user.is_bot or user.role.casefold() in _BOT_KINDS or _BOT_ID.fullmatch(user.id) is not None


def fired(context: MessageContext, definition: BotDefinition) -> Trigger | None:
    """Return the trigger by which this message starts a turn, the most particular one; None if no trigger fits."""
    message = context.message
    triggers = [trigger for trigger in definition.effective_triggers if trigger.on in MESSAGE_KINDS]
    if message.command and not _commanded(message, triggers):
        return None  # a slash command that the service took for somebody else
    if not from_a_person(message, bot_user_id=context.bot_user_id):
        triggers = [trigger for trigger in triggers if trigger.on in WATCHING]
    found = [trigger for trigger in triggers if _RULES[trigger.on](context, trigger)]
    return min(found, key=lambda trigger: _PARTICULAR.index(trigger.on), default=None)


def not_fired(message: Message, definition: BotDefinition) -> str:
    """Why no trigger took a message, for an operator."""
    if message.command:
        return f"the command /{message.command} is not the bot's"
    kinds = dict.fromkeys(trigger.on for trigger in definition.effective_triggers)
    if set(kinds) == {"mention"}:
        return "the bot is not mentioned"
    return f"no trigger fits ({', '.join(kind.replace('_', ' ') for kind in kinds)})"


def may_fire(message: Message, definition: BotDefinition) -> bool:
    """Whether a message may start a turn, as far as it can be told from the message alone: what it depends on
    the history is looked at in the turn.
    """
    from framework.runtime.core.message_context import MessageContext

    context = MessageContext(definition.identity.user_id, names_of(definition), message)
    if not from_a_person(message, bot_user_id=definition.identity.user_id):
        return fired(context, definition) is not None
    if definition.reply.merge_within or definition.reply.supersede:
        return True  # the burst that it ends may hold one that fires
    kinds = {trigger.on for trigger in definition.effective_triggers}
    if "direct_message" in kinds or ("thread_reply" in kinds and message.parent_id is not None):
        return True
    return fired(context, definition) is not None


def names_of(definition: BotDefinition) -> tuple[str, ...]:
    """Return the names by which the bot is called."""
    return (definition.identity.user_id, definition.identity.name)


def calls_bot(message: Message, definition: BotDefinition) -> bool:
    """Whether a message calls this bot by name, whatever stands around it."""
    return definition.identity.user_id in message.mentioned or names_somebody(
        message.text, names_of(definition), message.mentioned_names
    )


def mentions_bot(message: Message, context: MessageContext) -> bool:
    """Tell whether a message mentions the bot: in the client's own list, or in plain text."""
    return context.bot_user_id in message.mentioned or names_somebody(
        message.text, context.bot_names, context.other_names(message)
    )


def pressed(fields: Mapping[str, Any]) -> str:
    """Return the value of the button that was pressed; empty if none was."""
    for name in BUTTON_FIELDS:
        value = fields.get(name)
        if isinstance(value, Mapping):
            value = next((value[key] for key in ("value", "id", "name") if value.get(key)), "")
        if isinstance(value, str) and value:
            return value
    return ""


def wanted(value: str, trigger: Trigger) -> bool:
    """Whether a trigger looks for this value; one without values looks for any."""
    return not trigger.values or value.casefold() in {one.casefold() for one in trigger.values}


def command_in(message: Message) -> str:
    """The slash command that a message is, with or without the service's help; empty for none."""
    if message.command:
        return message.command
    match = re.match(r"\s*/([A-Za-z][\w-]*)(?:\s|$)", message.text)
    return match[1] if match else ""


def _commanded(message: Message, triggers: list[Trigger]) -> bool:
    return any(trigger.on == "command" and wanted(message.command, trigger) for trigger in triggers)


def _is_marked(custom: Mapping[str, Any]) -> bool:
    for name, value in custom.items():
        key = name.casefold()
        if key in _FLAGS and (value is True or value == 1 or str(value).casefold() in _TRUE):
            return True
        if key in _WRITERS and value:
            return True
        if key in _KINDS and isinstance(value, str) and value.casefold() in _BOT_KINDS:
            return True
    return False


def _every_message(context: MessageContext, trigger: Trigger) -> bool:
    return True


def _mention(context: MessageContext, trigger: Trigger) -> bool:
    return mentions_bot(context.message, context)


def _direct_message(context: MessageContext, trigger: Trigger) -> bool:
    return context.is_direct


def _keyword(context: MessageContext, trigger: Trigger) -> bool:
    text = own_words(context.message.text)
    return any(has_words(text, words) for words in trigger.values)


def _regex(context: MessageContext, trigger: Trigger) -> bool:
    return any(linear(value).matches(context.message.text) for value in trigger.values)


def _command(context: MessageContext, trigger: Trigger) -> bool:
    name = command_in(context.message)
    return bool(name) and wanted(name, trigger)


def _thread_reply(context: MessageContext, trigger: Trigger) -> bool:
    """A reply in a thread that the bot began, or speaks in, or was asked in."""
    if context.message.parent_id is None:
        return False
    return any(context.by_bot(one) or mentions_bot(one, context) for one in context.before)


def _button(context: MessageContext, trigger: Trigger) -> bool:
    value = pressed(context.message.custom)
    return bool(value) and wanted(value, trigger)


_RULES: Mapping[str, Callable[[MessageContext, Trigger], bool]] = {
    "every_message": _every_message,
    "mention": _mention,
    "direct_message": _direct_message,
    "keyword": _keyword,
    "regex": _regex,
    "command": _command,
    "thread_reply": _thread_reply,
    "button": _button,
}
# Of several that fit, the first is the one whose `do` or `say` holds.
_PARTICULAR = ("button", "command", "regex", "keyword", "mention", "thread_reply", "direct_message", "every_message")
