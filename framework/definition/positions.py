"""YAML with positions: plain values, and where each of them stands in its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from framework.errors import DefinitionError, Position

if TYPE_CHECKING:
    from pathlib import Path

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values. `places` maps the path of a value, or of a key, to its position."""

    file: Path
    value: Any
    places: dict[Key, Position]

    def position(self, key: Key) -> Position:
        """Where the value at a path stands; its nearest existing parent's place where it does not exist."""
        while key and key not in self.places:
            key = key[:-1]
        return self.places.get(key, Position(self.file, 1))


def read_yaml(file: Path) -> Document:
    """Read one YAML file. Raises DefinitionError with the position for broken YAML and for a key given twice."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"cannot be read: {error}", where=Position(file)) from None
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        places: dict[Key, Position] = {}
        value = None if node is None else _build(loader, node, (), places, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)
        what = " ".join(part for part in (error.problem, error.context) if part)
        raise DefinitionError(
            f"is not valid YAML: {what}", where=where, hint="Look at the indentation, colons and quotes on this line."
        ) from None
    except yaml.YAMLError as error:
        raise DefinitionError(f"is not valid YAML: {error}", where=Position(file)) from None
    finally:
        loader.dispose()
    return Document(file, value, places)


def _build(loader: yaml.SafeLoader, node: yaml.Node, key: Key, places: dict[Key, Position], file: Path) -> object:
    """Turn a node into plain values, noting places. A mapping's entry is noted at its key, where people look."""
    places.setdefault(key, Position(file, node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            name = loader.construct_object(key_node, deep=True)
            place = Position(file, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(name, (str, int, float, bool)):
                raise DefinitionError("a key must be a plain word", where=place)
            if name in result:
                raise DefinitionError(
                    f"the key {name!r} stands here a second time", where=place, hint="Keep one of them."
                )
            places[(*key, str(name))] = place
            result[str(name)] = _build(loader, value_node, (*key, str(name)), places, file)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, item, (*key, index), places, file) for index, item in enumerate(node.value)]
    return loader.construct_object(node, deep=True)
