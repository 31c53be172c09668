"""Lists: each item with its marker, and what stands inside an item: code, a table, a list of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from framework.agent.knowledge.articles.tree.chunk import TextBlock, Unit
from framework.agent.knowledge.articles.tree.inline import Node, alternative, joined, pieces, tag, tidy
from framework.agent.knowledge.articles.tree.split import LONGEST, cut, wrapped
from framework.agent.knowledge.articles.tree.table import table_units

if TYPE_CHECKING:
    from framework.agent.knowledge.articles.tree.outline import Outline
    from framework.agent.knowledge.articles.tree.walk import Walk

_LISTS = ("ul", "ol", "menu", "dir")
_SECTIONS = ("details", "h1", "h2", "h3", "h4", "h5", "h6")
_CHARACTERS = 2 * LONGEST
_DEEPEST = 40


class Listing:
    """Reads one list with the lists in it."""

    def __init__(self, outline: Outline, walk: Walk) -> None:
        self._outline, self._walk = outline, walk
        self._lead = outline.lead
        self._entries: list[tuple[Unit, str]] = []

    def read(self, node: Node) -> None:
        """Add the list to the outline."""
        self._list(node, 0)
        self._flush()

    def _list(self, node: Node, depth: int) -> None:
        count = _number(node.get("start"), 1)
        for child in node:
            name = tag(child)
            if name in _LISTS:
                self._list(child, depth + 1)
            elif name == "li" and depth < _DEEPEST and next(child.iterdescendants(*_SECTIONS), None) is not None:
                self._flush()
                self._walk.read(child)
                count += 1
            elif name == "li":
                count = _number(child.get("value"), count)
                self._item(child, f"{count}." if tag(node) == "ol" else "-", depth)
                count += 1
            elif name and (text := joined(pieces(child), lines=False)):
                self._entries.append((Unit(text, "item"), f"{'  ' * depth}- {text}"))

    def _item(self, node: Node, marker: str, depth: int) -> None:
        text, inner = "", list[Node]()
        for part in _parts(node):
            if isinstance(part, str):
                text = f"{text} {part}".strip() if not text.endswith("\n") else text + part
            elif tag(part) == "pre":
                code = "".join(pieces(part)).replace("\x1e", "\n").strip("\r\n")
                text = f"{text}\n{code}\n" if text else f"{code}\n"
            else:
                inner.append(part)
        text = _without_box(text.strip())
        if text:
            for number, piece in enumerate(_short(text)):
                self._entry(piece, marker if not number else " ", depth)
        for part in inner:
            if tag(part) == "table":
                for unit in table_units(part):
                    self._entries.append((unit, f"{'  ' * (depth + 1)}- {unit.text}"))
            else:
                self._list(part, min(depth + 1, _DEEPEST))

    def _entry(self, text: str, marker: str, depth: int) -> None:
        indent = "  " * depth
        lines = text.split("\n")
        shown = [f"{indent}{marker} {lines[0]}", *(f"{indent}   {line}" for line in lines[1:])]
        self._entries.append((Unit(text, "item"), "\n".join(shown)))

    def _flush(self) -> None:
        for part in _portions(self._entries):
            units = tuple(unit for unit, _ in part)
            self._outline.add(TextBlock("list", units, "\n".join(line for _, line in part), self._lead))
        self._entries = []


def _portions(entries: Sequence[tuple[Unit, str]]) -> Iterator[list[tuple[Unit, str]]]:
    """A list in portions that fit into a chunk."""
    portion: list[tuple[Unit, str]] = []
    size = 0
    for entry in entries:
        if portion and size + len(entry[1]) > _CHARACTERS:
            yield portion
            portion, size = [], 0
        portion.append(entry)
        size += len(entry[1]) + 1
    if portion:
        yield portion


def _parts(node: Node) -> Iterator[str | Node]:
    """An item's own text, and the lists, tables and code in it, in order."""
    loose: list[str] = [node.text or ""]
    for child in node:
        name = tag(child)
        if name in {*_LISTS, "table", "pre"}:
            yield from _said(loose)
            loose = []
            yield child
        elif name == "br":
            loose.append(" ")
        elif name == "img":
            loose.append(alternative(child))
        elif name and any(tag(below) in {*_LISTS, "table", "pre"} for below in child.iterdescendants()):
            yield from _said(loose)
            loose = []
            yield from _parts(child)
        elif name:
            loose += ["\x1f", *pieces(child), "\x1f"] if name in {"p", "div", "blockquote"} else pieces(child)
        loose.append(child.tail or "")
    yield from _said(loose)


def _said(loose: Sequence[str]) -> Iterator[str]:
    if text := joined(loose, lines=False):
        yield text


def _short(text: str) -> list[str]:
    if len(text) <= LONGEST:
        return [text]
    return list(cut(text) if "\n" in text else wrapped(text))


def _without_box(text: str) -> str:
    """Without the box of a task, `[ ]` or `[x]`."""
    if text[:3].lower() in {"[ ]", "[x]"}:
        return tidy(text[3:]) if "\n" not in text else text[3:].strip()
    return text


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.lstrip("-").isdecimal() and len(text) < 9 else default
