"""Markup that site generators add to Markdown, rewritten as Markdown with HTML: what it shows stays, the marks go."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

_FENCE = re.compile(r"[ \t>]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]*+)?(`{3,}+|~{3,}+)")
_TICKS = re.compile(r"`++")
_COMPONENT = re.compile(r"</?[A-Z][\w.]*+[\s/>]|^[ \t]*+\{/\*|^import[ \t].+[ \t]from[ \t]", re.MULTILINE)
_TAG_LINE = re.compile(r"[ \t]*+(?>(?:</?[A-Za-z][\w.:-]*+(?:\s[^<>]*+)?/?>[ \t]*+)+)$")
_SELF_CLOSING = re.compile(r"<([A-Z][\w.]*+)((?:\s[^<>]*)?)/>")
_EXPRESSION_VALUE = re.compile(
    r"(?<![\w-])([\w-]++)=\{(?:['\"`]([^'\"`{}]*+)['\"`]|(?>(?:[^{}]|\{[^{}]*+\}){0,400}))\}"
)
_ATTRIBUTE_LIST = re.compile(r"(?<![ \t])[ \t]*+\{(?::|[ \t]*+[#.%])[^{}\n]*+\}|(?<=\))\{[^{}=\n]*+=[^{}\n]*+\}")
_VALUE = re.compile(
    r"\{\{?[ \t]*+((?:frontMatter|frontmatter|page|site|config|props|siteConfig|\$?\.?Params|\$frontmatter|vars?|book)"
    r"\.[\w.-]++)[ \t]*+\}?\}"
)
LIQUID = re.compile(r"\{%-?[ \t]*+(/?)[ \t]*+([\w-]++)((?>(?:(?!\{%|%\})[\s\S])*))%\}")
HUGO = re.compile(r"\{\{[<%][ \t]*+(/?)[ \t]*+([\w/.-]++)((?>(?:(?!\{\{|[>%]\}\})[\s\S])*))[>%]\}\}")
_NAMES = re.compile(
    r"(?:title|label|name|header|summary|heading|question)[ \t]*+[=:][ \t]*+"
    r"(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'}]++))"
)
_PLAIN_NAME = re.compile(r"[ \t]*+[\"']([^\"']++)[\"']")
_INDENTED = re.compile(r"([ \t]*+)(!!!|\?\?\?\+?|===[!+]?|///)[ \t]*+(.*)")
_HAS_INDENTED = re.compile(r"^[ \t]*+(?:!!!|\?\?\?|===)[!+]?[ \t]++\S", re.MULTILINE)
_TOCS = frozenset({"[toc]", "[[toc]]", "[[_toc_]]", "{:toc}", "{toc}", "${toc}", "<!-- toc -->", "* toc"})
_WIKI = re.compile(r"(!?)\[\[([^\[\]|#]*+)(?:#[^\[\]|]*+)?(?:\|([^\[\]]*+))?\]\]")
_HIGHLIGHT = re.compile(r"==(?=\S)([^=\n]++)(?<=\S)==")
_BLOCK_ID = re.compile(r"[ \t]\^[\w-]++$")
_ABBREVIATION = re.compile(r"\*\[([^\]]++)\]:[ \t]*+")
_ITEM = re.compile(r"[ \t]*+(?:[-*+]|\d{1,9}[.)])\s")
_TABLE_TAG = re.compile(r"</?(?:pre|table|thead|tbody|tr|td|th|code|script|style)\b", re.IGNORECASE)
_EXPORTS = tuple(f"export {word} " for word in ("const", "let", "default", "function", "async"))


def is_mdx(text: str) -> bool:
    """Whether components or comments of MDX stand in the text."""
    return bool(_COMPONENT.search(text))


def plain_markdown(text: str, values: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The text as Markdown and HTML alone, and what its author is to be told. `values` is its front matter."""
    missing: list[str] = []
    mdx = is_mdx(text)
    parts: list[str] = []
    for code, part in apart(_indented(text.replace("\r\n", "\n").replace("\r", "\n"))):
        parts.append(part if code else _prose(part, values, missing, mdx=mdx))
    said = ", ".join(dict.fromkeys(missing))
    return "".join(parts), [f"the value of {said} is not in the file; the text shows … in its place"] if missing else []


def apart(text: str) -> list[tuple[bool, str]]:
    """Fenced code and the rest, in turns."""
    found: list[tuple[bool, list[str]]] = [(False, [])]
    fence = ""
    for line in text.splitlines(keepends=True):
        match = _FENCE.match(line)
        if fence:
            found[-1][1].append(line)
            if match and match[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
                found.append((False, []))
        elif match:
            fence = match[1]
            found.append((True, [line]))
        else:
            found[-1][1].append(line)
    return [(code, "".join(lines)) for code, lines in found if lines]


def _prose(text: str, values: Mapping[str, Any], missing: list[str], *, mdx: bool) -> str:
    kept: list[str] = []

    text = "\n".join(_without_code(line, kept) for line in text.replace("\x02", "").replace("\x03", "").split("\n"))
    text = without(without(text, "{/*", "*/}"), "%%", "%%")
    for opening in ("{% comment %}", "{%- comment -%}"):
        text = without(text, opening, opening.replace("comment", "endcomment"))
    text = HUGO.sub(_shortcode(text, HUGO), text)
    text = LIQUID.sub(_shortcode(text, LIQUID), text)
    text = _VALUE.sub(lambda match: _value(match[1], values, missing), text)
    text = _ATTRIBUTE_LIST.sub("", text)
    text = _WIKI.sub(lambda m: "" if m[1] else (m[3] or m[2].rpartition("/")[2]).strip(), text)
    text = _HIGHLIGHT.sub(r"\1", text)
    text = _SELF_CLOSING.sub(r"<\1\2></\1>", _EXPRESSION_VALUE.sub(_plain_value, text) if mdx else text)
    text = "\n".join(_line(line, mdx=mdx) for line in text.split("\n"))
    return re.sub("\x02(\\d+)\x03", lambda match: kept[int(match[1])], text)


def _without_code(line: str, kept: list[str]) -> str:
    """The line with its inline code put into `kept`."""
    runs = [(match.start(), match.end()) for match in _TICKS.finditer(line)]
    closing: dict[int, int] = {}
    following: dict[int, int] = {}
    for number in range(len(runs) - 1, -1, -1):
        size = runs[number][1] - runs[number][0]
        if size in following:
            closing[number] = following[size]
        following[size] = number
    parts, position, number = list[str](), 0, 0
    while number < len(runs):
        if number in closing:
            end = runs[closing[number]][1]
            parts += [line[position : runs[number][0]], f"\x02{len(kept)}\x03"]
            kept.append(line[runs[number][0] : end])
            position, number = end, closing[number]
        number += 1
    return "".join([*parts, line[position:]])


def without(text: str, start: str, end: str) -> str:
    """The text without what stands between two marks; its lines stay where they are."""
    parts, position = list[str](), 0
    while (begin := text.find(start, position)) >= 0:
        close = text.find(end, begin + len(start))
        if close < 0:
            break
        parts += [text[position:begin], "\n" * text.count("\n", begin, close)]
        position = close + len(end)
    return "".join([*parts, text[position:]])


def _is_import(line: str) -> bool:
    text = line.rstrip().removesuffix(";")
    if text.startswith(_EXPORTS):
        return True
    return text.startswith("import ") and text.endswith(("'", '"')) and (" from " in text or text[7:8] in {"'", '"'})


def _line(line: str, *, mdx: bool) -> str:
    if line.strip().lower() in _TOCS or line.strip() in {"<>", "</>"} or _is_import(line):
        return ""
    if match := _ABBREVIATION.match(line):
        return f"{match[1]}: {line[match.end() :]}"
    line = _BLOCK_ID.sub("", line)
    if _TAG_LINE.match(line) and not _TABLE_TAG.search(line):
        # Markdown below a tag is Markdown, also without the blank line that CommonMark asks for.
        return f"\n{line.strip()}\n"
    return line.lstrip() if mdx and _indent(line) >= 4 and not _ITEM.match(line) else line


def _plain_value(match: re.Match[str]) -> str:
    return f'{match[1]}="{match[2]}"' if match[2] else ""


def _value(name: str, values: Mapping[str, Any], missing: list[str]) -> str:
    value: Any = values
    for key in name.lstrip("$.").split(".")[1:]:
        value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, str | int | float):
        return str(value)
    missing.append(name)
    return "…"


def _shortcode(text: str, pattern: re.Pattern[str]) -> Callable[[re.Match[str]], str]:
    """Rewrites a shortcode: with a title and an end it is a label over what it holds; otherwise it goes."""
    ends = {name for match in pattern.finditer(text) for name in _ended(match)}
    open_labels: dict[str, list[bool]] = {}

    def rewrite(match: re.Match[str]) -> str:
        name = match[2]
        ended = _ended(match)
        if ended:
            stack = open_labels.get(ended[0], [])
            return "\n\n</details>\n\n" if stack and stack.pop() else _gap(match)
        if name == "highlight" and name in ends:
            return "\n\n"
        label = _label(match[3])
        labelled = bool(label) and name in ends and name not in {"code", "figure", "highlight"}
        open_labels.setdefault(name, []).append(labelled)
        return f"\n\n<details><summary>{escape(label)}</summary>\n\n" if labelled else _gap(match)

    return rewrite


def _gap(match: re.Match[str]) -> str:
    """Nothing inside a line; a blank line where it stood alone, so that what follows is a paragraph of its own."""
    before = match.string[: match.start()].rpartition("\n")[2]
    after = match.string[match.end() :].partition("\n")[0]
    return "" if before.strip() or after.strip() else "\n"


def _ended(match: re.Match[str]) -> tuple[str, ...]:
    if match[1]:
        return (match[2],)
    return (match[2][3:],) if match[2].startswith("end") and len(match[2]) > 3 else ()


def _label(arguments: str) -> str:
    match = _NAMES.search(arguments) or _PLAIN_NAME.match(arguments)
    return next((group for group in match.groups() if group), "").strip() if match else ""


def _indented(text: str) -> str:
    """`!!! note "Title"`, `??? "Question"` and `=== "Tab"` with their indented text, as of Python-Markdown."""
    if not _HAS_INDENTED.search(text):
        return text
    lines = text.split("\n")
    out: list[str] = []
    _take(lines, 0, len(lines), 0, out)
    return "\n".join(out)


def _take(lines: list[str], start: int, end: int, depth: int, out: list[str]) -> None:
    position = start
    while position < end:
        line = lines[position]
        match = _INDENTED.match(line)
        if not match or match[2] == "///" or not match[3] or depth > 20:
            out.append(line)
            position += 1
            continue
        indent = len(match[1].expandtabs(4))
        last = position + 1
        while last < end and (not lines[last].strip() or _indent(lines[last]) >= indent + 4):
            last += 1
        label = _title(match[2], match[3])
        inner = [part.expandtabs(4)[4:] if part.strip() else "" for part in lines[position + 1 : last]]
        pad = match[1]
        out += ["", f"{pad}<details><summary>{escape(label)}</summary>" if label else f"{pad}<div>", ""]
        _take(inner, 0, len(inner), depth + 1, out)
        out += ["", f"{pad}</details>" if label else f"{pad}</div>", ""]
        position = last


def _indent(line: str) -> int:
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())


def _title(mark: str, rest: str) -> str:
    quoted = re.search(r"\"([^\"]*)\"", rest)
    if quoted:
        return quoted[1].strip()
    return rest.strip() if mark.startswith("===") else ""
