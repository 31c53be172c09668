"""A file with the ids of users, one a line or in the first column of a CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from framework.errors import DefinitionError, Position

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 20 * 1024 * 1024
_HEADS = frozenset({"id", "user_id", "user", "userid"})
_LONGEST_ID = 255


def read_user_ids(folder: Path, name: str, where: Position) -> tuple[str, ...]:
    """Return the ids in a file, each once. Raises DefinitionError with the line for what is not an id."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DefinitionError(
            f"the file {name!r} leads out of the folder of campaigns", where=where, hint=f"Copy it into {folder}."
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DefinitionError(
            f"the file {name!r} cannot be read: {error.strerror}", where=where, hint=f"Looked for {path}."
        ) from None
    if len(content) > MOST_BYTES:
        raise DefinitionError(
            f"has more than {MOST_BYTES:,} bytes", where=Position(path), hint="Use a segment for so many people."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DefinitionError("is not text in UTF-8", where=Position(path), hint="Save it as UTF-8.") from None
    return _ids(path, text)


def _ids(path: Path, text: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for number, row in enumerate(csv.reader(io.StringIO(text, newline="")), 1):
        first = row[0].strip() if row else ""
        if not first or first.startswith("#") or (number == 1 and first.lower() in _HEADS):
            continue
        if len(first) > _LONGEST_ID or any(sign.isspace() for sign in first):
            raise DefinitionError(
                f"{first[:60]!r} is not the id of a user",
                where=Position(path, number),
                hint="Write one id a line, or a CSV whose first column has them.",
            )
        found[first] = None
    return tuple(found)
