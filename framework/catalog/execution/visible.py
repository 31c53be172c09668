"""What a person may see of the answers that a bot gets, which may see more than they do.

One filter for every answer. The service shows a bot its own notes for the team, and with the app's rights it shows
everything: messages for others, drafts, what is under moderation. None of it is for the customer who asks the bot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from framework.catalog.values import Json

CARDS = ("review", "note")
"""Fields of the bot's own messages that are for the team: questions for approval, drafts, summaries."""
WITHHELD = "A message was left out: the person who asks may not see it."
_MESSAGE = frozenset({"restricted_visibility", "shadowed"})
_LIKE_MESSAGES = (frozenset({"id", "cid", "text"}), frozenset({"id", "user", "text"}))
_DRAFTS = ("draft", "drafts")
# Each is a kind of record about somebody that only a team sees; the keys that tell it, and who it is about.
_RECORDS = (
    (frozenset({"moderation_payload", "entity_id"}), "entity_creator_id"),
    (frozenset({"entity_id", "entity_type", "flags_count"}), "entity_creator_id"),
    (frozenset({"appeal_reason", "entity_id"}), "user"),
    (frozenset({"created_by_automod", "moderation_feedback"}), "user"),
    (frozenset({"created_by_automod", "message"}), "user"),
    (frozenset({"reporter_type", "target_user_id"}), "user_id"),
    (frozenset({"message_id", "message_updated_by_id"}), "message_updated_by_id"),
    (frozenset({"message_id", "channel_cid", "remind_at"}), "user_id"),
)
_DROPPED = object()


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom an answer is. `user_id` is the person who asks (None: nobody does, as when a timer starts a turn),
    `bot` the bot that works for them, `acts_as` the user in whose name the service answered (None: the app), and
    `with_own_token` says that it answered that user's own token.
    """

    user_id: str | None
    bot: str | None
    acts_as: str | None = None
    with_own_token: bool = False

    def may_see(self, message: dict[str, Any]) -> bool:
        """Whether the person may see a message, as the service sends it. A deleted one nobody may."""
        return not (is_deleted(message) or self.is_hidden(message))

    def is_hidden(self, message: dict[str, Any]) -> bool:
        """Whether a message is for others than the person."""
        author = _user_of(message)
        if author is not None and author == self.user_id:
            return False
        readers = message.get("restricted_visibility")
        if isinstance(readers, list) and readers:
            return self.user_id not in readers
        if message.get("shadowed") is True:
            return True
        if message.get("type") in {"error", "ephemeral"}:
            return author is None or author != self.acts_as
        return author is not None and author == self.bot and any(name in _fields(message) for name in CARDS)

    @property
    def answers_itself(self) -> bool:
        """Whether the service answered the person themselves, and left out what is not for them."""
        return self.with_own_token and self.acts_as is not None and self.acts_as == self.user_id


def seen_by(reader: Reader, body: dict[str, Any]) -> dict[str, Any]:
    """An answer of the service without what the reader may not see; `withheld` says so where it was the answer."""
    seen = _seen(reader, body, "")
    if seen is _DROPPED or not isinstance(seen, dict):
        return {"withheld": WITHHELD}
    lost = any(_is_message(value) and name not in seen for name, value in body.items())
    return seen | ({"withheld": WITHHELD} if lost else {})


def is_deleted(message: dict[str, Any]) -> bool:
    """Whether a message was deleted; the app's own token still reads its text."""
    return message.get("type") == "deleted" or bool(message.get("deleted_at"))


def _seen(reader: Reader, value: Json, name: str) -> Json:
    if isinstance(value, list):
        items = [_seen(reader, item, name) for item in value]
        return [item for item in items if item is not _DROPPED]
    if not isinstance(value, dict):
        return value
    if name == "pending_messages" or (name in _DRAFTS and not reader.answers_itself):
        return _DROPPED
    if _is_message(value) and not reader.may_see(value):
        return _DROPPED
    if name and (_is_of_others(reader, value) or _is_about_hidden(reader, value)):
        return _DROPPED
    kept = {key: _seen(reader, item, key) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item is not _DROPPED}


def _is_message(value: object) -> bool:
    return isinstance(value, dict) and (
        not _MESSAGE.isdisjoint(value)
        or {"id", "cid", "text"} <= value.keys()
        or {"id", "user", "text"} <= value.keys()
    )


def _is_about_hidden(reader: Reader, value: dict[str, Any]) -> bool:
    """A search hit, a thread, a reminder: what is about one message goes with it."""
    about = [value.get("message"), value.get("parent_message")]
    return any(isinstance(one, dict) and _is_message(one) and reader.is_hidden(one) for one in about)


def _is_of_others(reader: Reader, value: dict[str, Any]) -> bool:
    if reader.answers_itself:
        return False
    for keys, whose in _RECORDS:
        if keys <= value.keys():
            owner = value.get(whose)
            owner = owner.get("id") if isinstance(owner, dict) else owner
            return owner is None or owner != reader.user_id
    return False


def _user_of(message: dict[str, Any]) -> str | None:
    user = message.get("user")
    found = user.get("id") if isinstance(user, dict) else message.get("user_id")
    return found if isinstance(found, str) else None


def _fields(message: dict[str, Any]) -> dict[str, Any]:
    custom = message.get("custom")
    return message | custom if isinstance(custom, dict) else message
