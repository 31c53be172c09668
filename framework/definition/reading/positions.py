"""Read YAML as plain values, with the position of each in its file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from framework.errors import DefinitionError, Position

if TYPE_CHECKING:
    from pathlib import Path

Key = tuple[str | int, ...]
_MERGE = "<<"
_HINTS = (
    (
        "while parsing a block collection",
        "Lines beside one another begin at the same column, all of them with a dash or all of them with a key.",
    ),
    ("but got '?'", "Inside [ ] or { } a text with a ? in it needs quotes."),
    (
        "mapping values are not allowed",
        "Put a text with a colon into quotes, indent the line as those beside it, or end the key above with a colon.",
    ),
    ("unknown escape character", "A backslash is read inside \"...\"; put regular expressions into '...'."),
    ("'\\t'", "Indent with spaces; YAML takes no tabs."),
    ("while scanning an alias", 'A text that begins with * needs quotes, as in "*".'),
    ("undefined alias", 'A text that begins with * needs quotes, as in "*.example"; without, it repeats what & names.'),
    ("cannot start any token", "A text that begins with @, %, ` or a tab needs quotes."),
    ("could not find expected ':'", "A key needs a colon and a space behind it, as in `name: Ada`."),
    ("expected ',' or ']'", "A list in [ ] needs commas between its entries, and a ] at its end."),
    ("expected ',' or '}'", "A mapping in { } needs commas between its entries, and a } at its end."),
    ("found unexpected end of stream", "A quote is opened and never closed."),
    ("expected <block end>", "This line is indented differently from those beside it."),
    ("a second document", "Keep one document in the file: remove the line `---`."),
)

MOST_BYTES = 256 * 1024
"""Bytes of one file that a person writes."""
DEEPEST = 100
MOST_VALUES = 20_000


class _Loader(yaml.SafeLoader):
    """Loads plain words as YAML 1.2 does: `no`, `on`, `9:30` and `2026-12-25` are texts.

    Raises MarkedYAMLError for what is nested deeper than `DEEPEST`.
    """

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node, and what is in it."""
        self.depth += 1
        if self.depth > DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # of the library
            raise yaml.composer.ComposerError(None, None, f"it is nested more than {DEEPEST} levels deep", mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in {"null", "float", "merge"}]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"\A[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"\A[-+]?[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?$"), list("-+0123456789")
)


@dataclass(frozen=True)
class YamlDocument:
    """A YAML file as plain values. `places` maps the path of a value, or of a key, to its position."""

    file: Path
    value: Any
    places: dict[Key, Position]

    def position(self, key: Key) -> Position:
        """Return the position of the value at a path, or of its nearest existing parent."""
        return self.places.get(self.locate(key), Position(self.file, 1))

    def locate(self, key: Key) -> Key:
        """Return the path of a value, or of its nearest parent, as the file has it.

        The file may be shorter than the model's path: `model: auto` for `model.name`, `- schedule: {cron: ...}` for
        `triggers.0.cron`.
        """
        found: Key = ()
        value = self.value
        for index, part in enumerate(key):
            step = _step(value, part)
            if step is None and _is_short(value, key, index):
                (only,) = value
                found, value = (*found, only), value[only]
                step = _step(value, part)
            if step is not None:
                found, value = (*found, step), value[step]
        return found if found in self.places else ()


def _step(value: object, part: str | int) -> str | int | None:
    """Return the path with this part, or None if there is nothing at it."""
    if isinstance(value, dict):
        return str(part) if str(part) in value else None
    return part if isinstance(value, list) and isinstance(part, int) and part < len(value) else None


def _is_short(value: object, key: Key, index: int) -> bool:
    """Return whether this is an entry of a list, or stands for one, and has a single key that names its kind."""
    entry = isinstance(key[index], int) or (index > 0 and isinstance(key[index - 1], int))
    return entry and isinstance(value, dict) and len(value) == 1


def read_yaml(file: Path) -> YamlDocument:
    """Read a YAML file. Raises DefinitionError, with the position, for broken YAML and for a key that stands twice."""
    text = read_text(file)
    places: dict[Key, Position] = {}
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            value = None if node is None else _Builder(loader, file, places).build(node, ())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise _broken(file, text, error) from None
    except yaml.reader.ReaderError as error:
        raise DefinitionError(
            f"is not valid YAML: it holds the sign {error.character:#06x}, which is not text",
            where=_place_in(file, text[: error.position]),
            hint="Remove that sign; some editors show it as a box or not at all.",
        ) from None
    return YamlDocument(file, value, places)


def read_text(file: Path) -> str:
    """Read a file's text. Raises DefinitionError for more than `MOST_BYTES` and, with the line, if it is not UTF-8."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise DefinitionError(
                f"has more than {MOST_BYTES:,} bytes",
                where=Position(file, 1),
                hint="Is it the right file? What a bot knows belongs into articles.",
            )
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise DefinitionError(
            "is not text in UTF-8",
            where=_place_in(file, error.object[: error.start].decode("utf-8")),
            hint="Save it as UTF-8 in your editor.",
        ) from None
    except OSError as error:
        raise DefinitionError(
            f"cannot be read: {error.strerror or error}", where=Position(file), hint="Is it a file that you may read?"
        ) from None


def _place_in(file: Path, before: str) -> Position:
    return Position(file, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _broken(file: Path, text: str, error: yaml.MarkedYAMLError) -> DefinitionError:
    mark = error.problem_mark or error.context_mark
    opened = error.context_mark
    if mark and opened and "could not find expected ':'" in (error.problem or ""):
        mark = opened  # The parser notices a missing colon one or more lines later.
    if mark and opened and opened.line < mark.line and "flow" in (error.context or ""):
        return DefinitionError(
            "is not valid YAML: a bracket is not closed",
            where=Position(file, opened.line + 1, opened.column + 1),
            hint="Close it with ] or }, and put a comma between its entries.",
        )
    where = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)
    if mark and (odd := _odd_blank(text, mark.line)):
        return DefinitionError(
            "is not valid YAML: the line begins with a no-break space or a similar sign",
            where=Position(file, *odd),
            hint="Remove it and type the blanks anew; it came by copying from a page or a chat.",
        )
    if mark and "mapping values are not allowed" in (error.problem or "") and (deeper := _deeper(text, mark.line)):
        return DefinitionError(f"is not valid YAML: {deeper}", where=where, hint="Begin both at the same column.")
    what = " ".join(part for part in (error.problem, error.context) if part)
    if "another document" in what:
        what = "a second document begins here"
    hints = (hint for sign, hint in _HINTS if sign in what)
    hint = next(hints, "Look at the indentation, colons and quotes on this line and the one above.")
    return DefinitionError(f"is not valid YAML: {what}", where=where, hint=hint)


def _odd_blank(text: str, line: int) -> tuple[int, int] | None:
    """Return line and column of a character before an entry, up to here, that only looks like a space."""
    for number, row in enumerate(text.splitlines()[: line + 1], 1):
        if match := re.match(r" *([^\S \t\r\f\v])", row):
            return number, match.start(1) + 1
    return None


def _deeper(text: str, line: int) -> str:
    """Return the problem of a line that is indented more than an entry above it that has a value already."""
    rows = text.splitlines()
    above = next((row for row in reversed(rows[:line]) if row.strip() and not row.lstrip().startswith("#")), "")
    depths = [len(row) - len(row.lstrip(" ")) for row in (above, rows[line])]
    if not re.search(r":\s+[^\s#]", above) or depths[1] <= depths[0] or above.lstrip().startswith("- "):
        return ""
    return f"this line is indented by {depths[1]} blanks, the one above by {depths[0]}"


class _Builder:
    """Turns nodes into plain values and records their positions. An entry of a mapping has the position of its key."""

    def __init__(self, loader: yaml.SafeLoader, file: Path, places: dict[Key, Position]) -> None:
        self._loader = loader
        self._file = file
        self._places = places
        self._open: list[yaml.Node] = []
        self._built = 0

    def build(self, node: yaml.Node, key: Key) -> object:
        self._places.setdefault(key, self._place(node))
        self._built += 1
        if self._built > MOST_VALUES:
            raise DefinitionError(
                f"holds more than {MOST_VALUES:,} values",
                where=self._place(node),
                hint="Aliases (*name) count as often as they stand there. Take some of them out.",
            )
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if node in self._open:
            raise DefinitionError("holds itself", where=self._place(node), hint="Remove the alias (*) inside it.")
        self._open.append(node)
        value: object
        if isinstance(node, yaml.MappingNode):
            value = self._mapping(node, key)
        else:
            value = [self.build(item, (*key, index)) for index, item in enumerate(node.value)]
        self._open.pop()
        return value

    def _scalar(self, node: yaml.ScalarNode) -> object:
        try:
            return self._loader.construct_object(node)
        except ValueError:  # Python reads no number of more than 4,300 digits
            raise DefinitionError(
                f"a number of {len(node.value):,} characters cannot be read",
                where=self._place(node),
                hint="Write fewer digits, or quotes around it if it is a text.",
            ) from None

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, object]:
        result: dict[str, object] = {}
        merged: dict[str, object] = {}
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise DefinitionError(
                    "a key must be a plain word", where=place, hint="Put quotes around a text that begins with { or [."
                )
            name = key_node.value
            if name in result:
                first = self._places[(*key, name)].line
                raise DefinitionError(
                    f"the key {name!r} stands here a second time",
                    where=place,
                    hint=f"It stands on line {first} already. Keep one of them.",
                )
            if name == _MERGE and key_node.style is None:
                merged |= self._merged(value_node, key)
                continue
            self._places[(*key, name)] = place
            result[name] = self.build(value_node, (*key, name))
        return {**merged, **result}

    def _merged(self, node: yaml.Node, key: Key) -> dict[str, object]:
        """Return the values of `<<: *other`, with the positions of the other mapping."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        result: dict[str, object] = {}
        for other in reversed(nodes):
            value = self.build(other, key)
            if not isinstance(value, dict):
                raise DefinitionError("<< takes a mapping", where=self._place(other), hint="Name one, as in <<: *base.")
            result |= value
        return result

    def _place(self, node: yaml.Node) -> Position:
        return Position(self._file, node.start_mark.line + 1, node.start_mark.column + 1)
