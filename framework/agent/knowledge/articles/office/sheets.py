"""Tables of figures: CSV and its kin, and XLSX. Each row becomes a fact under its headings."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from framework.agent.knowledge.articles.document import ArticleDocument, UnreadableArticleError
from framework.agent.knowledge.articles.encoding import decode
from framework.agent.knowledge.articles.tree import build

_DELIMITERS = ",;\t|"
_SEPARATOR = re.compile(r"\A\ufeff?\"?sep=(.)\"?\r?\n", re.IGNORECASE)
_MAX_FIELD = 10_000_000
_NUMBER = re.compile(r"^[-+]?[\d.,' %€$£]*+$")
_WORD = re.compile(r"[^\W\d_]{2,}")
_LONGEST_HEADER = 80


def read_csv(content: bytes) -> ArticleDocument:
    """Read rows whatever parts them. Lines above the headings are the table's title."""
    text, warning = decode(content)
    text = text.removeprefix("\ufeff").replace("\x00", "")
    named = _SEPARATOR.match(text)
    delimiter = named[1] if named else _delimiter(text)
    text = text[named.end() :] if named else text
    csv.field_size_limit(_MAX_FIELD)
    try:
        rows = list(csv.reader(text.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=True))
    except csv.Error as error:
        raise UnreadableArticleError(
            f"This article is not a CSV that can be read: {error}.", "Save it anew as CSV in UTF-8."
        ) from None
    document = ArticleDocument(build.body(), warnings=[warning] if warning else [])
    add_rows(document.body, [[cell.strip() for cell in row] for row in rows])
    document.words = " ".join(cell for row in rows for cell in row)
    return document


def _delimiter(text: str) -> str:
    """The character that cuts the most lines into the same number of cells."""
    lines = [line for line in text[:100_000].splitlines()[:200] if line.strip()]
    best, delimiter = (0.0, 0), ","
    for candidate in _DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=candidate, skipinitialspace=True)]
        except csv.Error:
            continue
        wide = Counter(width for width in widths if width > 1)
        if not wide:
            continue
        width, often = wide.most_common(1)[0]
        score = (round(often / len(widths), 2), width)
        if score > best:
            best, delimiter = score, candidate
    return delimiter


def add_rows(target: object, rows: Sequence[Sequence[str]]) -> None:
    """Write rows down as tables: an empty row ends one; lines of one cell above a table are its title."""
    for block in _blocks(rows):
        width = max(_filled(row) for row in block)
        while len(block) > 1 and width > 1 and _filled(block[0]) == 1 and not _is_pair(block):
            build.add(target, "p", next(cell for cell in block[0] if cell))  # type: ignore[arg-type]
            block = block[1:]  # noqa: PLW2901 - without its title
        columns = [
            number for number in range(max(map(len, block))) if any(number < len(r) and r[number] for r in block)
        ]
        cells = [[row[number] if number < len(row) else "" for number in columns] for row in block]
        if len(columns) == 1:
            for row in cells:
                build.add(target, "p", row[0])  # type: ignore[arg-type]
            continue
        build.add_table(target, cells, headers=_headers(cells))  # type: ignore[arg-type]


def _blocks(rows: Iterable[Sequence[str]]) -> list[list[Sequence[str]]]:
    blocks: list[list[Sequence[str]]] = [[]]
    for row in rows:
        if any(row):
            blocks[-1].append(row)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell) for cell in row)


def _is_pair(block: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is a row like the others, with an empty value."""
    return _filled(block[1]) == 1 and len(block) > 2 and _filled(block[2]) == 1


def _headers(rows: Sequence[Sequence[str]]) -> int:
    """1 if the first row names the columns: words, each one once, none of them a value or a question."""
    if len(rows) < 2:
        return 0
    first = [cell for cell in rows[0] if cell]
    if len(first) < len(rows[0]) - 1 or len(set(first)) < len(first):
        return 0
    if any(_NUMBER.match(cell) and re.search(r"\d", cell) and not re.fullmatch(r"(19|20)\d\d", cell) for cell in first):
        return 0
    if any(len(cell) > _LONGEST_HEADER or cell.endswith("?") for cell in first) or not all(
        map(_WORD.search, first[:1])
    ):
        return 0
    # Two columns of words may as well be a list of names with their values: `Phone;030 5551`.
    values = [row[1] for row in rows[1:]]
    if len(rows[0]) == 2 and re.search(r"\d", rows[0][1]) and sum(bool(re.search(r"\d", v)) for v in values) > 0:
        return 0
    return 1
