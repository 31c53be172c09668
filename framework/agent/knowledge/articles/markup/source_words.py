"""The words of an article's source, read in the plainest way: what the chunks are held against."""

from __future__ import annotations

import re

from framework.agent.knowledge.articles.markup.dialects import HUGO, LIQUID, apart, without

_PAIRS = (
    ("<!--", "-->"),
    ("{/*", "*/}"),
    ("%%", "%%"),
    ("<script", "</script>"),
    ("<style", "</style>"),
    ("{% comment %}", "{% endcomment %}"),
)
_MARKS = (
    HUGO,
    LIQUID,
    re.compile(r"\{\{?[^{}\n]*+\}?\}"),
    re.compile(r"^(?:import|export)\s.*$", re.MULTILINE),
    re.compile(r"^[ \t]*+(?::{3,}+|!!!|\?\?\?\+?)[ \t]*+[^\s\"]*+", re.MULTILINE),
    re.compile(r"^[ \t]*+\[[^\]\n]++\]:[ \t]*+\S.*$", re.MULTILINE),
    re.compile(r"(?<=\])\([^()\n]*+(?>(?:\([^()\n]*+\)[^()\n]*+){0,20})\)|(?<=\])\[[^\[\]\n]*+\]"),
    re.compile(r"</?[A-Za-z][^<>]*+>|!?\[\[[^\[\]]*+\]\]|\[!\w++\][-+]?|\[\^[^\[\]]++\]:?|\[[ xX]\]"),
    re.compile(r"^\[?toc\]?$", re.MULTILINE | re.IGNORECASE),
    re.compile(r"&#?\w++;"),
    re.compile(r"^[ \t]*+\d{1,9}[.)][ \t]", re.MULTILINE),
    re.compile(r"[ \t]\^[\w-]++$", re.MULTILINE),
)


def markdown_words(text: str) -> str:
    """The text of Markdown without its marks; code as it is."""
    parts = apart(text)
    # The line with the fence names the language, which nobody sees.
    code = " ".join(part.partition("\n")[2] for fenced, part in parts if fenced)
    prose = " ".join(part for fenced, part in parts if not fenced)
    for start, end in _PAIRS:
        prose = without(prose, start, end)
    for mark in _MARKS:
        prose = mark.sub(" ", prose)
    return re.sub(r"[*~]", " ", re.sub(r"[\\`]|(?<!\w)_|_(?!\w)", "", f"{prose} {code}"))
