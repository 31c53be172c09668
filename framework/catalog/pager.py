"""An answer of the service, cut down to what an agent needs, and where the rest is to be had.

Two things are left out: what an agent seldom needs (`Excerpt` with `brief`), and what does not fit. Both are named with
their size, and everything that the service said can be reached by references.
"""

from __future__ import annotations

import json
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from framework.approvals.sheet import hidden
from framework.catalog.values import Json
from framework.errors import FrameworkError

# Lists and objects inside an answer that an agent seldom needs: derived, repeated, or for the screens of clients.
NOISE = frozenset(
    {
        "own_capabilities",
        "latest_reactions",
        "own_reactions",
        "reaction_scores",
        "reaction_groups",
        "membership",
        "devices",
        "grants",
        "permissions",
    }
)
# False or 0 here says nothing.
QUIET = frozenset(
    {
        "mentioned_channel",
        "mentioned_here",
        "pinned",
        "reply_count",
        "deleted_reply_count",
        "banned",
        "shadow_banned",
        "is_moderator",
        "unread_count",
        "total_unread_count",
        "unread_channels",
        "unread_threads",
        "shadowed",
        "silent",
        "invisible",
        "online",
        "notifications_muted",
        "disabled",
        "auto_translation_enabled",
    }
)
# Users inside something else are told by these.
USER_KEYS = frozenset({"user", "created_by", "banned_by", "truncated_by", "pinned_by", "target", "target_user"})
USER_PARTS = frozenset({"id", "name", "role", "online", "banned", "deleted_at", "deactivated_at"})
LARGEST = 12_000
"""Characters of what is shown at once: some 3,000 tokens."""
LEAST = 300
"""Characters that every part may take, so that something of each is seen."""
SHARES = 12
"""Of a list or object that does not fit, so many parts share the room."""
SLACK = 1.1
ROOMS = (3.5, 2.2, 1.4, 1.0, 0.7)
"""How much more room than there is may be given out, since parts seldom need what they are given."""
MOST_SHELVED = 64
MOST_TOLD = 12
MOST_MEASURED = 200
WHOLE = "?all"

Redact = Callable[[str], str]


class NoMoreError(FrameworkError):
    """A reference to the rest of a result that is not kept here (any more)."""


class _Part(NamedTuple):
    """A field of an object, or an item of a list. `number` is its place in the whole, for references."""

    number: int
    key: Any
    item: Any


class Excerpt:
    """One look at a value. `name` is what references begin with; `brief` leaves out what an agent seldom needs."""

    def __init__(self, name: str, redact: Redact, *, brief: bool) -> None:
        self.left_out: list[str] = []
        self.unneeded: dict[str, None] = {}
        self._name = name
        self._redact = redact
        self._brief = brief

    def show(self, value: Json, place: str, room: int, start: int = 0) -> Json:
        """As much of a value as fits into `room` characters, from its part number `start` on."""
        if isinstance(value, str):
            return self._text(value, place, room, start)
        if not isinstance(value, (dict, list)):
            return value
        parts = self._parts(value, inside=place != "")
        share = _share([_size(part.item) for part in parts if part.number >= start][:SHARES], room)
        shown: list[tuple[Any, Any]] = []
        used = 0
        for part in parts:
            if part.number < start:
                continue
            if shown and (used > room * SLACK or len(self.left_out) >= MOST_TOLD):
                self._rest(place, part.number, parts)
                break
            short = self._item(part, f"{place}/{quote(str(part.key), safe='')}", share, inside=place != "")
            used += _size(short) + len(str(part.key)) + 4
            shown.append((part.key, short))
        return dict(shown) if isinstance(value, dict) else [item for _, item in shown]

    def _item(self, part: _Part, place: str, room: int, *, inside: bool) -> Json:
        key, item = part.key, part.item
        if self._brief and inside and key in USER_KEYS and isinstance(item, dict) and "id" in item:
            told = {name: item[name] for name in item if name in USER_PARTS and item[name]}
            if any(item[name] not in (None, "", [], {}) for name in item.keys() - told.keys()):
                self.unneeded[f"{key} (but for id, name, role)"] = None
            return told
        return self.show(item, place, room)

    def _parts(self, value: dict[str, Any] | list[Any], *, inside: bool) -> list[_Part]:
        """The parts of an object, scalars first, or of a list, numbered. Nothing is dropped at the top of an answer,
        and no scalar that says something.
        """
        if isinstance(value, list):
            return [_Part(number, number, item) for number, item in enumerate(value)]
        fields = sorted(_without_secrets(value).items(), key=lambda field: isinstance(field[1], (dict, list)))
        parts = [_Part(number, key, item) for number, (key, item) in enumerate(fields)]
        return [part for part in parts if self._is_shown(part, value, inside=inside)] if self._brief else parts

    def _is_shown(self, part: _Part, value: dict[str, Any], *, inside: bool) -> bool:
        item = part.item
        if part.key == "duration" and not inside:
            return False  # how long the service took
        if item is None or item == "" or (inside and item in ([], {})):
            return False
        if inside and self._is_unneeded(part.key, item, value):
            self.unneeded[part.key] = None
            return False
        return True

    def _is_unneeded(self, key: str, item: object, value: dict[str, Any]) -> bool:
        if isinstance(item, (dict, list)):
            return key in NOISE or (key == "config" and "commands" in item) or (key == "commands" and _describes(item))
        if key == "html":
            return isinstance(item, str) and isinstance(value.get("text"), str)
        return key in QUIET and not item

    def _text(self, value: str, place: str, room: int, start: int) -> str:
        value = self._redact(value)
        end = start + max(LEAST, room)
        if len(value) > end:
            self.left_out.append(f"{self._name}{place}?from={end} ({len(value) - end} more characters)")
            return f"{value[start:end]}…"
        return value[start:]

    def _rest(self, place: str, number: int, parts: list[_Part]) -> None:
        rest = [part for part in parts if part.number >= number]
        measured = rest[:MOST_MEASURED]
        size = f"{'over ' if len(rest) > MOST_MEASURED else ''}{sum(_size(part.item) for part in measured)}"
        kind = "items" if isinstance(rest[0].key, int) else "fields"
        self.left_out.append(f"{self._name}{place}?from={number} ({len(rest)} more {kind}, {size} characters)")


class ResultPager:
    """Keeps the last answers whole, so that the rest of one can be read without calling the service again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, Any]] = OrderedDict()

    def present(self, holder: str, value: Json, redact: Redact, room: int = LARGEST) -> dict[str, Any]:
        """The short form as `result`, in `room` characters, with `left_out`: what to pass as `more` to get the rest, if
        there is any.
        """
        name = f"r{secrets.token_hex(4)}"
        redact = _remembering(redact)
        excerpt, result = _fitting(value, "", 0, lambda: Excerpt(name, redact, brief=True), room)
        shown: dict[str, Any] = {"result": result}
        left_out = excerpt.left_out
        if excerpt.unneeded:
            named = ", ".join(list(excerpt.unneeded)[:MOST_TOLD])
            left_out.append(f"{name}{WHOLE} ({_size(value)} characters, with {named})")
        if left_out:
            self._put(name, holder, value)
            # Beside other answers, one line says enough.
            shown["left_out"] = left_out if room == LARGEST else [f"{name}{WHOLE} ({_size(value)} characters in all)"]
        return shown

    def more(self, holder: str, reference: str, redact: Redact = str) -> dict[str, Any]:
        """The part of an earlier answer that a reference from `left_out` names. Raises NoMoreError."""
        asked = reference.strip().partition(" ")[0]
        path, _, option = asked.partition("?")
        name, slash, place = path.partition("/")
        kept = self._kept.get(name)
        if kept is None or kept[0] != holder:
            raise NoMoreError(f"There is no rest under {asked!r}.", hint="Execute the operation again.")
        start = option.removeprefix("from=")
        number = int(start) if start.isascii() and start.isdigit() else 0
        value = _at(kept[1], place, asked) if slash else kept[1]
        place = f"/{place}" if slash else ""
        redact = _remembering(redact)
        excerpt, result = _fitting(value, place, number, lambda: Excerpt(name, redact, brief=False))
        shown: dict[str, Any] = {"result": result}
        if excerpt.left_out:
            shown["left_out"] = excerpt.left_out
        return shown

    def _put(self, name: str, holder: str, value: Json) -> None:
        self._kept[name] = (holder, value)
        while len(self._kept) > MOST_SHELVED:
            self._kept.popitem(last=False)


def _remembering(redact: Redact) -> Redact:
    """The same, but that a long text is read once although it is looked at several times."""
    known: dict[int, str] = {}

    def look(text: str) -> str:
        if len(text) < LARGEST:
            return redact(text)
        return known.get(id(text)) or known.setdefault(id(text), redact(text))

    return look


def _fitting(
    value: Json, place: str, start: int, look: Callable[[], Excerpt], room: int = LARGEST
) -> tuple[Excerpt, Json]:
    """The fullest look that fits into `room` characters, and what it shows."""
    for share in ROOMS:
        excerpt = look()
        shown = excerpt.show(value, place, int(room * share), start)
        if _size(shown) <= room:
            break
    return excerpt, shown


def _without_secrets(value: dict[str, Any]) -> dict[str, Any]:
    return {key: _known(key, item) if isinstance(item, str) else item for key, item in value.items()}


def _known(key: str, item: str) -> object:
    found = hidden({key: item})
    return found[key] if isinstance(found, dict) else item


def _describes(commands: object) -> bool:
    """Whether commands come with their descriptions, as in each channel type."""
    return isinstance(commands, list) and any(isinstance(command, dict) for command in commands)


def _share(sizes: list[int], room: int) -> int:
    """How much room each part may take, so that small ones are whole and large ones share what remains."""
    share = room
    for number, size in enumerate(sorted(sizes)):
        share = room // (len(sizes) - number)
        if size > share:
            break
        room -= size
    else:
        share = max([*sizes, share])
    return max(LEAST, share)


def _size(value: Json) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str))


def _at(value: Json, place: str, reference: str) -> Json:
    for part in place.split("/"):
        key = unquote(part)
        if isinstance(value, dict) and key in value:
            value = _without_secrets(value)[key]
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise NoMoreError(f"There is no rest under {reference!r}.", hint="Pass one of `left_out`, as it stands.")
    return value
