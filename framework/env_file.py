"""The encoding of a `.env` file, which editors of every kind have saved."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from framework.errors import SettingsError

LARGEST = 1_000_000
"""Bytes of an environment file; what is larger is something else."""
_OURS = re.compile(r"\b(?:FRAMEWORK|STREAM|OPENAI)_\w{1,60}")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(file: Path) -> str:
    """Return the encoding in which a file can be read as text: UTF-8, UTF-16 as PowerShell writes it, or Latin-1.

    A file that does not exist is UTF-8. Raises SettingsError for a file that is not text or cannot be read.
    """
    try:
        if not file.exists():
            return "utf-8"
        if file.stat().st_size > LARGEST:
            raise SettingsError("The file is too large for an environment.", where=str(file), hint="Name another file.")
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"The file cannot be read: {error.strerror or type(error).__name__}.",
            where=str(file),
            hint="Make it readable for this user, or remove it.",
        ) from None
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None) or _without_mark(data)
    if not _fits(data, encoding):
        raise SettingsError("The file is not text.", where=str(file), hint="Save it as UTF-8, one NAME=value a line.")
    return encoding


def require_readable_lines(file: Path, encoding: str) -> None:
    """Raise SettingsError for a line about a variable of ours that cannot be read: its value would be missing without a
    word. Other lines are passed over.
    """
    from dotenv.parser import parse_stream

    if not file.is_file():
        return
    with file.open(encoding=encoding) as stream:
        for binding in parse_stream(stream):
            unread = binding.error or (binding.key is not None and not binding.key.isidentifier())
            spoken = _OURS.search(binding.original.string) if unread else None
            if spoken:
                raise SettingsError(
                    f"The line about {spoken[0]} cannot be read.",
                    where=f"{file}:{binding.original.line}",
                    hint=f"Write it as {spoken[0]}=value, with both quotation marks or none.",
                )


def _without_mark(data: bytes) -> str:
    """UTF-16 has a zero in every second byte of plain letters; what is not UTF-8 either is read as Latin-1."""
    if len(data) > 1 and not len(data) % 2 and b"\0" in data:
        low, high = data[::2].count(0), data[1::2].count(0)
        return "utf-16-be" if low > high else "utf-16-le"
    return "utf-8" if _fits(data, "utf-8") else "cp1252" if _fits(data, "cp1252") else "latin-1"


def _fits(data: bytes, encoding: str) -> bool:
    try:
        return "\0" not in data.decode(encoding)
    except UnicodeDecodeError:
        return False
