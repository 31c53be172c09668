"""Reads one article: never more than it should take, and never an error but one that names the file."""

from __future__ import annotations

import re
from pathlib import Path

import structlog

from framework.agent.knowledge.articles.article import Article
from framework.agent.knowledge.articles.cache import ArticleCache
from framework.agent.knowledge.articles.document import ArticleDocument, UnreadableArticleError
from framework.agent.knowledge.articles.formats import KINDS, kind_of, reader_of, title_from
from framework.agent.knowledge.articles.tree.chunk import Chunk
from framework.extras import MissingExtraError, extra

_log = structlog.get_logger(__name__)

MAX_BYTES = 50_000_000
MAX_CHARACTERS = 2_000_000
"""Characters of one article that are searched."""

_WORD = re.compile(r"[^\W_]+")
_MANY = 20


def read_article(file: Path, name: str, cache: ArticleCache) -> Article:
    """Read an article. `name` is its path below the knowledge's root. What is wrong with it stands in the result."""
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            return Article(
                name, problem=f"This article is larger than {MAX_BYTES // 1_000_000} MB.", hint="Split it by subject."
            )
        content = file.read_bytes()
    except OSError as error:
        return Article(
            name, problem=f"This article cannot be read: {error.strerror}.", hint="Check that it exists and its rights."
        )
    key = cache.key(name, content)
    if (kept := cache.get(key, name)) is not None:
        return kept
    try:
        article = understand(name, content)
    except MissingExtraError as error:  # not kept: it may be installed by the next time
        return Article(name, problem=error.what, hint=error.hint or "")
    cache.put(key, article)
    return article


def understand(name: str, content: bytes) -> Article:
    """Make an article of a file's bytes. Raises MissingExtraError if its format needs a package that is not here."""
    path = Path(name)
    kind = KINDS.get(path.suffix.lower(), "text")
    if not content.strip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"):
        return Article(name, kind, problem="This article is empty.", hint="Write something into it, or remove it.")
    try:
        kind = kind_of(path.suffix, content)
        with extra("documents", f"Reading {kind}"):
            document = reader_of(kind, path.stem)(content)
        return _article(path, kind, document)
    except MissingExtraError:
        raise
    except UnreadableArticleError as error:
        return Article(name, kind, problem=error.what, hint=error.hint)
    except Exception as error:  # noqa: BLE001 - the libraries raise anything for a broken file; its author is told
        _log.info("knowledge.unreadable", file=name, kind=type(error).__name__, reason=str(error)[:200])
        return Article(
            name,
            kind,
            problem=f"This article is not a {kind} that can be read, or it is damaged.",
            hint="Open it, save it anew, or remove it from the knowledge.",
        )


def _article(path: Path, kind: str, document: ArticleDocument) -> Article:
    from framework.agent.knowledge.articles.tree.outline import Outline
    from framework.agent.knowledge.articles.tree.walk import Walk

    outline = Outline(document.title if document.own_title else "", fixed_lines=kind != "HTML")
    Walk(outline).read(document.body)
    title = outline.title or document.title or title_from(path.stem, path.parent.name)
    warnings = list(document.warnings)
    if KINDS.get(path.suffix.lower(), kind) != kind and {kind, KINDS.get(path.suffix.lower())} != {"text", "Markdown"}:
        warnings.append(f"is {kind} by its content, whatever its name says")
    chunks, warnings = _bounded(list(outline.chunks(title, path.as_posix(), document.url)), warnings)
    if not chunks:
        return Article(path.as_posix(), kind, (), tuple(warnings), (), *_nothing(kind))
    lost = _lost(document.words, chunks)
    return Article(path.as_posix(), kind, chunks, tuple(warnings), lost, around=document.around)


def _nothing(kind: str) -> tuple[str, str]:
    if kind == "PDF":
        return "This article holds no text.", (
            "A scan holds pictures of text: have it recognised (OCR) first, or remove it."
        )
    if kind in {"Markdown", "text"}:
        return "This article is empty.", "Write something below its title, or remove the file."
    return "This article holds no text.", "Open it and see; if it needs a browser to fill it, save what that shows."


def _bounded(chunks: list[Chunk], warnings: list[str]) -> tuple[tuple[Chunk, ...], list[str]]:
    size = 0
    for number, chunk in enumerate(chunks):
        size += len(chunk.quote)
        if size > MAX_CHARACTERS:
            what = (
                f"holds more than {MAX_CHARACTERS // 1_000_000} million characters; the rest, from line or page "
                f"{chunk.line} on, is not searched. Split it by subject"
            )
            return tuple(chunks[:number]), [*warnings, what]
    if any(chunk.thin for chunk in chunks):
        warnings.append("is very long; its later parts are found by their words alone. Split it by subject")
    return tuple(chunks), warnings


def _lost(source: str, chunks: tuple[Chunk, ...]) -> tuple[str, ...]:
    """Words of the source that are in no chunk, in order, at most twenty."""
    found: set[str] = set()
    for chunk in chunks:
        for text in (
            chunk.path,
            chunk.quote,
            *(block.lead for block in chunk.blocks),
            *(f"{unit.key} {unit.header}" for unit in chunk.units),
        ):
            found.update(_WORD.findall(text.casefold()))
    lost = dict.fromkeys(word for word in _WORD.findall(source) if word.casefold() not in found)
    return tuple(list(lost)[:_MANY])
