"""Drafts: keep, get, query, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, Channel
from framework.sandbox.chat.feature import Feature, dropping
from framework.sandbox.chat.messages import fields as message_fields
from framework.sandbox.chat.messages import rules as service
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.users import people
from framework.sandbox.features.drafts import rules as drafts
from framework.sandbox.features.drafts.rules import DRAFTS, DRAFTS_IN, DRAFTS_OF, StoredDraft
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.filters import dig, select
from framework.sandbox.kernel.query.paging import page
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.wire import Json

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("drafts")
_PATH = "/channels/{type}/{id}/draft"
_FLAGS = ("silent", "show_in_channel", "mentioned_channel", "mentioned_here")
_LISTS = ("mentioned_roles", "mentioned_group_ids")


@DOMAIN.operation("CreateDraft", "POST", _PATH)
def create_draft(call: Call) -> Result:
    """Keep a draft for a channel or thread; it replaces the one that was there."""
    channel = channels.find(call)
    taken = service.take_message(call, call.body.get("message"))
    user = people.acting_user(call, taken.fields)
    channels.require_read(call, channel, user)
    fields = taken.fields
    parent_id = _existing(call, channel, call.text("parent_id", fields), "parent")
    channels.check_custom(call, taken.custom, "draft")
    old = drafts.of(call, channel.cid, user.id, parent_id)
    draft = StoredDraft(
        channel.cid,
        user.id,
        call.text("id", fields) or call.sandbox.ids.new(),
        old.created_at if old is not None else call.now,
        call.now,
        parent_id,
        message_fields.check_text(call, channel, fields.get("text")),
        call.text("type", fields) or "regular",
        message_fields.take_attachments(call, fields.get("attachments")),
        _other_fields(call, channel, fields),
        taken.custom,
    )
    if old is not None:
        old.become(draft)
        draft = old
    call.store[DRAFTS].put(draft)
    drafts.tell(call, "draft.updated", draft)
    return {"draft": drafts.view(call, draft)}


@DOMAIN.operation("GetDraft", "GET", _PATH)
def get_draft(call: Call) -> Result:
    """Return the user's draft in a channel or thread."""
    return {"draft": drafts.view(call, _find(call))}


@DOMAIN.operation("DeleteDraft", "DELETE", _PATH)
def delete_draft(call: Call) -> Result:
    """Drop the user's draft in a channel or thread."""
    drafts.drop(call, _find(call))
    return {}


@DOMAIN.operation("QueryDrafts", "POST", "/drafts/query")
def query_drafts(call: Call) -> Result:
    """Return the user's drafts, newest first unless sorted otherwise."""
    user = people.acting_user(call)
    mine = [draft for draft in call.store.index(DRAFTS_OF).of(user.id) if draft.cid in call.store[CHANNELS]]
    found = select(mine, call.mapping("filter"), _value)
    found = sort(found, parse_sort(call.payload.get("sort")) or [("created_at", True)], _value)
    part = page(call, found)
    return {"drafts": [drafts.view(call, draft) for draft in part.items], **part.cursors()}


def _find(call: Call) -> StoredDraft:
    channel = channels.find(call)
    user: User = people.acting_user(call)
    channels.require_read(call, channel, user)
    draft = drafts.of(call, channel.cid, user.id, call.text("parent_id") or None)
    if draft is None:
        raise not_found("draft not found")
    return draft


def _existing(call: Call, channel: Channel, message_id: str | None, what: str) -> str | None:
    if not message_id:
        return None
    found = call.store[MESSAGES].get(message_id)
    if found is None or found.cid != channel.cid or service.is_for_others(call, found):
        raise invalid(f"{what} message {message_id} does not exist in this channel")
    return message_id


def _other_fields(call: Call, channel: Channel, fields: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: call.flag(name, fields) for name in _FLAGS if name in fields}
    kept |= {name: call.texts(name, fields) for name in _LISTS if fields.get(name)}
    for name in ("html", "mml", "poll_id"):
        if fields.get(name) is not None:
            kept[name] = call.text(name, fields)
    quoted = _existing(call, channel, call.text("quoted_message_id", fields), "quoted")
    if quoted:
        kept["quoted_message_id"] = quoted
    if fields.get("mentioned_users"):
        if not isinstance(fields["mentioned_users"], list):
            raise invalid("message.mentioned_users must be a list of user ids")
        kept["mentioned_users"] = [people.mention(call, item).id for item in fields["mentioned_users"]]
    return kept


def _value(draft: StoredDraft, name: str) -> Json:
    """A draft's field by name, for filters and sorting."""
    if name == "channel_cid":
        return draft.cid
    if name in ("cid", "user_id", "id", "parent_id", "created_at", "updated_at", "text"):
        return getattr(draft, name)
    return dig(draft.custom, name)


FEATURE = Feature(
    operations=(DOMAIN,),
    message_sent=drafts.drop_sent,
    forget_message=drafts.forget_thread,
    forget_channel=dropping(DRAFTS_IN),
    forget_user=dropping(DRAFTS_OF),
    channel_state=drafts.channel_state,
    thread_fields=drafts.thread_fields,
)
