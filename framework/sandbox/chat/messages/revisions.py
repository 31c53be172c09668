"""The earlier versions of messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.filters import select
from framework.sandbox.kernel.query.paging import page
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped
from framework.sandbox.kernel.wire import Entity, Json

if TYPE_CHECKING:
    from framework.sandbox.chat.messages.record import Message


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


DOMAIN = Domain("message_history")


@DOMAIN.operation("QueryMessageHistory", "POST", "/messages/history", access=Access.SERVER)
def query_message_history(call: Call) -> Result:
    """What messages were before their updates, newest first unless sorted otherwise."""
    conditions = call.mapping("filter")
    if not conditions:
        raise invalid("filter is a required field")
    named = _named(conditions.get("message_id"))
    index = call.store.index(VERSIONS_OF)
    versions = [one for message_id in named for one in index.of(message_id)] if named else list(call.store[VERSIONS])
    found = select(versions, conditions, _value)
    found = sort(found, parse_sort(call.payload.get("sort")) or [("message_updated_at", True)], _value)
    part = page(call, found)
    return {"message_history": [_view(version) for version in part.items], **part.cursors()}


def _named(condition: object) -> list[str]:
    """The messages that a condition names outright; empty if it does not."""
    if isinstance(condition, dict):
        condition = condition.get("$eq", condition.get("$in"))
    names = condition if isinstance(condition, list) else [condition]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def _view(version: MessageVersion) -> Entity:
    fields = {
        "message_id": version.message_id,
        "message_updated_by_id": version.message_updated_by_id,
        "message_updated_at": version.message_updated_at,
        "text": version.text,
        "attachments": [Entity(item["fields"], item["custom"]) for item in version.attachments],
        "is_deleted": version.is_deleted,
    }
    return Entity(fields, version.custom)


def _value(version: MessageVersion, name: str) -> Json:
    """A version's field by name, for filters and sorting."""
    name = {"user_id": "message_updated_by_id", "created_at": "message_updated_at"}.get(name, name)
    return getattr(version, name) if name in MessageVersion.names() else None


FEATURE = Feature(operations=(DOMAIN,))
