"""XLSX as a tree: each visible sheet a section, its rows as people see them."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from framework.agent.knowledge.articles.document import ArticleDocument
from framework.agent.knowledge.articles.office.archive import damaged, opened
from framework.agent.knowledge.articles.office.sheets import add_rows
from framework.agent.knowledge.articles.tree import build

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell, MergedCell
    from openpyxl.worksheet.worksheet import Worksheet

_CURRENCY = re.compile(r"\[\$([^-\[\]]++)[^\[\]]*+\]|\"([^\"]*+)\"|([€$£¥])")
_MAX_CELLS = 2_000_000
_DEFAULT_NAME = re.compile(r"^(sheet|tabelle|feuil|hoja|foglio|blad|лист)\s?\d*$", re.IGNORECASE)


def read_xlsx(content: bytes) -> ArticleDocument:
    """Read every sheet that is not hidden. Raises UnreadableArticleError."""
    opened(content, "XLSX", "xl/workbook.xml").close()
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = load_workbook(io.BytesIO(content), data_only=True)
    except Exception:  # noqa: BLE001 - openpyxl raises anything for a broken file; its author is told
        raise damaged("XLSX") from None
    document = ArticleDocument(build.body(), (book.properties.title or "").strip())
    words: list[str] = []
    shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            document.warnings.append(f"the sheet “{sheet.title}” is hidden and was left out")
    for sheet in shown:
        rows = list(_rows(sheet, document.warnings))
        if not any(any(row) for row in rows):
            continue
        if len(shown) > 1 or not _DEFAULT_NAME.match(sheet.title):
            build.add(document.body, "h2", sheet.title)
        add_rows(document.body, rows)
        words += [cell for row in rows for cell in row]
    document.words = " ".join(words)
    return document


def _rows(sheet: Worksheet, told: list[str]) -> Iterator[list[str]]:
    merged: dict[tuple[int, int], tuple[int, int]] = {}
    for area in sheet.merged_cells.ranges:
        if area.size["rows"] * area.size["columns"] <= 10_000:
            merged |= {place: (area.min_row, area.min_col) for line in area.rows for place in line}
    hidden_rows = {number for number, dimension in sheet.row_dimensions.items() if dimension.hidden}
    hidden_columns = _hidden_columns(sheet)
    count = 0
    for row in sheet.iter_rows():
        number = row[0].row or 0 if row else 0
        count += len(row)
        if number in hidden_rows or count > _MAX_CELLS:
            continue
        texts: list[str] = []
        for cell in row:
            if cell.column in hidden_columns:
                continue
            place = merged.get((number, cell.column or 0))
            source = sheet.cell(*place) if place else cell
            # A title across the table is one text; a merged cell in the table counts in every row and column.
            text = shown(source)
            first = place and place[0] == number and place[1] != cell.column and _alone(sheet, number, merged)
            texts.append("" if first else text)
        yield texts
    if count > _MAX_CELLS:
        told.append(f"the sheet “{sheet.title}” holds more than {_MAX_CELLS:,} cells; the rest was left out")


def _alone(sheet: Worksheet, row: int, merged: dict[tuple[int, int], tuple[int, int]]) -> bool:
    """Whether one merged cell is all that a row holds."""
    places = {
        merged.get((row, column), (row, column))
        for column in range(1, min(sheet.max_column, 200) + 1)
        if merged.get((row, column)) or sheet.cell(row, column).value is not None
    }
    return len(places) == 1


def _hidden_columns(sheet: Worksheet) -> set[int]:
    found: set[int] = set()
    for dimension in sheet.column_dimensions.values():
        if dimension.hidden and dimension.min and dimension.max:
            found.update(range(dimension.min, min(dimension.max, dimension.min + 500) + 1))
    return found


def shown(cell: Cell | MergedCell) -> str:
    """A cell as its author sees it: percent, currency, dates and truth values by their format."""
    value: Any = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        plain = value.hour == value.minute == value.second == 0
        return value.strftime("%Y-%m-%d") if plain else value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, timedelta):
        minutes = round(value.total_seconds() / 60)
        return f"{minutes // 60}:{minutes % 60:02}"
    if isinstance(value, int | float):
        return _number(value, cell.number_format or "General")
    return str(value).strip()


def _number(value: float, form: str) -> str:
    form = form.partition(";")[0]
    if "%" in form:
        return f"{_plain(value * 100)} %"
    decimals = re.search(r"0\.(0+)", form)
    text = f"{value:.{len(decimals[1])}f}" if decimals else _plain(value)
    if match := _CURRENCY.search(form):
        unit = next((group for group in match.groups() if group), "").strip()
        return f"{unit}{text}" if form.find(match[0]) < form.find("0") and len(unit) == 1 else f"{text} {unit}"
    return text


def _plain(value: float) -> str:
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{round(value, 6):g}" if abs(value) < 1e5 else str(round(value, 2))
