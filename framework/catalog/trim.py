"""An answer of the service, cut down to what an agent needs, and where the rest is to be had."""

from __future__ import annotations

import json
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from framework.catalog.audit import hidden
from framework.catalog.values import Json
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from collections.abc import Callable

# What an agent seldom needs: derived, repeated, or for the screens of clients.
NOISE = frozenset(
    {
        "duration",
        "own_capabilities",
        "html",
        "latest_reactions",
        "own_reactions",
        "reaction_scores",
        "reaction_groups",
        "membership",
        "shadowed",
        "silent",
        "invisible",
        "online",
        "notifications_muted",
        "disabled",
        "auto_translation_enabled",
        "auto_translation_language",
        "devices",
        "cid_hash",
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
    }
)
# Users inside something else are told by these.
USER_KEYS = frozenset({"user", "created_by", "banned_by", "truncated_by", "pinned_by", "target", "target_user"})
USER_PARTS = ("id", "name", "role")
# Characters of the whole answer: some 3,000 tokens. Then: how many items of a list, how many characters of a text.
LARGEST = 12_000
STEPS = ((25, 1_500), (12, 600), (6, 300), (3, 150), (1, 60))
MOST_SHELVED = 64
MOST_TOLD = 12
PAGE = 25


class NoMoreError(FrameworkError):
    """A reference to the rest of a result that is not kept here (any more)."""


@dataclass(frozen=True, slots=True)
class Trimmed:
    """The short form, and the places (JSON pointers) of what was left out."""

    value: Json
    left_out: tuple[str, ...]


def trim(value: Json, *, keep_noise: bool = False) -> Trimmed:
    """Leave out what is empty or noise, shorten users, and cut lists and texts until the whole is small enough."""
    for items, characters in STEPS:
        cut = _Cut(items, characters, keep_noise=keep_noise)
        short = cut.walk(value, "")
        if len(json.dumps(short, ensure_ascii=False, default=str)) <= LARGEST:
            break
    else:
        short = {"keys": sorted(value)} if isinstance(value, dict) else f"{len(value)} items"
        cut.left_out = [""]
    return Trimmed(short, tuple(cut.left_out))


class _Cut:
    def __init__(self, items: int, characters: int, *, keep_noise: bool) -> None:
        self.left_out: list[str] = []
        self._items = items
        self._characters = characters
        self._keep_noise = keep_noise

    def walk(self, value: Json, place: str) -> Json:
        if isinstance(value, dict):
            return self._object(value, place)
        if isinstance(value, list):
            return self._list(value, place)
        if isinstance(value, str) and len(value) > self._characters:
            self.left_out.append(place)
            return f"{value[: self._characters]}… (+{len(value) - self._characters} characters)"
        return value

    def _object(self, value: dict[str, Any], place: str) -> dict[str, Any]:
        short: dict[str, Any] = {}
        for key, item in value.items():
            where = f"{place}/{key.replace('~', '~0').replace('/', '~1')}"
            if item is None or item == "" or (item in ([], {}) and place):
                continue
            if not self._keep_noise and self._is_noise(key, item):
                if isinstance(item, (dict, list)) and item:
                    self.left_out.append(where)
                continue
            if key in USER_KEYS and place and isinstance(item, dict) and "id" in item:
                short[key] = {part: item[part] for part in USER_PARTS if item.get(part)}
            else:
                short[key] = self.walk(item, where)
        return short

    def _is_noise(self, key: str, item: object) -> bool:
        return (
            key in NOISE
            or (key in QUIET and not item)
            or (key == "config" and isinstance(item, dict) and "commands" in item)
        )

    def _list(self, value: list[Any], place: str) -> list[Any]:
        short = [self.walk(item, f"{place}/{index}") for index, item in enumerate(value[: self._items])]
        if len(value) > self._items:
            self.left_out.append(f"{place}?from={self._items}")
        return short


class Shelf:
    """Keeps the last answers whole, so that the rest of one can be read without calling the service again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, Any]] = OrderedDict()

    def present(self, holder: str, value: Json, redact: Callable[[str], str]) -> dict[str, Any]:
        """The short form as `result`, with `left_out`: what to pass as `more` to get the rest, if there is any."""
        clean = _scrubbed(hidden(value), redact)
        trimmed = trim(clean)
        shown: dict[str, Any] = {"result": trimmed.value}
        if trimmed.left_out:
            name = self._put(holder, clean)
            places = trimmed.left_out[:MOST_TOLD]
            shown["left_out"] = [name + place for place in places]
            if len(trimmed.left_out) > MOST_TOLD:
                shown["left_out"].append(f"{name} ({len(trimmed.left_out) - MOST_TOLD} more places)")
        return shown

    def more(self, holder: str, reference: str) -> dict[str, Any]:
        """The part of an earlier answer that a reference from `left_out` names. Raises NoMoreError."""
        name, _, place = reference.partition("/")
        place, _, start = place.partition("?from=")
        kept = self._kept.get(name.partition("?")[0].strip())
        if kept is None or kept[0] != holder:
            raise NoMoreError(f"There is no rest under {reference!r}.", hint="Execute the operation again.")
        value = _at(kept[1], place, reference)
        offset = int(start or name.partition("?from=")[2] or 0) if isinstance(value, list) else 0
        if isinstance(value, list):
            page = value[offset : offset + PAGE]
            rest = (
                {"left_out": [f"{reference.partition('?')[0]}?from={offset + PAGE}"]}
                if offset + PAGE < len(value)
                else {}
            )
            return {"result": trim(page, keep_noise=True).value, **rest}
        if isinstance(value, str):
            return {"result": value}
        trimmed = trim(value, keep_noise=True)
        base = reference.rstrip("/")
        rest = {"left_out": [base + inner for inner in trimmed.left_out[:MOST_TOLD]]} if trimmed.left_out else {}
        return {"result": trimmed.value, **rest}

    def _put(self, holder: str, value: Json) -> str:
        name = f"r{secrets.token_hex(4)}"
        self._kept[name] = (holder, value)
        while len(self._kept) > MOST_SHELVED:
            self._kept.popitem(last=False)
        return name


def _scrubbed(value: Json, redact: Callable[[str], str]) -> Json:
    if isinstance(value, dict):
        return {key: _scrubbed(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [_scrubbed(item, redact) for item in value]
    return redact(value) if isinstance(value, str) else value


def _at(value: Json, place: str, reference: str) -> Json:
    for part in place.split("/") if place else ():
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise NoMoreError(f"There is no rest under {reference!r}.", hint="Pass one of `left_out`, as it stands.")
    return value
