"""ZIP containers, such as DOCX and XLSX, opened without being filled up by what they claim to hold."""

from __future__ import annotations

import io
import zipfile

from framework.agent.knowledge.articles.document import UnreadableArticleError

MAX_PART = 300_000_000
"""Bytes of one part when unpacked."""

_MAX_ALL = 600_000_000
_MAX_RATIO = 250
_SMALL = 20_000_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def opened(content: bytes, kind: str, part: str) -> zipfile.ZipFile:
    """The archive of a `kind` of document that must hold `part`. Raises UnreadableArticleError."""
    if content.startswith(_OLE):
        if b"E\0n\0c\0r\0y\0p\0t" in content[:200_000]:
            raise UnreadableArticleError(
                "This article is locked by a password.", "Save it without one, or remove it from the knowledge."
            )
        raise UnreadableArticleError(
            f"This article is in the format of Office 97, not {kind}.", f"Open it and save it as {kind}."
        )
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        names = {info.filename: info for info in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise damaged(kind) from None
    if part not in names:
        raise damaged(kind)
    packed = max(len(content), 1)
    whole = sum(info.file_size for info in names.values() if not info.filename.startswith(("word/media", "xl/media")))
    if whole > _MAX_ALL or (whole > _SMALL and whole / packed > _MAX_RATIO):
        raise UnreadableArticleError(
            f"This article unpacks to {whole // 1_000_000} MB, far more than it should.",
            "Save it anew in its program, split it by subject, or remove it.",
        )
    if any(info.flag_bits & 1 for info in names.values()):
        raise UnreadableArticleError("This article is locked by a password.", "Save it without one, or remove it.")
    return archive


def member(archive: zipfile.ZipFile, name: str) -> bytes | None:
    """One part, or None if there is none. Reads no more than its directory promised."""
    try:
        with archive.open(name) as stream:
            content = stream.read(MAX_PART + 1)
    except KeyError:
        return None
    if len(content) > MAX_PART:
        raise UnreadableArticleError("This article unpacks to more than 300 MB.", "Split it by subject, or remove it.")
    return content


def damaged(kind: str) -> UnreadableArticleError:
    """The error for a file that is not what its name says."""
    return UnreadableArticleError(
        f"This article is not a {kind} that can be read, or it is damaged.",
        "Open it, save it anew, or remove it from the knowledge.",
    )
