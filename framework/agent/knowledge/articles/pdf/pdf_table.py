"""Tables of a PDF: lines whose pieces stand below each other."""

from __future__ import annotations

import re
from collections.abc import Sequence

from framework.agent.knowledge.articles.pdf.pdf_page import PdfLine, Run

_LEAST_ROWS = 2
_LINE_GAP = 1.55
_ROW_GAP = 5.0
_LONGEST_CELL = 60
_VALUE = re.compile(r"\d")
_BULLET = re.compile(r"^(?:[•◦▪‣●○■–-]|\d{1,2}[.)])$")


def table_at(lines: Sequence[PdfLine], start: int) -> tuple[list[list[str]], int, int] | None:
    """The table that begins at a line: its rows, how many of them are headers, and where it ends. None if none begins
    there.
    """
    if not _is_row(lines[start]):
        return None
    end = _end(lines, start)
    while end > start and not _is_row(lines[end - 1]) and not _is_rest(lines, end - 1):
        end -= 1
    rows = list(lines[start:end])
    full = [line for line in rows if _is_row(line)]
    if len(full) < _LEAST_ROWS:
        return None
    columns = _columns(full)
    if len(columns) < 2 or _is_prose(full):
        return None
    table: list[list[str]] = []
    before: PdfLine | None = None
    for line in rows:
        cells = _cells(line, columns)
        if cells is None:
            end = start + rows.index(line)
            break
        if before is not None and table and _continues(before, line, cells, table[-1]):
            table[-1] = [f"{old} {new}".strip() for old, new in zip(table[-1], cells, strict=True)]
        else:
            table.append(cells)
        before = line
    if len(table) < _LEAST_ROWS:
        return None
    return table, _headers(table, full[0], full[1:]), end


def _is_row(line: PdfLine) -> bool:
    return len(line.runs) > 1 and not _BULLET.match(line.runs[0].text)


def _is_rest(lines: Sequence[PdfLine], position: int) -> bool:
    """The second line of a cell."""
    before, line = lines[position - 1], lines[position]
    return (
        before.page == line.page
        and 0 < before.bottom - line.bottom < _LINE_GAP * line.size
        and (line.left > before.left + line.size)
    )


def _end(lines: Sequence[PdfLine], start: int) -> int:
    """The line after the last one that may belong to the table."""
    position = start + 1
    while position < len(lines):
        before, line = lines[position - 1], lines[position]
        gap = before.bottom - line.bottom
        if before.page != line.page or not 0 < gap < _ROW_GAP * max(line.size, before.size):
            break
        if abs(line.size - before.size) > 0.3 * before.size or not (_is_row(line) or _is_rest(lines, position)):
            break
        position += 1
    return position


def _columns(rows: Sequence[PdfLine]) -> list[tuple[float, float]]:
    """The columns from left to right: spans that the pieces of all rows fill, parted by gaps in all of them."""
    spans = sorted((run.left, run.right) for line in rows for run in line.runs)
    columns: list[list[float]] = []
    for left, right in spans:
        if columns and left <= columns[-1][1]:
            columns[-1][1] = max(columns[-1][1], right)
        else:
            columns.append([left, right])
    return [(left, right) for left, right in columns]


def _is_prose(rows: Sequence[PdfLine]) -> bool:
    """Two columns of running text stand side by side like the cells of a table, but are longer."""
    cells = [run.text for line in rows for run in line.runs]
    return sum(len(text) > _LONGEST_CELL // 2 for text in cells) * 5 > len(cells) * 4


def columns_apart(lines: Sequence[PdfLine]) -> list[PdfLine]:
    """Running text in columns whose lines were written side by side: one column after the other."""
    found: list[PdfLine] = []
    position = 0
    while position < len(lines):
        end = position
        while end < len(lines) and _is_row(lines[end]) and lines[end].page == lines[position].page:
            end += 1
        rows = lines[position:end]
        if len(rows) > 2 and _is_prose(rows) and len(columns := _columns(rows)) > 1:
            for number in range(len(columns)):
                runs = [run for line in rows for run in line.runs if _column(run, columns) == number]
                found += [PdfLine([run], rows[0].page) for run in runs]
            position = end
        else:
            found.append(lines[position])
            position += 1
    return found


def _cells(line: PdfLine, columns: Sequence[tuple[float, float]]) -> list[str] | None:
    cells = [""] * len(columns)
    for run in line.runs:
        number = _column(run, columns)
        if number is None:
            return None
        cells[number] = f"{cells[number]} {run.text}".strip()
    return cells


def _column(run: Run, columns: Sequence[tuple[float, float]]) -> int | None:
    for number, (left, right) in enumerate(columns):
        if run.left < right + 1 and run.right > left - 1:
            return number
    return None


def _continues(before: PdfLine, line: PdfLine, cells: Sequence[str], above: Sequence[str]) -> bool:
    """Whether this is the second line of the cells above: it leaves the first column empty, and stands near."""
    near = before.bottom - line.bottom < _LINE_GAP * max(before.size, line.size)
    return near and not cells[0] and any(cells) and bool(above[0])


def _headers(table: Sequence[Sequence[str]], first: PdfLine, others: Sequence[PdfLine]) -> int:
    """1 if the first row names the columns: in bold, or words above values."""
    bold = all(run.bold for run in first.runs) and not all(run.bold for line in others for run in line.runs)
    if bold:
        return 1
    head, body = table[0], table[1:]
    if any(re.match(r"^\W*+\d++(?:[.,]\d++)?\W*+\D{0,4}$", text) for text in head[1:]) or len(body) < 1:
        return 0
    valued = [
        column
        for column in range(1, len(head))
        if sum(bool(_VALUE.search(row[column])) for row in body) * 2 > len(body)
    ]
    if len(head) == 2:
        return 1 if valued and not _VALUE.search(head[1]) else 0
    return 1 if valued or all(head) else 0
