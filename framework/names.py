"""Make names of people and channels harmless in what a bot says: strangers choose them."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 60
"""The most characters of a name that are shown."""
_MARKS = 2
"""Combining marks on one letter. No language needs more, and a pile of them covers the lines around."""
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and signs that draw nothing."""
_IGNORED = frozenset("\u034f\u180b\u180c\u180d\u180e\u180f") | {chr(code) for code in range(0xFE00, 0xFE10)}
"""Marks that draw nothing: joiners and variation selectors."""
_SCHEME = re.compile(r":[/\\]*(?=\S)|@")
_DOT = re.compile(r"(?<=\w)[.\u3002\uff0e\uff61\u2024](?=\w)")
_MARKDOWN = re.compile(r"[\\`*_\[\]<>~|#&]")
_LINE_START = re.compile(r"[-+=]|[0-9]{1,9}[.)]")


def shown_name(name: str, id_: str = "", *, with_id: bool = False) -> str:
    """Return a name as a bot may say it: one line of at most 60 characters, without links, mentions and Markdown.

    If nothing of the name is left, the id is shown. `with_id` adds the id after the name, as code: use it if somebody
    decides by the name, because anybody can take anybody's name.
    """
    shown = escaped(plain_name(name)) or escaped(plain_name(id_)) or "somebody"
    return f"{shown} ({as_code(id_)})" if with_id and id_ else shown


def plain_name(name: str) -> str:
    """Return a name on one line of at most 60 characters, without links and mentions.

    Use it in places without Markdown, such as a log. Elsewhere use `shown_name`.
    """
    kept = unicodedata.normalize("NFKC", "".join(_visible(name[: 20 * LONGEST])))
    kept = _DOT.sub(" ", _SCHEME.sub(" ", kept))
    line = " ".join(kept.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


def escaped(line: str) -> str:
    """Return a line escaped so that Markdown shows it as it is."""
    line = _MARKDOWN.sub(lambda sign: f"\\{sign[0]}", line)
    start = _LINE_START.match(line)
    return f"{line[: start.end() - 1]}\\{line[start.end() - 1 :]}" if start else line


def as_code(id_: str) -> str:
    """Return an id as code on one line, whatever characters it has."""
    return f"`{''.join(sign for sign in _visible(id_) if sign != '`' and not sign.isspace())}`"


def quoted(text: str, longest: int = 300) -> str:
    """Return a text as code on one line, cut to so many characters, for people who look into what was said.

    Its links, mentions and Markdown have no effect. It is empty if nothing of it would be visible.
    """
    line = " ".join("".join(_visible(text[: 20 * longest])).replace("`", "'").split())
    shown = line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
    return f"`{shown}`" if shown else ""


def _visible(text: str) -> list[str]:
    """The signs of a text that are drawn, blanks as blanks; of marks on one letter, the first few."""
    kept: list[str] = []
    marks = 0
    for sign in text:
        category = unicodedata.category(sign)
        if category.startswith("Z") or sign in "\t\n\r\v\f" or sign in _BLANK:
            kept.append(" ")
            marks = 0
        elif category.startswith("C") or sign in _IGNORED or 0xE0100 <= ord(sign) <= 0xE01EF:
            continue  # controls, directions, surrogates, unassigned signs
        elif category.startswith("M"):
            marks += 1
            if marks <= _MARKS:
                kept.append(sign)
        else:
            kept.append(sign)
            marks = 0
    return kept
