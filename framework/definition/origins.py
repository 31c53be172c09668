"""Find where each value of a bot comes from: the default, a line of bot.yaml, or an override for the channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.definition.overrides import matching, merged
from framework.definition.parts.part import Part

if TYPE_CHECKING:
    from framework.definition.model import Bot
    from framework.definition.reading.positions import Key
    from framework.errors import Position


@dataclass(frozen=True)
class ValueOrigin:
    """One value of the effective definition. `where` is None for a default; `pattern` names the override, if any."""

    path: Key
    value: object
    where: Position | None = None
    pattern: str | None = None

    @property
    def name(self) -> str:
        """Return the path with dots."""
        return ".".join(str(part) for part in self.path)

    @property
    def source(self) -> str:
        """Return `default`, `bots/x/bot.yaml:12:3`, or that after the override's pattern."""
        if self.where is None:
            return "default"
        return f"override {self.pattern} {self.where}" if self.pattern else str(self.where)


def origins(bot: Bot, cid: str) -> tuple[ValueOrigin, ...]:
    """Return each value that holds in a channel (TYPE:ID), in the order of the model. A list is one value."""
    definition = bot.definition
    patterns = matching(definition, cid)
    blocks: list[tuple[str | None, Part]] = [(p, definition.overrides[p]) for p in reversed(patterns)]
    blocks.append((None, definition))
    return tuple(_origin(bot, path, value, blocks) for path, value in _leaves(merged(definition, patterns), ()))


def _origin(bot: Bot, path: Key, value: object, blocks: list[tuple[str | None, Part]]) -> ValueOrigin:
    for pattern, block in blocks:
        if _says(block, path, value):
            full = path if pattern is None else ("overrides", pattern, *path)
            return ValueOrigin(path, value, bot.document.position(full) if bot.document else None, pattern)
    return ValueOrigin(path, value)


def _leaves(value: object, path: Key) -> Iterator[tuple[Key, object]]:
    if isinstance(value, Part):
        for name in type(value).model_fields:  # and not what is kept beside them, such as merged definitions
            if path or name != "overrides":
                yield from _leaves(getattr(value, name), (*path, name))
    elif isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    else:
        yield path, value


def _says(block: object, path: Key, value: object) -> bool:
    """Return whether a block sets the value at a path itself."""
    for part in path:
        if isinstance(block, Part):
            if part not in block.model_fields_set:
                return False
            block = getattr(block, str(part))
        elif isinstance(block, dict):
            if part not in block:
                return False
            block = block[part]
        else:
            return False
    return block == value
