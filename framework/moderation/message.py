"""One message as it is judged: every text that people would read, and who wrote it where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

_NEVER_READ = frozenset(
    """id type user user_id cid channel parent_id created_at updated_at deleted_at mentioned_users html quoted_message
    quoted_message_id reaction_counts reaction_scores reaction_groups own_reactions latest_reactions poll_id mml member
    pinned_at pinned_by pin_expires moderation moderation_details draft reminder thread_participants command
    restricted_visibility message_text_updated_at deleted_reply_count shared_location""".split()  # noqa: SIM905
)
_OF_POLL = ("name", "description", "options")
_DEEPEST = 32
_MOST_PIECES = 2_000
_LONGEST_REST = 200_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A text of a message, and its place there, such as ("text",) or ("attachments", 0, "title")."""

    path: tuple[str | int, ...]
    text: str


@dataclass(frozen=True)
class Screened:
    """A message that somebody wants to post or has changed. Everything in it is data of a stranger."""

    channel: str
    user_id: str
    pieces: tuple[Piece, ...]
    roles: frozenset[str] = frozenset()
    """The author's roles in the app and in the channel."""
    message_id: str = ""
    account_made: datetime | None = None
    at: datetime | None = None
    """When it was written; None: just now."""
    language: str = ""
    mentions: int = 0
    attachments: int = 0
    scores: Mapping[str, float] | None = None
    """What a model said of its texts, by kind. None: it was not asked, or did not answer in time."""

    @property
    def text(self) -> str:
        """The text itself, without attachments and fields."""
        return next((piece.text for piece in self.pieces if piece.path == ("text",)), "")

    @property
    def whole(self) -> str:
        """All texts, as a model reads them."""
        return "\n".join(piece.text for piece in self.pieces)


def pieces_of(message: Mapping[str, Any]) -> tuple[Piece, ...]:
    """Every text of a message of Stream's that somebody may read: the text, attachments, options of a poll, fields.

    What comes after 2,000 texts is one text more.
    """
    pieces = _pieces(message, ())
    found = list(islice(pieces, _MOST_PIECES))
    first = next(pieces, None)
    if first is not None:
        rest = "\n".join([first.text, *(piece.text for piece in pieces)])
        found.append(Piece(first.path, rest[:_LONGEST_REST]))
    return tuple(found)


def _pieces(value: object, path: tuple[str | int, ...]) -> Iterator[Piece]:
    if isinstance(value, str):
        if value.strip():
            yield Piece(path, value)
    elif len(path) >= _DEEPEST:
        return
    elif isinstance(value, Mapping):
        for key, inner in _fields(value, path):
            yield from _pieces(inner, (*path, key))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _pieces(inner, (*path, number))


def _fields(value: Mapping[Any, Any], path: tuple[str | int, ...]) -> Iterator[tuple[str, Any]]:
    """The fields of an object whose texts people read."""
    if path == ("poll",):  # the rest of it is about votes and who made it
        yield from ((name, value.get(name)) for name in _OF_POLL)
        return
    for key, inner in value.items():
        if isinstance(key, str) and not (len(path) == 0 and key in _NEVER_READ):
            yield key, inner
