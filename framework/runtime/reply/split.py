"""Long texts in parts: cut where Markdown allows it, so that every part reads well alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_NEW_BLOCK = 4
_INFO = 40
"""Characters of a code block's info string that are repeated where the block is cut."""
_QUOTE = re.compile(r"(?: {0,3}> ?)*")
_MARKER = re.compile(r" *(?:[-*+]|\d{1,9}[.)]) {1,4}")
_WHOLE = re.compile(r"!?\[[^\[\]\n]{0,300}\]\([^()\s]{0,2000}\)|<?https?://[^\s<>]{1,2000}>?|`[^`\n]{1,300}`")
_BOUNDARIES = (
    re.compile(r"(?<=[.!?。！？؟])\s+"),  # between sentences
    re.compile(r"\s+"),  # between words
)


def split(text: str, limit: int) -> tuple[str, ...]:
    """Parts of at most `limit` characters that hold the whole text and render by themselves.

    A code block that is cut is closed and opened again, in lists and quotes, too. A table that is cut repeats its
    header. Links and inline code stay whole. Blank space at the cuts is dropped. `limit` is at least 100 characters.
    """
    parts: list[str] = []
    rest: str | None = text
    while rest is not None and len(rest) > limit:
        rest = _Cutter(rest, limit).cut(parts)
    return (*parts, rest) if rest is not None and (rest or not parts) else tuple(parts)


@dataclass(frozen=True)
class _Block:
    """Lines [start, end) that are more than lines: code or a table. What is cut off goes on behind `opening`."""

    start: int
    end: int
    first_cut: int
    last_cut: int
    opening: tuple[str, ...]
    closing: str = ""


@dataclass(frozen=True)
class _Item:
    """Lines [start, end) of a list's item; its content stands `indent` columns to the right."""

    start: int
    end: int
    indent: int


class _Cutter:
    """Goes through the lines once, and begins a new part where the next line would be too much."""

    def __init__(self, text: str, limit: int) -> None:
        self._lines = text.split("\n")
        self._blocks: dict[int, _Block] = {}
        self._items: dict[int, list[_Item]] = {}
        self._starts: set[int] = set()
        blocks = self._read(text, limit)
        self._room = limit - max((len(block.closing) + 1 for block in blocks), default=0)

    def cut(self, parts: list[str]) -> str | None:
        """Add the parts in order. Return a rest that has to be read anew, since it begins inside a list's item."""
        start, head = 0, tuple[str, ...]()
        while start < len(self._lines):
            end, rest = self._end(start, head)
            block = self._blocks.get(end)
            if rest is not None and block is not None and not block.closing:
                block = None  # a row that is too long is text
            lines = [*head, *self._lines[start:end], *([rest[0]] if rest else [])]
            part = "\n".join([*lines, block.closing] if block and block.closing else lines)
            if part.strip():
                parts.append(part.strip("\n").rstrip())
            if rest is not None:
                self._lines[end] = rest[1]
            head = tuple(self._dedented(line, end, end) for line in block.opening) if block else ()
            start = end
            if end in self._items:
                self._dedent(end)
                return "\n".join([*head, *self._lines[start:]])
            while not block and start < len(self._lines) and not self._lines[start].strip():
                start += 1
        return None

    def _read(self, text: str, limit: int) -> list[_Block]:
        """Find what must not be cut anyhow, the items of lists, and the lines that begin something."""
        from markdown_it import MarkdownIt

        blocks: list[_Block] = []
        for token in MarkdownIt("commonmark").enable("table").parse(text):
            if token.map is None or token.nesting < 0:
                continue
            start, end = token.map
            self._starts.add(start)
            if token.type == "fence":
                blocks.append(_code(self._lines, start, end, token.markup, token.info))
                if len(self._lines[start]) > limit // 2:
                    self._lines[start] = blocks[-1].opening[0]
            elif token.type == "table_open" and end - start > 2:
                blocks.append(_Block(start, end, start + 3, end - 1, tuple(self._lines[start : start + 2])))
            elif token.type == "list_item_open" and (item := _item(self._lines[start], start, end)) is not None:
                for place in range(start + 1, end):
                    self._items.setdefault(place, []).append(item)
        # What is repeated must leave room for what it is repeated for.
        blocks = [block for block in blocks if sum(map(len, block.opening)) + len(block.closing) < limit // 3]
        for block in blocks:
            self._blocks.update(dict.fromkeys(range(block.start + 1, block.end), block))
        return blocks

    def _end(self, start: int, head: Sequence[str]) -> tuple[int, tuple[str, str] | None]:
        """Where the part that begins here ends: before a line, or inside it, as the two pieces of that line."""
        size = sum(len(line) + 1 for line in head)
        end = start
        while end < len(self._lines) and size + len(self._lines[end]) <= self._room:
            size += len(self._lines[end]) + 1
            end += 1
        if end == len(self._lines):
            return end, None
        best = self._best(start, end, size)
        if best > start:
            return best, None
        block = self._blocks.get(end)
        code = block is not None and bool(block.closing)
        return end, _cut_line(self._lines[end], max(self._room - size, 1), code=code)

    def _best(self, start: int, end: int, size: int) -> int:
        """The best line to end before, such that a third of the room is used; `start` if there is no such line."""
        best, found, kept = start, -1, size
        for place in range(end, start, -1):
            if kept < self._room // 3:
                break
            quality = self._quality(place)
            if quality > found:
                best, found = place, quality
            if found == _NEW_BLOCK:
                break
            kept -= len(self._lines[place - 1]) + 1
        return best

    def _quality(self, place: int) -> int:
        """Rate how good it is to begin a part with this line: from -1, not at all, to _NEW_BLOCK."""
        block = self._blocks.get(place)
        if block is not None:
            if not block.first_cut <= place <= block.last_cut:
                return -1
            return 0 if block.closing else 1
        if not self._lines[place - 1].strip() and place not in self._items:
            return _NEW_BLOCK
        return 3 if place in self._starts else 2

    def _dedent(self, place: int) -> None:
        """What goes on of a list's item stands at the margin of the next part: deeper, it would be code."""
        for line in range(place, max((item.end for item in self._items.get(place, ())), default=place)):
            self._lines[line] = self._dedented(self._lines[line], place, line)

    def _dedented(self, text: str, place: int, line: int) -> str:
        indent = max((item.indent for item in self._items.get(place, ()) if line < item.end), default=0)
        quote = _QUOTE.match(text)
        mark = quote.end() if quote and ">" in quote.group() else 0
        rest = text[mark:]
        return text[:mark] + rest[min(indent, len(rest) - len(rest.lstrip(" "))) :]


def _item(line: str, start: int, end: int) -> _Item | None:
    quote = _QUOTE.match(line)
    mark = quote.end() if quote and ">" in quote.group() else 0
    marker = _MARKER.match(line, mark)
    return _Item(start, end, marker.end() - mark) if marker else None


def _code(lines: Sequence[str], start: int, end: int, mark: str, info: str) -> _Block:
    """A block of code: its marks are repeated, and as much of its info string as tells the language."""
    before = lines[start][: lines[start].find(mark)]
    margin = "".join(sign if sign in "> " else " " for sign in before)
    words = info.split(maxsplit=1)
    language = words[0] if words and len(words[0]) <= _INFO else ""
    closed = end - start > 1 and lines[end - 1].strip("> ").strip(mark[0]) == "" and lines[end - 1].strip("> ") != ""
    last = end - 2 if closed else end - 1
    return _Block(start, end, start + 2, last, (f"{margin}{mark}{language}",), f"{margin}{mark}")


def _cut_line(line: str, room: int, *, code: bool) -> tuple[str, str]:
    """A line that is too long for a part, in two: between sentences, between words, or anywhere."""
    room = min(room, len(line) - 1)
    if not code:
        whole = [(match.start(), match.end()) for match in _WHOLE.finditer(line)]
        for boundary in _BOUNDARIES:
            cuts = [
                match
                for match in boundary.finditer(line, 0, room)
                if match.start() > room // 3 and not any(a < match.start() < b for a, b in whole)
            ]
            if cuts:
                return line[: cuts[-1].start()].rstrip(), line[cuts[-1].end() :]
        inside = next((a for a, b in whole if a < room < b), None)
        if inside is not None and inside > room // 3:
            return line[:inside].rstrip(), line[inside:]
    end = room
    while end > max(room // 3, 1) and _joins(line[end - 1], line[end]):
        end -= 1
    return line[:end], line[end:]


def _joins(before: str, after: str) -> bool:
    """Whether the two characters are drawn as one: an accent, an emoji built of several, two parts of a flag."""
    joiner = "\u200d"
    flags = all("\U0001f1e6" <= sign <= "\U0001f1ff" for sign in (before, after))
    return flags or joiner in (before, after) or unicodedata.category(after) in {"Mn", "Me", "Sk", "Cf"}
