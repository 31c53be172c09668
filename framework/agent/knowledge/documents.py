"""Articles that are no Markdown: HTML, PDF and DOCX as Markdown, with their headings, lists and tables."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import structlog

from framework.errors import DefinitionError, Position

log = structlog.get_logger(__name__)

FORMAT = 1
"""Goes up when documents are turned into other Markdown than before."""


def is_document(file: Path) -> bool:
    """Whether the file is of a kind that is read here."""
    return file.suffix.lower() in _READERS


def read_document(file: Path, content: bytes, cache: Path | None = None) -> str:
    """A document as Markdown. With `cache`, a folder, a document that was read before is not read again.

    Raises DefinitionError naming the file where it is broken, locked by a password, or holds no text.
    """
    digest = hashlib.sha256(f"{FORMAT}{file.suffix.lower()}".encode() + content).hexdigest()[:32]
    kept = None if cache is None else cache / f"document-{digest}.md"
    if kept is not None and kept.is_file():
        return kept.read_text(encoding="utf-8")
    try:
        text = _READERS[file.suffix.lower()](content)
    except DefinitionError as error:
        raise DefinitionError(error.what, where=Position(file), hint=error.hint) from None
    except Exception as error:  # noqa: BLE001 - the libraries raise anything for a broken file; its author is told
        log.info("document cannot be read", file=str(file), kind=type(error).__name__)
        raise DefinitionError(
            f"This article is no {file.suffix[1:].upper()} that can be read, or it is damaged.",
            where=Position(file),
            hint="Open it, save it anew, or remove it from the knowledge.",
        ) from None
    if not text.strip():
        raise DefinitionError(
            "This article holds no text.",
            where=Position(file),
            hint="A scan holds pictures of text: have it recognised first, or remove it.",
        )
    if kept is not None:
        _keep(kept, text)
    return text


def _keep(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        log.warning("knowledge.cache_not_written", file=str(file), reason=error.strerror or str(error))


def _html(content: bytes) -> str:
    from framework.agent.knowledge.html import html_to_markdown

    return html_to_markdown(content)


def _pdf(content: bytes) -> str:
    from framework.agent.knowledge.pdf import pdf_to_markdown

    return pdf_to_markdown(content)


def _docx(content: bytes) -> str:
    from framework.agent.knowledge.docx import docx_to_markdown

    return docx_to_markdown(content)


_READERS: dict[str, Callable[[bytes], str]] = {".html": _html, ".htm": _html, ".pdf": _pdf, ".docx": _docx}
