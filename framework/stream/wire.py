"""Read Stream's JSON into our model. Missing or odd fields get defaults; only a missing id raises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, get_args

from framework.errors import FrameworkError
from framework.stream.model import (
    EPOCH,
    Attachment,
    ChannelInfo,
    ChannelRef,
    ChannelState,
    Member,
    Message,
    MessageCard,
    MessageKind,
    OutgoingMessage,
    Reaction,
    User,
)

_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_KINDS: dict[str, MessageKind] = {kind: kind for kind in get_args(MessageKind)}
_NOBODY = User("")
_LONGEST_ZONE = 64
"""Characters of the name of a time zone; the longest has 32."""
_BOT_FLAGS = frozenset({"is_bot", "bot", "is_ai", "ai_bot"})
_USER_KINDS = ("type", "kind", "user_type", "account_type")
_BOTS = frozenset({"bot", "ai_bot", "chatbot", "ai_assistant"})
# What has a place of its own, or is Stream's own word on a message; all else in it is custom.
_MESSAGE_FIELDS = frozenset(
    {
        "id", "text", "mml", "command", "command_info", "args", "html", "attachments", "user", "mentioned_users",
        "mentioned_channel", "mentioned_here", "mentioned_roles", "mentioned_group_ids", "latest_reactions",
        "own_reactions", "reaction_counts", "reaction_scores", "reaction_groups", "before_message_send_failed",
        "reply_count", "deleted_reply_count", "thread_participants", "cid", "type", "created_at", "updated_at",
        "deleted_at", "shadowed", "silent", "pinned", "pinned_at", "pinned_by", "pin_expires", "parent_id",
        "show_in_channel", "quoted_message_id", "quoted_message", "poll_id", "poll", "image_labels", "i18n",
        "moderation", "moderation_details", "message_text_updated_at", "reminder", "draft", "shared_location", "member",
        "channel", "restricted_visibility", "channel_role", "deleted_for_me", "ai_generated", "generating", "user_id",
        "mentioned_groups", "mentioned_channel_members",
    }
)  # fmt: skip
_CHANNEL_FIELDS = frozenset(
    {
        "id", "type", "cid", "created_at", "updated_at", "deleted_at", "last_message_at", "created_by", "created_by_id",
        "frozen", "disabled", "hidden", "hide_messages_before", "member_count", "members", "config", "own_capabilities",
        "cooldown", "team", "truncated_at", "truncated_by", "blocked", "muted", "mute_expires_at",
        "auto_translation_enabled", "auto_translation_language", "message_count", "push_preferences", "invites",
        "filter_tags",
    }
)  # fmt: skip


class WireError(FrameworkError):
    """The JSON is not what Stream sends: an id is missing."""


def read_time(value: object) -> datetime | None:
    """Read a time: ISO 8601 with up to nine digits, or nanoseconds since the epoch. Return None for anything else."""
    if value is None:
        return None
    try:
        if isinstance(value, str) and value:
            at = datetime.fromisoformat(value)
            if at.tzinfo is UTC:
                return at
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1e9, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def read_user(raw: object) -> User:
    """Read a user. A user who is gone has an empty id."""
    body = _mapping(raw)
    if not body:
        return _NOBODY
    role = _text(body.get("role")) or "user"
    is_bot = role in _BOTS or _says_it_is_a_bot(body)
    place = _text(body.get("timezone"))[:_LONGEST_ZONE] if "timezone" in body else ""
    return User(_text(body.get("id")), _text(body.get("name")), role, is_bot, _is_banned(body), place)


def _says_it_is_a_bot(body: Mapping[str, Any]) -> bool:
    """Return whether a custom field of a user says so. Nearly no user has one."""
    names = body.keys()
    if ("custom" in names or not _BOT_FLAGS.isdisjoint(names)) and any(_flag(body, flag) for flag in _BOT_FLAGS):
        return True
    return any(_text(body[kind]).casefold() in _BOTS for kind in _USER_KINDS if kind in names)


def read_message(raw: object, channel: ChannelRef | None = None) -> Message:
    """Read a message. `channel` is used if the message names none. Raises WireError without id or channel."""
    body = _mapping(raw)
    where = read_cid(body) or channel
    id_ = _text(body.get("id"))
    if not id_ or where is None:
        raise WireError(f"A message without {'a channel' if id_ else 'an id'} came from the chat service.")
    deleted_at = read_time(body.get("deleted_at"))
    user = read_user(body.get("user"))
    ai_generated = _flag(body, "ai_generated")
    command = _text(body.get("command"))
    quoted = _mapping(body.get("quoted_message"))
    mentioned = [_mapping(item) for item in _items(body.get("mentioned_users"))]
    return Message(
        id=id_,
        channel=where,
        user=user,
        text=_arguments(body, command) if command else _text(body.get("text")),
        created_at=read_time(body.get("created_at")) or EPOCH,
        kind="deleted" if deleted_at else _KINDS.get(_text(body.get("type")), "regular"),
        parent_id=_text(body.get("parent_id")) or None,
        show_in_channel=body.get("show_in_channel") is True,
        updated_at=read_time(body.get("updated_at")),
        deleted_at=deleted_at,
        attachments=tuple(map(_read_attachment, _items(body.get("attachments")))),
        mentioned=_texts([one.get("id") for one in mentioned]),
        mentioned_names=_texts([one.get("name") for one in mentioned]),
        silent=body.get("silent") is True,
        ai_generated=ai_generated,
        generating=_flag(body, "generating"),
        reply_count=_count(body.get("reply_count")),
        custom=read_custom(body, _MESSAGE_FIELDS),
        command=command,
        shadowed=body.get("shadowed") is True,
        visible_to=_texts(_items(body.get("restricted_visibility"))),
        channel_role=_text(_mapping(body.get("member")).get("channel_role")) or _text(body.get("channel_role")),
        quoted_id=_text(body.get("quoted_message_id")) or _text(quoted.get("id")),
        quoted_user_id=read_user(quoted.get("user")).id if quoted else "",
        quoted_visible_to=_quoted_visible_to(quoted) if quoted else (),
    )


def _quoted_visible_to(quoted: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the only users who see a quoted message, its author among them; empty: all members."""
    author = read_user(quoted.get("user")).id
    if quoted.get("shadowed") is True:
        return _texts([author])
    listed = _texts(_items(quoted.get("restricted_visibility")))
    return _texts([*listed, author]) if listed else ()


def read_custom(body: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Return the custom fields: those that are not `known` and, in the newer API, those under `custom`."""
    flat = {name: value for name, value in body.items() if name not in known}
    nested = flat.get("custom")
    if not isinstance(nested, Mapping):
        return flat
    del flat["custom"]
    return {**{name: value for name, value in nested.items() if name not in known}, **flat}


def read_channel(raw: object, bot_id: str) -> ChannelState:
    """Read a channel's state out of a query's reply. Raises WireError if it does not name the channel."""
    body = _mapping(raw)
    channel = _mapping(body.get("channel"))
    ref = read_cid(channel)
    if ref is None:
        raise WireError("A channel without an address came from the chat service.")
    return ChannelState(
        channel=ref,
        messages=read_messages(body),
        created_at=read_time(channel.get("created_at")) or EPOCH,
        joined_at=_joined_at(body, bot_id),
        frozen=channel.get("frozen") is True,
        custom=read_custom(channel, _CHANNEL_FIELDS),
        reactions=dict(filter(None, map(_latest_reactions, _items(body.get("messages"))))),
    )


def read_messages(raw: object) -> tuple[Message, ...]:
    """Read the messages out of a channel's state in a query's reply, oldest first."""
    body = _mapping(raw)
    ref = read_cid(body.get("channel"))
    found = (read_message(message, ref) for message in _items(body.get("messages")))
    return tuple(sorted(found, key=lambda message: message.created_at))


def _latest_reactions(raw: object) -> tuple[str, tuple[Reaction, ...]] | None:
    """Return a message's id with its latest reactions, or None if there are none."""
    body = _mapping(raw)
    found = tuple(filter(None, map(read_reaction, _items(body.get("latest_reactions")))))
    return (_text(body.get("id")), found) if found else None


def read_info(raw: object) -> ChannelInfo:
    """Read a channel without its messages. Raises WireError if it does not name the channel."""
    body = _mapping(raw)
    ref = read_cid(body)
    if ref is None:
        raise WireError("A channel without an address came from the chat service.")
    custom = read_custom(body, _CHANNEL_FIELDS)
    return ChannelInfo(
        ref,
        name=_text(custom.get("name")),
        custom=custom,
        frozen=body.get("frozen") is True,
        member_count=_count(body.get("member_count")),
        created_by=_text(_mapping(body.get("created_by")).get("id")) or _text(body.get("created_by_id")),
    )


def read_member(raw: object) -> Member | None:
    """Read a member, or return None if the user is missing."""
    body = _mapping(raw)
    user, id_ = read_user(body.get("user")), _member_id(body)
    role = _text(body.get("channel_role")) or _text(body.get("role")) or "channel_member"
    return Member(user if user.id else User(id_), role, banned=_is_banned(body)) if id_ else None


def read_reaction(raw: object) -> Reaction | None:
    """Read a reaction, or return None if its user or its kind is missing."""
    body = _mapping(raw)
    user, kind = read_user(body.get("user")), _text(body.get("type"))
    id_ = user.id or _text(body.get("user_id"))
    at = read_time(body.get("created_at")) or EPOCH
    return Reaction(user if user.id else User(id_), kind, at) if id_ and kind else None


def write_message(message: OutgoingMessage) -> dict[str, Any]:
    """Return a message as Stream takes it, without id and text."""
    body: dict[str, Any] = {**message.custom, "ai_generated": True, "generating": message.generating}
    if message.parent_id:
        body |= {"parent_id": message.parent_id, "show_in_channel": message.show_in_channel}
    if message.kind != "regular":
        body["type"] = message.kind
    if message.visible_to:
        body["restricted_visibility"] = list(message.visible_to)
    if message.silent:
        body["silent"] = True
    if message.mentions:
        body["mentioned_users"] = list(message.mentions)
    if message.card is not None:
        body["attachments"] = [write_card(message.card)]
    return body


def write_card(card: MessageCard) -> dict[str, Any]:
    """Return a card as an attachment with actions."""
    actions = [
        {
            "name": action.name,
            "value": action.value,
            "text": action.text,
            "type": "button",
            "style": "primary" if action.primary else "default",
        }
        for action in card.actions
    ]
    return {"type": "card", "title": card.title, "fallback": card.title, "text": card.text, "actions": actions}


def read_cid(raw: object) -> ChannelRef | None:
    """Return the channel that an object names: by `cid`, by type and id, or by a channel inside it."""
    body = _mapping(raw)
    type_, colon, id_ = _text(body.get("cid")).partition(":")
    if type_ and colon and id_:
        return ChannelRef(type_, id_)
    type_, id_ = _text(body.get("channel_type")), _text(body.get("channel_id"))
    if type_ and id_:
        return ChannelRef(type_, id_)
    return read_cid(body["channel"]) if _mapping(body.get("channel")) else None


def _joined_at(body: Mapping[str, Any], bot_id: str) -> datetime | None:
    """Return when the bot became a member: from its own membership, or else from the list of members."""
    membership = _mapping(body.get("membership"))
    if not membership:
        members = (_mapping(item) for item in _items(body.get("members")))
        membership = next((member for member in members if _member_id(member) == bot_id), {})
    return (read_time(membership.get("created_at")) or EPOCH) if membership else None


def _member_id(member: Mapping[str, Any]) -> str:
    return _text(member.get("user_id")) or _text(_mapping(member.get("user")).get("id"))


def _read_attachment(raw: object) -> Attachment:
    body = _mapping(raw)
    urls = (_text(body.get(name)) for name in ("image_url", "asset_url", "thumb_url", "title_link", "og_scrape_url"))
    return Attachment(
        kind=_text(body.get("type")) or "file",
        title=_text(body.get("title")) or _text(body.get("fallback")) or _text(body.get("name")),
        url=next(filter(None, urls), ""),
        mime_type=_text(body.get("mime_type")),
    )


def _arguments(body: Mapping[str, Any], command: str) -> str:
    """Return what was typed after a command. A backend that handles the command may have replaced the text."""
    text, typed = _text(body.get("text")), f"/{command}"
    if text and text != typed and not text.startswith(f"{typed} "):
        return text
    return _text(body.get("args")) or text.removeprefix(typed).strip()


def _is_banned(body: Mapping[str, Any]) -> bool:
    return body.get("banned") is True or body.get("shadow_banned") is True


def _flag(body: Mapping[str, Any], name: str) -> bool:
    """Return whether a custom field is true: beside Stream's own fields or, in the newer API, under `custom`."""
    return body.get(name) is True or _mapping(body.get("custom")).get(name) is True


def _texts(raw: Iterable[object]) -> tuple[str, ...]:
    return tuple(filter(None, map(_text, raw))) if raw else ()


def _mapping(raw: object) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) or isinstance(raw, Mapping) else {}  # noqa: SIM101 - a dict is told at once


def _items(raw: object) -> list[Any]:
    return raw if isinstance(raw, list) else []


def _text(raw: object) -> str:
    """Return a text that every database and encoding takes: U+FFFD for control characters and half surrogate pairs."""
    if not isinstance(raw, str):
        return ""
    return raw if raw.isprintable() else _UNSTORABLE.sub("\ufffd", raw)


def _count(raw: object) -> int:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else 0
