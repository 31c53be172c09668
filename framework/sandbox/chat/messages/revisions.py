"""The earlier versions of messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped

if TYPE_CHECKING:
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.kernel.call import Call


@dataclass(slots=True)
class MessageVersion(Record):
    """A message as it was before an update or its deletion. Attachments are as in messages."""

    KEY = ("id",)

    id: str
    message_id: str
    message_updated_by_id: str
    message_updated_at: datetime
    text: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    is_deleted: bool = False
    custom: dict[str, Any] = field(default_factory=dict)


VERSIONS = Table("message_versions", MessageVersion)
VERSIONS_OF = grouped(VERSIONS, lambda version: version.message_id)


def keep(call: Call, message: Message, editor_id: str | None) -> None:
    """Store the present version of a message, which `editor_id` (its author where None) is about to replace."""
    version = MessageVersion(
        call.sandbox.ids.new(),
        message.id,
        message.updated_by_id or message.user_id,
        message.updated_at,
        message.text,
        message.attachments,
        message.deleted_at is not None,
        message.custom,
    )
    call.store[VERSIONS].put(version)
    message.updated_by_id = editor_id


def forget(call: Call, message_id: str) -> None:
    """Drop the versions of a message that is gone for good."""
    for version in call.store.index(VERSIONS_OF).of(message_id):
        call.store[VERSIONS].remove(version.key)
