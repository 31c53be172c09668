"""Passages as people read them, in Markdown: sentences, lists, small tables, code between fences."""

from __future__ import annotations

import re
from collections.abc import Sequence

from framework.agent.knowledge.articles.tree.chunk import Chunk, TextBlock, Unit

_WIDEST = 6
"""Columns of a table that fits beside a chat; the rows of a wider one are said as sentences."""

_LONGEST_CELL = 160
_TICKS = re.compile("`{3,}")


def shown(chunk: Chunk) -> str:
    """The whole chunk."""
    return "\n\n".join(shown_block(block) for block in chunk.blocks)


def shown_block(block: TextBlock) -> str:
    """All of one block."""
    if block.kind == "table":
        return shown_rows(block.units)
    return fenced(block.quote) if block.kind == "code" else block.quote


def shown_units(block: TextBlock, units: Sequence[Unit]) -> str:
    """Some units of a block."""
    if len(units) == len(block.units):
        return shown_block(block)
    if block.kind == "table":
        return shown_rows(units)
    if block.kind == "code":
        return fenced("\n".join(unit.text for unit in units))
    texts = [unit.text for unit in units]
    return " ".join(texts) if block.kind == "paragraph" else "\n".join(f"- {text}" for text in texts)


def shown_rows(rows: Sequence[Unit]) -> str:
    """Rows as a small table; as sentences if their columns have no names, are too many, or hold long texts."""
    columns = rows[0].columns
    if not any(columns[1:]) or any(row.columns != columns for row in rows):
        return "\n".join(f"- {row.text}" for row in rows)
    filled = [number for number in range(len(columns)) if any(row.cells[number] for row in rows)]
    longest = max(len(cell) for row in rows for cell in row.cells)
    if len(filled) > _WIDEST or longest > _LONGEST_CELL:
        return "\n".join(f"- {_sentence(row)}" for row in rows)
    lines = [[columns[number] for number in filled], ["---"] * len(filled)]
    lines += [[row.cells[number] for number in filled] for row in rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def fenced(code: str) -> str:
    """Code between fences that are longer than any fence in it."""
    longest = max((len(ticks) for ticks in _TICKS.findall(code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{code}\n{fence}"


def _sentence(row: Unit) -> str:
    """As in `**red**: Code: P1. Meaning: Pump blocked.`, for a table that does not fit."""
    told = [
        f"{name}: {cell}" if name else cell for name, cell in zip(row.columns[1:], row.cells[1:], strict=True) if cell
    ]
    said = " ".join(text if text.endswith((".", "!", "?", ":")) else f"{text}." for text in told)
    return f"**{row.cells[0]}**: {said}" if row.cells[0] else said


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
