"""Tables of the tree: cells with their spans, and rows as units that stand alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from framework.agent.knowledge.articles.tree.chunk import TextBlock, Unit
from framework.agent.knowledge.articles.tree.grid import Cell, Row, TableFacts, facts, spread
from framework.agent.knowledge.articles.tree.inline import Node, is_strong, joined, pieces, tag
from framework.agent.knowledge.articles.tree.split import LONGEST, wrapped

if TYPE_CHECKING:
    from framework.agent.knowledge.articles.tree.outline import Outline
    from framework.agent.knowledge.articles.tree.walk import Walk

_INNER = ("table", "h1", "h2", "h3", "h4", "h5", "h6")


def is_layout(node: Node) -> bool:
    """Whether a table only puts things side by side, and its cells are to be read like the page around it."""
    if node.get("role") in {"presentation", "none"}:
        return True
    if next(node.iter("th"), None) is not None:
        return False
    inner = next(node.iterdescendants(*_INNER), None) is not None
    if not inner:
        return False
    rows = list(_rows_of(node))
    return len(rows) == 1 or all(len(cells) == 1 for cells, _ in rows) or any(_is_page(cells) for cells, _ in rows)


def _is_page(cells: Sequence[Node]) -> bool:
    return any(next(cell.iterdescendants("h1", "h2", "h3"), None) is not None for cell in cells)


def add_table(outline: Outline, node: Node, walk: Walk) -> None:
    """Add a table. Questions become sections, other rows units; the pieces of a long table stand alone."""
    caption = next((joined(pieces(child), lines=False) for child in node if tag(child) == "caption"), "")
    told = facts(rows_of(node))
    title = " ".join(filter(None, (caption, told.title)))
    if title:
        outline.add(TextBlock("paragraph", (Unit(title),), title))
    lead = outline.lead
    units: list[Unit] = []
    for fact, unit in zip(told.rows, units_of(told), strict=True):
        if not fact.is_question:
            units.append(unit)
            continue
        _add(outline, units, lead)
        units = []
        with outline.inside(fact.key):
            _answer(outline, fact.values, fact.names)
    if not told.rows and told.header:
        units.append(Unit(told.header, "row", told.header))
    _add(outline, units, lead)
    for note in told.notes:
        outline.add(TextBlock("paragraph", (Unit(note),), note))


def _answer(outline: Outline, values: Sequence[str], names: Sequence[str]) -> None:
    given = [(name, value) for name, value in zip(names, values, strict=True) if value]
    for name, value in given:
        for text in wrapped(f"{name}: {value}" if name and len(given) > 1 else value):
            outline.add(TextBlock("paragraph", (Unit(text),), text))


def _add(outline: Outline, units: Sequence[Unit], lead: str) -> None:
    portion: list[Unit] = []
    size = 0
    for unit in units:
        if portion and size + len(unit.text) > LONGEST:
            outline.add(_block(portion, lead))
            portion, size = [], 0
        portion.append(unit)
        size += len(unit.text) + 3
    if portion:
        outline.add(_block(portion, lead))


def _block(units: Sequence[Unit], lead: str) -> TextBlock:
    return TextBlock("table", tuple(units), "\n".join(f"- {unit.text}" for unit in units), lead)


def table_units(node: Node) -> Iterator[Unit]:
    """The rows of a table inside something else, such as a list's item, with its title and notes."""
    told = facts(rows_of(node))
    # Nothing else around such a row says what its first cell is.
    named = [
        replace(fact, key=f"{told.first} {fact.key}" if told.first and fact.key else fact.key) for fact in told.rows
    ]
    texts = units_of(replace(told, rows=named))
    yield from (Unit(text, "row") for text in (told.title, *(told.notes if not texts else ())) if text)
    yield from texts
    yield from (Unit(text, "row") for text in (told.notes if texts else ()))


def units_of(told: TableFacts) -> list[Unit]:
    """A unit for each row; a very long one is not cut, so that it still has its name."""
    return [
        Unit(fact.text, "row", fact.key, told.header, (told.first, *fact.names), (fact.name, *fact.values))
        for fact in told.rows
    ]


def rows_of(node: Node) -> list[Row]:
    """A table's rows with all spans repeated."""
    found = []
    for cells, head in _rows_of(node):
        row = [_cell(cell) for cell in cells]
        found.append((row, head))
    return spread(found)


def _rows_of(node: Node) -> Iterator[tuple[list[Node], bool]]:
    """The cells of each row of this table alone, and whether the row is in its head."""
    for child in node:
        name = tag(child)
        if name == "tr":
            yield [cell for cell in child if tag(cell) in {"td", "th"}], False
        elif name in {"thead", "tbody", "tfoot"}:
            for row in child:
                if tag(row) == "tr":
                    yield [cell for cell in row if tag(cell) in {"td", "th"}], name == "thead"


def _cell(node: Node) -> Cell:
    header = tag(node) == "th" or node.get("role") in {"columnheader", "rowheader"}
    return Cell(_text(node), header, is_strong(node), _span(node.get("rowspan")), _span(node.get("colspan")))


def _text(node: Node) -> str:
    """A cell's text; the rows of a table in it, and its items, are parted by semicolons."""
    parts: list[str] = []
    loose: list[str] = [node.text or ""]
    for child in node:
        name = tag(child)
        if name in {"table", "ul", "ol"}:
            parts.append(joined(loose, lines=False))
            loose = []
            if name == "table":
                parts += [unit.text for unit in table_units(child)]
            else:
                parts += [joined(pieces(item), lines=False) for item in child.iter("li")]
        elif name == "br":
            loose.append(" ")
        elif name == "input":
            loose.append("yes" if child.get("checked") is not None else "")
        elif name == "img":
            loose.append(child.get("alt") or "")
        elif name:
            nested = name in {"p", "div", "section", "span"} and next(child.iter("table", "ul", "ol"), None) is not None
            loose += (
                [_text(child)]
                if nested
                else ["\x1f", *pieces(child), "\x1f"]
                if name in {"p", "div"}
                else pieces(child)
            )
        loose.append(child.tail or "")
    parts.append(joined(loose, lines=False))
    return "; ".join(part for part in parts if part)


def _span(text: str | None) -> int:
    digits = (text or "").strip()
    return max(int(digits), 1) if digits.isdecimal() and len(digits) < 6 else 1
