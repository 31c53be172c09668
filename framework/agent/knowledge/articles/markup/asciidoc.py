"""AsciiDoc as a tree: headings, lists, tables, blocks and notes, by way of Markdown with HTML."""

from __future__ import annotations

import re
from html import escape

from framework.agent.knowledge.articles.document import ArticleDocument
from framework.agent.knowledge.articles.markup.markdown import read_markdown

_ATTRIBUTE = re.compile(r":!?([\w-]++)!?:(?:[ \t]++(.*))?$")
_HEADING = re.compile(r"(={1,6}+)[ \t]++(.+)")
_ITEM = re.compile(r"[ \t]*+(\*{1,5}+|-|\.{1,5}+|\d{1,9}\.)[ \t]++(.*)")
_BLOCK = re.compile(r"^(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|/{4,}|--)[ \t]*+$")
_NOTE = re.compile(r"^(NOTE|TIP|WARNING|CAUTION|IMPORTANT):[ \t]+")
_OPTIONS = re.compile(r"^\[.*\][ \t]*+$")
_TITLE = re.compile(r"^\.(\w[^\n]*|\"[^\n]*)$")
_INLINE = (
    (re.compile(r"(?<!\w)(?:https?://|link:|xref:|mailto:)[^\s\[]{1,300}\[([^\[\]]++)\]"), r"\1"),
    (re.compile(r"<<(?:[^<>,]++,[ \t]*+)?([^<>,]++)>>"), r"\1"),
    (re.compile(r"(?:footnote|btn|kbd|menu|pass):[\w-]*\[([^\]]*)\]"), r" (\1)"),
    (re.compile(r"image::?([^\s\[]{0,300})\[([^\[\]]*+)\]"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)_(?![\w_])"), r"\1"),
    (re.compile(r"\[\.[\w.-]+\]#([^#]+)#"), r"\1"),
    (re.compile(r"(?<!\w)#(?=\S)([^#\n]+)#"), r"\1"),
    (re.compile(r" \+$", re.MULTILINE), "<br>"),
)


def read_asciidoc(text: str) -> ArticleDocument:
    """Read an article."""
    return read_markdown("\n".join(_Converter(text).lines()))


class _Converter:
    def __init__(self, text: str) -> None:
        self._lines = text.replace("\r\n", "\n").split("\n")
        self._at = 0
        self._values: dict[str, str] = {}
        self._out: list[str] = []
        self._label = ""
        self._options = ""

    def lines(self) -> list[str]:
        """The article in Markdown."""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            self._line(line)
        return self._out

    def _line(self, line: str) -> None:
        if match := _ATTRIBUTE.match(line):
            self._values[match[1]] = match[2] or ""
        elif line.startswith("//") and not line.startswith("////"):
            return
        elif line.strip() in {"|===", ",===", "!==="}:
            self._table(line.strip())
        elif match := _BLOCK.match(line):
            self._block(line.strip())
        elif match := _HEADING.match(line):
            self._out += ["", f"{'#' * len(match[1])} {self._text(match[2].rstrip(' ='))}", ""]
            if len(match[1]) == 1 and self._at < len(self._lines) and _is_author(self._lines[self._at]):
                self._at += 1
        elif _OPTIONS.match(line):
            self._options = line
        elif match := _TITLE.match(line):
            self._label = self._text(match[1])
        else:
            self._plain(line)

    def _plain(self, line: str) -> None:
        if line.strip() == "+":
            self._out.append("")
        elif match := _NOTE.match(line):
            self._out += ["", self._text(line[match.end() :])]
        elif (match := _ITEM.match(line)) and not _BLOCK.match(line):
            mark = match[1]
            depth = len(mark) - 1 if mark[0] in "*." else 0
            text = re.sub(r"^\[[ xX*]\]\s+", "", match[2])
            self._out.append(
                f"{'    ' * depth}{'1.' if mark[0] == '.' or mark[0].isdigit() else '-'} {self._text(text)}"
            )
        elif term := _term(line):
            meaning = term[1] or self._next()
            self._out += ["", f"<dl><dt>{escape(self._text(term[0]))}</dt><dd>{self._text(meaning)}</dd></dl>", ""]
        else:
            if self._label and line.strip():
                self._out += ["", self._label, ""]
                self._label = ""
            self._out.append(self._text(line))

    def _next(self) -> str:
        while self._at < len(self._lines) and not self._lines[self._at].strip():
            self._at += 1
        taken: list[str] = []
        while self._at < len(self._lines) and self._lines[self._at].strip() and not _term(self._lines[self._at]):
            taken.append(self._lines[self._at].strip())
            self._at += 1
        return " ".join(taken)

    def _block(self, fence: str) -> None:
        inner: list[str] = []
        while self._at < len(self._lines) and self._lines[self._at].strip() != fence:
            inner.append(self._lines[self._at])
            self._at += 1
        self._at += 1
        label, self._label = self._label, ""
        options, self._options = self._options, ""
        if fence[0] == "/":
            return
        if fence[0] in "-." and fence != "--":
            self._out += ["", *([label, ""] if label else []), "~~~~~~", *inner, "~~~~~~", ""]
            return
        opens = bool(label) and (label.endswith("?") or "collapsible" in options or "tabs" in options)
        self._out += ["", f"<details><summary>{escape(label)}</summary>" if opens else label, ""]
        below = _Converter("\n".join(inner))
        below._values = self._values
        self._out += [*below.lines(), "", "</details>" if opens else "", ""]

    def _table(self, fence: str) -> None:
        inner: list[str] = []
        while self._at < len(self._lines) and self._lines[self._at].strip() != fence:
            inner.append(self._lines[self._at])
            self._at += 1
        self._at += 1
        label, self._label = self._label, ""
        options, self._options = self._options, ""
        rows, headers = _rows(inner, options, fence[0])
        self._out += ["", *([label, ""] if label else []), "<table>"]
        for number, row in enumerate(rows):
            name = "th" if number < headers else "td"
            cells = "".join(f"<{name}{span}>{escape(self._text(text), quote=False)}</{name}>" for span, text in row)
            self._out.append(f"<tr>{cells}</tr>")
        self._out += ["</table>", ""]

    def _text(self, text: str) -> str:
        text = re.sub(r"\{([\w-]+)\}", lambda match: self._values.get(match[1], match[0]), text)
        for pattern, replacement in _INLINE:
            text = pattern.sub(replacement, text)
        return text.replace("`+", "`").replace("+`", "`")


def _is_author(line: str) -> bool:
    """`Jane Doe <jane@doc.example>`, the line below the title."""
    return line[:1].isalpha() and " <" in line and "@" in line and ">" in line


def _term(line: str) -> tuple[str, str] | None:
    """`term:: its meaning`; None for any other line."""
    for mark in ("::", ";;"):
        term, found, meaning = line.partition(mark)
        if found and term.strip() and not line[:1].isspace() and meaning[:1] in {"", " ", "\t"}:
            return term, meaning.strip()
    return None


def _rows(lines: list[str], options: str, mark: str) -> tuple[list[list[tuple[str, str]]], int]:
    """The cells of a table. Its width is that of its first line, or what `cols` says."""
    mark = "|" if mark == "|" else mark
    groups: list[list[tuple[str, str]]] = []
    for line in lines:
        if not line.strip():
            groups.append([])
            continue
        if not groups:
            groups.append([])
        if mark == ",":
            groups.append([("", cell.strip()) for cell in line.split(",")])
            continue
        pieces = re.split(r"(?:(?<=\s)|^)((?:\d*(?:\.\d+)?\+)?(?:[<^>.]*)[aehlmsd]?)\|", line)
        if pieces[0].strip() and groups[-1]:
            span, text = groups[-1][-1]
            groups[-1][-1] = (span, f"{text} {pieces[0].strip()}")
        for spec, text in zip(pieces[1::2], pieces[2::2], strict=False):
            groups[-1].append((_span(spec), text.strip()))
        if groups[-1] and sum(map(len, groups)) == len(groups[-1]) and len(groups) == 1:
            groups.append([])
    first = next((group for group in groups if group), [])
    width = _width(options) or len(first)
    cells = [cell for group in groups for cell in group]
    rows, row, size = [], list[tuple[str, str]](), 0
    for cell in cells:
        row.append(cell)
        match = re.search(r'colspan="(\d+)"', cell[0])
        size += int(match[1]) if match else 1
        if size >= max(width, 1):
            rows.append(row)
            row, size = [], 0
    rows += [row] if row else []
    blank = len(lines) > 1 and bool(lines[0].strip()) and not lines[1].strip() and len(first) == width
    return rows, 1 if "header" in options or blank else 0


def _width(options: str) -> int:
    match = re.search(r"cols=\"?([^\"\]]+)\"?", options)
    if not match:
        return 0
    repeated = re.fullmatch(r"\s*(\d+)\*.*", match[1])
    return int(repeated[1]) if repeated else len(re.split(r"[,;]", match[1].strip()))


def _span(spec: str) -> str:
    match = re.match(r"(\d*)(?:\.(\d+))?\+", spec)
    if not match:
        return ""
    columns = f' colspan="{match[1]}"' if match[1] else ""
    return columns + (f' rowspan="{match[2]}"' if match[2] else "")
