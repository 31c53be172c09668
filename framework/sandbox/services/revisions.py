"""Keeping what a message was before it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.model.message_version import VERSIONS, VERSIONS_OF, MessageVersion

if TYPE_CHECKING:
    from framework.sandbox.call import Call
    from framework.sandbox.model.message import Message


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
