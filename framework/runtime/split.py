"""Long texts in parts: cut where Markdown allows it, so that every part reads well alone."""

from __future__ import annotations

import re
import unicodedata

_FENCE = re.compile(r"^ {0,3}(`{3,10}|~{3,10})([^\n`]{0,40})$", re.MULTILINE)
_BOUNDARIES = (
    re.compile(r"\n\s*\n"),  # between paragraphs
    re.compile(r"\n"),  # between lines
    re.compile(r"(?<=[.!?。！？؟])\s+"),  # between sentences
    re.compile(r"\s+"),  # between words
)


def split(text: str, limit: int) -> tuple[str, ...]:
    """Parts of at most `limit` characters that hold the whole text; a code block that is cut is closed and reopened.

    Blank space at the cuts is dropped. `limit` is at least 100 characters.
    """
    parts: list[str] = []
    rest = text
    while len(rest) > limit:
        head, rest = _cut(rest, limit)
        fence = _open_fence(head)
        if fence is not None:
            mark, info = fence
            head = f"{head.rstrip()}\n{mark}"
            rest = f"{mark}{info}\n{rest}"
        parts.append(head)
    return (*parts, rest) if rest or not parts else tuple(parts)


def _cut(text: str, limit: int) -> tuple[str, str]:
    """The longest good head, with room left to close a code block. A head under a third of the limit is not good."""
    room = limit - 20
    for boundary in _BOUNDARIES:
        cuts = [match for match in boundary.finditer(text, 0, room) if match.start() > limit // 3]
        if cuts:
            cut = cuts[-1]
            end = cut.end() if boundary is not _BOUNDARIES[1] else cut.start() + 1
            return text[: cut.start()].rstrip(), text[end:]
    end = room
    while end > limit // 3 and _joins(text[end - 1], text[end]):
        end -= 1
    return text[:end], text[end:]


def _joins(before: str, after: str) -> bool:
    """Whether the two characters are drawn as one: an accent, an emoji built of several."""
    joiner = "\u200d"
    return joiner in (before, after) or unicodedata.category(after) in {"Mn", "Me", "Sk", "Cf"} or after == "\ufe0f"


def _open_fence(text: str) -> tuple[str, str] | None:
    """The mark and the language of a code block that is still open at the end of the text."""
    opened: tuple[str, str] | None = None
    for match in _FENCE.finditer(text):
        mark, info = match[1], match[2]
        if opened is None:
            opened = (mark, info)
        elif mark.startswith(opened[0]) and not info.strip():
            opened = None
    return opened
