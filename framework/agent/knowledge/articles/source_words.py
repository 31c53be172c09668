"""The words of an article's source, read in the plainest way: what the chunks are held against."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"<!--.*?-->|\{/\*.*?\*/\}|%%.*?%%|<(script|style|noscript|template)\b.*?</\1>", re.DOTALL | re.IGNORECASE
)
_MARKS = (
    re.compile(r"\{%.*?%\}|\{\{[<%].*?[>%]\}\}", re.DOTALL),
    re.compile(r"\{\{?[^{}\n]*\}?\}"),
    re.compile(r"^(?:import|export)\s.*$", re.MULTILINE),
    re.compile(r"^[ \t]*(?:`{3,}|~{3,}|:{3,}|!!!|\?\?\?\+?)[ \t]*[^\s\"]*", re.MULTILINE),
    re.compile(r"^[ \t]*\[[^\]\n]+\]:[ \t]*\S+.*$", re.MULTILINE),
    re.compile(r"(?<=\])\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)|(?<=\])\[[^\]\n]*\]"),
    re.compile(r"</?[A-Za-z][^<>]*>|!?\[\[[^\]]*\]\]|\[!\w+\][-+]?|\[\^[^\]]+\]:?|\[[ xX]\]|^\[?toc\]?$", re.MULTILINE),
    re.compile(r"&#?\w+;"),
    re.compile(r"^[ \t]*\d+[.)][ \t]", re.MULTILINE),
    re.compile(r"[ \t]\^[\w-]+$", re.MULTILINE),
)
_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n(.*?)^[ \t]*\1", re.DOTALL | re.MULTILINE)


def markdown_words(text: str) -> str:
    """The text of Markdown without its marks; code as it is."""
    code = " ".join(match[2] for match in _FENCED.finditer(text))
    prose = _SECRET.sub(" ", _FENCED.sub(" ", text))
    for mark in _MARKS:
        prose = mark.sub(" ", prose)
    return re.sub(r"[*~]", " ", re.sub(r"[\\`]|(?<!\w)_|_(?!\w)", "", f"{prose} {code}"))
