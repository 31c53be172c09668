"""A table as rows of facts: spans repeated, rows of headers joined, tables without a header told apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_CELLS = 500_000
"""Cells of one table with its spans repeated; a file may claim spans of any size."""

_MAX_SPAN = 1000
_LONGEST_HEADER = 80
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. `header`: marked as one; `strong`: all of its text is bold; `across`: it spans the whole row."""

    text: str
    header: bool = False
    strong: bool = False
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """A row with spans repeated. `head`: it stands among the table's headers."""

    cells: tuple[Cell, ...]
    head: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """The cells' texts."""
        return tuple(cell.text for cell in self.cells)

    @property
    def is_across(self) -> bool:
        """Whether one cell fills the whole row."""
        first = self.cells[0]
        return len(self.cells) > 1 and bool(first.text) and all(cell is first for cell in self.cells)


@dataclass(frozen=True)
class Fact:
    """One row of values. `key` names the row, `values` are the other cells, `names` their columns ("" if none), `group`
    the line across the table under which the row stands.
    """

    key: str
    values: tuple[str, ...]
    names: tuple[str, ...] = ()
    group: str = ""

    @property
    def name(self) -> str:
        """What the row is about: its key, after the group that it stands under."""
        return f"{self.group}, {self.key}" if self.group and self.key else self.group or self.key

    @property
    def text(self) -> str:
        """`Germany: Delivery time 2-3 days; Price 12.90 EUR`."""
        key = self.name
        pairs = [(name, value) for name, value in zip(self.names, self.values, strict=True) if value not in _EMPTY]
        cells = [f"{name} {value}".strip() for name, value in pairs if value != self.key or name]
        if not key:
            return "; ".join(cells)
        return f"{key}{'' if key.endswith((':', '?')) else ':'} {'; '.join(cells)}" if cells else key

    @property
    def is_question(self) -> bool:
        """Whether the row is a question with its answer."""
        return self.key.endswith("?") and any(self.values) and not self.group


_EMPTY = {"", "-", "–", "—"}


@dataclass
class TableFacts:
    """What a table says. `title` stands across its top, `header` are the names of all columns and `first`
    that of the first one; `notes` stand below.
    """

    rows: list[Fact] = field(default_factory=list)
    title: str = ""
    header: str = ""
    first: str = ""
    notes: list[str] = field(default_factory=list)


def spread(rows: Sequence[tuple[Sequence[Cell], bool]]) -> list[Row]:
    """Repeat every cell in each row and column that it spans. Each given row is its cells, and whether it is in the
    table's head. Cells beyond MAX_CELLS are left out.
    """
    hanging: dict[int, tuple[Cell, int]] = {}
    found: list[list[Cell]] = []
    total = 0
    for cells, _ in rows:
        row: list[Cell] = []
        waiting = list(cells)[::-1]
        while waiting or any(column >= len(row) for column in hanging):
            column = len(row)
            if column in hanging:
                cell, left = hanging.pop(column)
                if left > 1:
                    hanging[column] = (cell, left - 1)
                row.append(cell)
            elif waiting:
                cell = waiting.pop()
                for position in range(column, column + min(max(cell.columns, 1), _MAX_SPAN)):
                    row.append(cell)
                    if cell.rows > 1:
                        hanging[position] = (cell, min(cell.rows, _MAX_SPAN) - 1)
            else:
                row.append(Cell(""))
        found.append(row)
        total += len(row)
        if total > MAX_CELLS:
            break
    width = max(map(len, found), default=0)
    padded = [tuple(row + [Cell("")] * (width - len(row))) for row in found]
    return [Row(cells, head) for cells, (_, head) in zip(padded, rows, strict=False) if any(c.text for c in cells)]


def facts(rows: Sequence[Row]) -> TableFacts:
    """Read a table that `spread` has filled in."""
    told = TableFacts()
    rest = list(rows)
    while len(rest) > 1 and rest[0].is_across:
        told.title = f"{told.title} {rest.pop(0).cells[0].text}".strip()
    headers = _header_rows(rest)
    names = _joined(rest[:headers]) if headers else ()
    told.header = " ".join(filter(None, names))
    told.first = names[0] if names else ""
    repeated = {row.texts for row in rest[:headers]}
    group = ""
    body = [row for row in rest[headers:] if row.texts not in repeated]
    for number, row in enumerate(body):
        if row.is_across:
            text = row.cells[0].text
            last = all(other.is_across for other in body[number:])
            if last or len(text) > _LONGEST_HEADER:
                told.notes.append(text)
            else:
                group = text
            continue
        told.rows.append(_fact(row, names, group))
    return told


def _header_rows(rows: Sequence[Row]) -> int:
    """How many rows at the top name the columns."""
    if len(rows) < 2 and not (rows and rows[0].head):
        return 0
    marked = 0
    for row in rows:
        filled = [cell for cell in row.cells if cell.text]
        if not (row.head or all(cell.header for cell in filled)) or (row.is_across and marked):
            break
        marked += 1
    if marked == len(rows):
        marked = 0 if marked > 1 and not rows[0].head else marked
    if marked:
        return 0 if _is_body(rows, marked) else marked
    return 1 if not any(cell.header for row in rows for cell in row.cells) and _looks_like_header(rows) else 0


def _is_body(rows: Sequence[Row], marked: int) -> bool:
    """Whether a header that the syntax forces on its author is a row like the others: pairs of question and answer."""
    first = [row.cells[0].text for row in rows]
    if len(first) <= marked:
        return False
    questions = sum(text.endswith("?") for text in first[marked:])
    return first[0].endswith("?") and questions * 2 >= len(first) - marked


def _looks_like_header(rows: Sequence[Row]) -> bool:
    """Whether the first of rows without any mark names the columns."""
    first, body = rows[0], rows[1:]
    texts = first.texts
    if any(not text or len(text) > _LONGEST_HEADER or text.endswith("?") for text in texts[1:]):
        return False
    if len(set(texts)) < len(texts) or texts[0].endswith("?"):
        return False
    if all(cell.strong for cell in first.cells if cell.text) and not all(
        cell.strong for row in body for cell in row.cells if cell.text
    ):
        return True
    if any(_is_value(text) for text in texts):
        return False
    typed = [
        column
        for column in range(1, len(texts))
        if sum(bool(_DIGIT.search(row.texts[column])) for row in body) * 2 > len(body)
    ]
    return bool(typed) if len(texts) == 2 else bool(typed) or len(texts) > 2


def _is_value(text: str) -> bool:
    """Whether a cell holds a measure or a number rather than a name. A year or `Q1` may name a column."""
    return bool(_DIGIT.search(text)) and not re.fullmatch(r"(19|20)\d\d|[^\W\d_]+ ?\d{1,2}|\d{1,2} [^\W\d_]{3,}", text)


def _joined(rows: Sequence[Row]) -> tuple[str, ...]:
    names: list[str] = []
    for column in range(len(rows[0].cells)):
        parts = dict.fromkeys(row.texts[column] for row in rows)
        names.append(" ".join(part for part in parts if part))
    return tuple(names)


def _fact(row: Row, names: Sequence[str], group: str) -> Fact:
    """A row; its leading cells that are marked as headers are its name, otherwise its first one."""
    cells = row.cells
    lead = 1
    while lead < len(cells) - 1 and cells[lead].header and cells[lead - 1].header:
        lead += 1
    keys = dict.fromkeys(cell.text for cell in cells[:lead] if cell.text)
    labels = tuple(names[lead:]) if names else ("",) * (len(cells) - lead)
    # A cell that spans columns is said once, under all their names.
    values: list[str] = []
    said: list[str] = []
    for number, (cell, name) in enumerate(zip(cells[lead:], labels, strict=True)):
        if number and cell is cells[lead + number - 1] and cell.columns > 1:
            said[-1] = " / ".join(dict.fromkeys(part for part in (said[-1], name) if part))
            continue
        values.append(cell.text)
        said.append(name)
    return Fact(", ".join(keys), tuple(values), tuple(said), group)
