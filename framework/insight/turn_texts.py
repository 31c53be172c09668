"""The words of turns: what the model read, the passages that were found, the answer. Kept only if it is asked for, and
not for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from framework.insight.history_database import SCHEMA as HISTORY
from framework.storage import Schema, Storage

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection

_LONGEST = 20_000
_MOST = 60
"""Characters of one text, and texts of one kind, that are kept."""


@dataclass
class TurnWords:
    """What a turn noted while it ran. `people` are the ids of all whose words are among it; None: they are not known,
    and nothing is kept. `prompt` are pairs of a role and a text, `passages` have title, heading, score and text.
    """

    people: set[str] | None = None
    prompt: list[tuple[str, str]] = field(default_factory=list)
    passages: list[Mapping[str, Any]] = field(default_factory=list)


_words: ContextVar[TurnWords | None] = ContextVar("turn_words", default=None)


def begin() -> Token[TurnWords | None]:
    """Let what this task does from now on be noted. Give the token to `end`."""
    return _words.set(TurnWords())


def end(token: Token[TurnWords | None]) -> TurnWords | None:
    """Return what was noted since `begin`."""
    words = _words.get()
    _words.reset(token)
    return words


def note_people(ids: Iterable[str]) -> None:
    """Note whose words the turn reads."""
    if (words := _words.get()) is not None:
        words.people = (words.people or set()) | set(ids)


def note_prompt(messages: Iterable[tuple[str, str]]) -> None:
    """Note what a model reads: pairs of a role and a text. Of several calls the last one, which has it all, stays."""
    if (words := _words.get()) is not None:
        words.prompt = [(role, text[:_LONGEST]) for role, text in messages][-_MOST:]


def note_passages(found: Iterable[Mapping[str, Any]]) -> None:
    """Note passages of articles, with title, heading, score and text."""
    if (words := _words.get()) is not None:
        words.passages = [*words.passages, *found][:_MOST]


def is_noting() -> bool:
    """Whether anything is noted, for those who would have to work for it."""
    return _words.get() is not None


@dataclass(frozen=True)
class KeptText:
    """The words of one turn, as they are kept."""

    key: str
    channel: str
    at: datetime
    prompt: Sequence[tuple[str, str]]
    passages: Sequence[Mapping[str, Any]]
    answer: str


def _tables() -> MetaData:
    from framework.insight.turn_text_tables import METADATA

    return METADATA


SCHEMA = Schema("turn_texts", version=1, tables=_tables, with_=(HISTORY,))


class TurnTexts:
    """The words of turns in the database. Every method raises EngineError if it cannot be used."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def add(self, text: KeptText, people: Iterable[str]) -> None:
        """Keep the words of a turn, in place of those of an earlier try."""
        everybody = sorted(set(people))
        await self._storage.write(SCHEMA, lambda connection: _add(connection, text, everybody))

    async def read(self, key: str, since: datetime) -> KeptText | None:
        """Return the words of a turn, unless they are older than `since`."""
        found = await self._storage.read(SCHEMA, lambda connection: _read(connection, key))
        return None if found is None or found.at < since else found

    async def prune(self, before: datetime) -> int:
        """Delete what is older. Returns how many turns it was."""
        return await self._storage.write(SCHEMA, lambda connection: _prune(connection, before))

    async def forget(self, user: str) -> int:
        """Delete the words of all turns in channels where a person wrote: summaries of a talk may quote anybody in it.

        Call it before the history forgets the person. Returns how many turns it was.
        """
        return await self._storage.write(SCHEMA, lambda connection: _forget(connection, user))

    async def close(self) -> None:
        """Let go of the database."""
        await asyncio.to_thread(self._storage.close)


def _add(connection: Connection, text: KeptText, people: Sequence[str]) -> None:
    from sqlalchemy import delete, insert

    from framework.insight.turn_text_tables import PEOPLE, TEXTS

    connection.execute(delete(PEOPLE).where(PEOPLE.c.key == text.key))
    connection.execute(delete(TEXTS).where(TEXTS.c.key == text.key))
    value = orjson.dumps({"prompt": text.prompt, "passages": text.passages, "answer": text.answer[:_LONGEST]})
    row = {"key": text.key, "channel": text.channel, "at": text.at.timestamp(), "value": value.decode()}
    connection.execute(insert(TEXTS).values(**row))
    if people:
        rows = [{"key": text.key, "user": user, "channel": text.channel} for user in people]
        connection.execute(insert(PEOPLE), rows)


def _read(connection: Connection, key: str) -> KeptText | None:
    from datetime import UTC

    from sqlalchemy import select

    from framework.insight.turn_text_tables import TEXTS

    row = connection.execute(select(TEXTS).where(TEXTS.c.key == key)).mappings().first()
    if row is None:
        return None
    kept = orjson.loads(row["value"])
    prompt = tuple((str(role), str(text)) for role, text in kept["prompt"])
    at = datetime.fromtimestamp(row["at"], UTC)
    return KeptText(row["key"], row["channel"], at, prompt, tuple(kept["passages"]), kept["answer"])


def _prune(connection: Connection, before: datetime) -> int:
    from framework.insight.turn_text_tables import TEXTS

    return _delete(connection, TEXTS.c.at < before.timestamp())


def _forget(connection: Connection, user: str) -> int:
    from sqlalchemy import or_, select

    from framework.insight.history_tables import TURNS
    from framework.insight.turn_text_tables import PEOPLE, TEXTS

    noted = select(PEOPLE.c.channel).where(PEOPLE.c.user == user)
    wrote = select(TURNS.c.channel).where(TURNS.c.user == user)
    return _delete(connection, or_(TEXTS.c.channel.in_(noted), TEXTS.c.channel.in_(wrote)))


def _delete(connection: Connection, wanted: Any) -> int:  # noqa: ANN401 - a condition of SQLAlchemy's
    from sqlalchemy import delete, select

    from framework.insight.turn_text_tables import PEOPLE, TEXTS

    keys = connection.execute(select(TEXTS.c.key).where(wanted)).scalars().all()
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        connection.execute(delete(PEOPLE).where(PEOPLE.c.key.in_(some)))
        connection.execute(delete(TEXTS).where(TEXTS.c.key.in_(some)))
    return len(keys)
