"""Slash commands in messages. What looks for pictures on the network at the service is marked as the sandbox's here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from framework.sandbox.chat.messages.record import Message
from framework.sandbox.chat.permissions.rules import type_of
from framework.sandbox.features.uploads.rules import origin
from framework.sandbox.kernel.store.table import Table

if TYPE_CHECKING:
    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.kernel.call import Call

EPHEMERALS: Table[Message] = Table("ephemeral_messages", Message)
"""Messages that only their author sees until it runs an action of theirs: they stand in no timeline."""

_VERSIONS = (
    "original", "fixed_height", "fixed_height_still", "fixed_height_downsampled", "fixed_width", "fixed_width_still",
    "fixed_width_downsampled",
)  # fmt: skip
_BUTTONS = (("Send", "primary", "send"), ("Shuffle", "default", "shuffle"), ("Cancel", "default", "cancel"))


@dataclass(frozen=True, slots=True)
class TypedCommand:
    """A command as it was typed."""

    name: str
    args: str


def parse(call: Call, channel: Channel, text: object) -> TypedCommand | None:
    """Return the command that a text begins with, or None if the channel's type has no such command."""
    if not isinstance(text, str) or not text.startswith("/"):
        return None
    name, _, args = text[1:].partition(" ")
    return TypedCommand(name, args.strip()) if name and name in type_of(call.sandbox, channel.type).commands else None


def giphy(call: Call, message: Message, command: TypedCommand) -> Message:
    """Turn a composed message into the choice of a picture, which its author sends, shuffles or cancels."""
    message.type, message.text, message.html = "ephemeral", "", ""
    message.command, message.args = command.name, command.args
    message.attachments = [_picture(call, command.args, 0, actions=True)]
    return call.store[EPHEMERALS].put(message)


def shuffle(call: Call, message: Message) -> None:
    """Show another picture."""
    number = int(message.attachments[0]["custom"].get("number", 0)) + 1
    message.attachments = [_picture(call, message.args or "", number, actions=True)]
    message.updated_at = call.now
    call.store[EPHEMERALS].put(message)


def chosen(call: Call, message: Message) -> Message:
    """Return the message to send, with the picture that was shown last; the choice is gone."""
    call.store[EPHEMERALS].remove(message.id)
    message.type = "reply" if message.parent_id is not None else "regular"
    message.created_at = message.updated_at = call.now
    picture = message.attachments[0]
    message.attachments = [{**picture, "fields": {k: v for k, v in picture["fields"].items() if k != "actions"}}]
    return message


def _picture(call: Call, words: str, number: int, *, actions: bool) -> dict[str, Any]:
    url = f"{origin(call)}/sandbox/giphy/{number}/{quote(words.replace('/', ' ')[:60] or 'giphy', safe='')}.svg"
    version = {"url": url, "width": "300", "height": "200", "size": "600", "frames": "1"}
    fields: dict[str, Any] = {
        "type": "giphy",
        "title": words,
        "title_link": url,
        "thumb_url": url,
        "giphy": dict.fromkeys(_VERSIONS, version),
    }
    if actions:
        fields["actions"] = [
            {"name": "image_action", "text": text, "style": style, "type": "button", "value": value}
            for text, style, value in _BUTTONS
        ]
    return {"fields": fields, "custom": {"sandbox": True, "number": number}}
