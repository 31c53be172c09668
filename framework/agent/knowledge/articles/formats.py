"""Which reader a file needs: by its ending, and by its first bytes if they say something else."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from io import BytesIO

from framework.agent.knowledge.articles.document import ArticleDocument, UnreadableArticleError
from framework.agent.knowledge.articles.encoding import decode
from framework.agent.knowledge.articles.office.archive import damaged

KINDS = {
    ".md": "Markdown", ".markdown": "Markdown", ".mdx": "Markdown", ".txt": "text", ".html": "HTML", ".htm": "HTML",
    ".xhtml": "HTML", ".pdf": "PDF", ".docx": "DOCX", ".csv": "CSV", ".tsv": "CSV", ".xlsx": "XLSX", ".rst": "RST",
    ".adoc": "AsciiDoc", ".asciidoc": "AsciiDoc",
}  # fmt: skip
"""What each ending of a file's name stands for."""

_TEXTS = frozenset({"Markdown", "text", "HTML", "CSV", "RST", "AsciiDoc"})
_PAGE = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*+(?:<\?xml[^>]*+>\s*+)?(?:<!--.*?-->\s*+)?<(?:!doctype html|html[\s>])",
    re.IGNORECASE | re.DOTALL,
)
_EXPORTED = re.compile(r"[ _-][0-9a-f]{32}$")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")


def kind_of(suffix: str, content: bytes) -> str:
    """The format of a file, such as `PDF`. Raises UnreadableArticleError for what no reader can read."""
    said = KINDS.get(suffix.lower(), "text")
    if content[:1024].lstrip().startswith(b"%PDF-"):
        return "PDF"
    if content.startswith(b"PK\x03\x04"):
        return _archived(said, content)
    if said not in _TEXTS:
        return "HTML" if _PAGE.match(content[:4096]) else said
    _check_is_text(content)
    return "HTML" if said != "HTML" and _PAGE.match(content[:4096]) else said


def _archived(said: str, content: bytes) -> str:
    try:
        names = set(zipfile.ZipFile(BytesIO(content)).namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise damaged(said if said not in _TEXTS else "DOCX or XLSX") from None
    if "word/document.xml" in names:
        return "DOCX"
    if "xl/workbook.xml" in names:
        return "XLSX"
    if said in {"DOCX", "XLSX"}:
        raise damaged(said)
    raise UnreadableArticleError("This article is a ZIP archive.", "Unpack it, and put the files in it here.")


def _check_is_text(content: bytes) -> None:
    if content.startswith(b"{\\rtf"):
        raise UnreadableArticleError("This article is RTF.", "Open it and save it as DOCX.")
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableArticleError(
            "This article is in the format of Office 97.", "Open it and save it as DOCX or XLSX."
        )
    sample = content[:8192]
    wide = (
        content[:2] in {b"\xff\xfe", b"\xfe\xff"}
        or sample[1::2].count(0) * 3 > len(sample)
        or (sample[0::2].count(0) * 3 > len(sample))
    )
    controls = sum(byte < 9 or 13 < byte < 27 for byte in sample)
    if content.startswith(_PICTURES) or (not wide and controls * 20 > len(sample)):
        raise UnreadableArticleError("This article is not text.", "It looks like a picture or a program; remove it.")


def reader_of(kind: str, name: str) -> Callable[[bytes], ArticleDocument]:
    """What reads this format. Its imports are late: most bots need one or two of them."""
    if kind == "PDF":
        from framework.agent.knowledge.articles.pdf.reader import read_pdf

        return read_pdf
    if kind == "DOCX":
        from framework.agent.knowledge.articles.office.docx import read_docx

        return read_docx
    if kind == "XLSX":
        from framework.agent.knowledge.articles.office.xlsx import read_xlsx

        return read_xlsx
    if kind == "CSV":
        from framework.agent.knowledge.articles.office.sheets import read_csv

        return read_csv
    return lambda content: _read_text(kind, name, content)


def _read_text(kind: str, name: str, content: bytes) -> ArticleDocument:
    text, warning = decode(content)
    document = _text_reader(kind, name)(text.replace("\x00", ""))
    if warning:
        document.warnings.insert(0, warning)
    return document


def _text_reader(kind: str, name: str) -> Callable[[str], ArticleDocument]:
    if kind == "HTML":
        from framework.agent.knowledge.articles.pages.html import read_html

        return read_html
    if kind == "RST":
        from framework.agent.knowledge.articles.markup.rst import read_rst

        return read_rst
    if kind == "AsciiDoc":
        from framework.agent.knowledge.articles.markup.asciidoc import read_asciidoc

        return read_asciidoc
    from framework.agent.knowledge.articles.markup.markdown import read_markdown

    exported = is_exported(name)
    return lambda text: read_markdown(text, exported=exported)


def is_exported(stem: str) -> bool:
    """Whether a file's name ends in an id, as Notion's exports do."""
    return bool(_EXPORTED.search(stem))


def title_from(stem: str, folder: str) -> str:
    """A title from the name of a file, if it has no other."""
    if is_exported(stem):
        return _EXPORTED.sub("", stem)
    plain = re.sub(r"^\d{4}-\d{2}-\d{2}-|^\d{1,3}[-_.](?=\D)", "", stem) or stem
    if plain.lower() in {"index", "_index", "readme"} and folder:
        plain = folder
    return re.sub(r"[-_]+", " ", plain).strip().capitalize()
