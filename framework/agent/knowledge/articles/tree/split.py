"""Cuts what is too long for one chunk: code between its lines, running text between its sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from framework.agent.knowledge.articles.tree.chunk import sentences

LONGEST = 1400
"""Characters of one block: what the embedding model reads of a text at most."""


def wrapped(text: str) -> Iterator[str]:
    """A paragraph in pieces of at most LONGEST characters."""
    if len(text) <= LONGEST:
        yield text
        return
    piece = ""
    for sentence in sentences(text):
        for part in _short(sentence):
            if piece and len(piece) + len(part) + 1 > LONGEST // 2:
                yield piece
                piece = ""
            piece = f"{piece} {part}" if piece else part
    if piece:
        yield piece


def _short(sentence: str) -> list[str]:
    if len(sentence) <= LONGEST // 2:
        return [sentence]
    return textwrap.wrap(sentence, LONGEST // 2, break_on_hyphens=False, replace_whitespace=False)


def cut(code: str) -> Iterator[str]:
    """Code in pieces of at most LONGEST characters, cut between lines; a longer line is cut at blanks."""
    if len(code) <= LONGEST:
        yield code
        return
    piece: list[str] = []
    size = 0
    for line in code.split("\n"):
        for part in _pieces(line):
            if piece and size + len(part) > LONGEST:
                yield "\n".join(piece)
                piece, size = [], 0
            piece.append(part)
            size += len(part) + 1
    if any(part.strip() for part in piece):
        yield "\n".join(piece)


def _pieces(line: str) -> list[str]:
    if len(line) <= LONGEST:
        return [line]
    return textwrap.wrap(line, LONGEST, break_on_hyphens=False, drop_whitespace=False, replace_whitespace=False)
