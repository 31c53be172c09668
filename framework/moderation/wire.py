"""Messages of Stream's, as the hook and the search return them, read for judging."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from framework.moderation.message import Screened, pieces_of
from framework.stream.wire import read_time

Raw = Mapping[str, Any]


def screened_of(
    message: Raw, *, user: Raw | None = None, channel: Raw | None = None, at: datetime | None = None
) -> Screened:
    """Read a message. Everything in it is data of a stranger: what is missing or of another type counts as not said.

    `user` and `channel` are given where the message does not hold them.
    """
    author = _object(message.get("user")) or user or {}
    mentioned, attachments = message.get("mentioned_users"), message.get("attachments")
    return Screened(
        channel=_cid(message, channel or _object(message.get("channel"))),
        user_id=_text(author.get("id")) or _text(message.get("user_id")) or _text((user or {}).get("id")),
        pieces=pieces_of(message),
        roles=frozenset(_roles(message, author)),
        message_id=_text(message.get("id")),
        account_made=_time(author.get("created_at")),
        language=_text(author.get("language")),
        mentions=len(mentioned) if isinstance(mentioned, list) else 0,
        attachments=len(attachments) if isinstance(attachments, list) else 0,
        at=at,
    )


def _roles(message: Raw, author: Raw) -> set[str]:
    """The author's roles in the app, in their team and in the channel."""
    member = _object(message.get("member"))
    teams = _object(author.get("teams_role")).values()
    found = {_text(author.get("role")), _text(member.get("channel_role")), *map(_text, teams)}
    return found - {""}


def _cid(message: Raw, channel: Raw) -> str:
    given = _text(message.get("cid")) or _text(channel.get("cid"))
    return given or f"{_text(channel.get('type'))}:{_text(channel.get('id'))}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(value: object) -> Raw:
    return value if isinstance(value, Mapping) else {}


def _time(value: object) -> datetime | None:
    found = read_time(value)
    return found if found is not None and found > datetime(1971, 1, 1, tzinfo=UTC) else None
