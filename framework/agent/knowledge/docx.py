"""DOCX as Markdown, by the styles that its author used."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import docx
from docx.table import Table

from framework.agent.knowledge.markdown import heading, item, plain, table

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph

_HEADING = re.compile(r"^heading (\d)$", re.IGNORECASE)


def docx_to_markdown(content: bytes) -> str:
    """Headings, paragraphs, lists and tables, in order."""
    document = docx.Document(io.BytesIO(content))
    parts: list[str] = []
    lines: list[str] = []
    for block in document.iter_inner_content():
        if not isinstance(block, Table) and _is_item(block):
            if block.text.strip():
                lines.append(item(block.text, depth=_depth(block)))
            continue
        parts, lines = [*parts, *(["\n".join(lines)] if lines else [])], []
        parts += _table(block) if isinstance(block, Table) else _paragraph(block)
    parts += ["\n".join(lines)] if lines else []
    title = (document.core_properties.title or "").strip()
    # Word's own template calls every document so.
    if title and title != "Word Document" and not any(part.startswith("# ") for part in parts):
        parts.insert(0, heading(title, 1))
    return "\n\n".join(parts)


def _style(paragraph: Paragraph) -> str:
    style = paragraph.style
    return (style.name or "") if style is not None else ""


def _is_item(paragraph: Paragraph) -> bool:
    properties = paragraph._p.pPr  # noqa: SLF001 - python-docx has no other way to numbering
    numbered = properties is not None and properties.numPr is not None
    return numbered or _style(paragraph).lower().startswith("list ")


def _depth(paragraph: Paragraph) -> int:
    digit = re.search(r"(\d)$", _style(paragraph))
    return int(digit[1]) - 1 if digit else 0


def _paragraph(paragraph: Paragraph) -> Iterator[str]:
    text, style = paragraph.text.strip(), _style(paragraph)
    if not text:
        return
    if style == "Title":
        yield heading(text, 1)
    elif level := _HEADING.match(style):
        yield heading(text, int(level[1]))
    else:
        yield plain(text)


def _table(block: Table) -> Iterator[str]:
    rows = [[cell.text for cell in row.cells] for row in block.rows]
    if rows := [row for row in rows if any(cell.strip() for cell in row)]:
        yield table(rows) if len(rows) > 1 else plain(" ".join(rows[0]))
