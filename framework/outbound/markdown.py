"""Links of Markdown, and of clients that link whatever looks like an address, shown as code."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from html import unescape

from framework.outbound.domains import Domains, link_in, visible

_FENCE = re.compile(r"( {0,3})(```+|~~~+)([^\n]*)")
_WORDS = re.compile(r"\S+")
_TICKS = re.compile(r"`+")
_RULE_OF_TABLE = frozenset("|-: \t>\r\n")
_APPROVED_TARGET = re.compile(r"\]\((https?://[^\s()<>\[\]\\`]+)(?: \"[^\"\n\\`<>\[\]]*\")?\)", re.IGNORECASE)
_TARGET = re.compile(r"\]\(([^()\n]*)\)")
_DEFINED = re.compile(r"\]:[ \t]*(https?://[^\s()<>\[\]\\`]+)[ \t]*$", re.IGNORECASE)
_AUTOLINK = re.compile(r"<(https?://[^\s()<>\[\]\\`]+)>", re.IGNORECASE)
_TAG = re.compile(r"<[A-Za-z/!?][^<>`\n]*>")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_LINKISH = frozenset(".:&")
_AROUND = "\"'“”‘’«»()[]{}<>*_~,;!?"
_BEHIND = _AROUND + ".:"


def with_code(text: str, domains: Domains) -> str:
    """The text with links that are not allowed as code. Takes time in proportion to its length.

    What is code already stays as it is, where every reader of Markdown agrees that it is code; other backticks and
    fences are escaped, so that nobody can pair them with ours.
    """
    in_table = "|" in text and any(map(_rules_a_table, text.splitlines()))
    done: list[str] = []
    for line, is_code in _lines(text):
        done.append(line if is_code else _Line(line, domains, in_table=in_table).screened())
    return "".join(done)


def coded(pattern: re.Pattern[str], text: str) -> str:
    """The text with whatever the pattern finds outside code as code."""
    done: list[str] = []
    for line, is_code in _lines(text):
        if is_code or pattern.search(line) is None:
            done.append(line)
            continue
        out = _Out()
        for piece, inside in _spans(line):
            if inside:
                out.add(piece)
                continue
            end = 0
            for found in pattern.finditer(piece):
                out.add(piece[end : found.start()])
                out.code(found[0])
                end = found.end()
            out.add(piece[end:])
        done.append(out.text())
    return "".join(done)


def _rules_a_table(line: str) -> bool:
    """Whether a line is what parts the head of a table from its body."""
    return "|" in line and "-" in line and _RULE_OF_TABLE.issuperset(line)


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """The lines with their ends, and whether each is code in a fence."""
    lines = text.splitlines(keepends=True)
    ends = _fences(lines)
    n = 0
    while n < len(lines):
        if n in ends:
            yield from ((line, True) for line in lines[n : ends[n]])
            n = ends[n]
        else:
            line = lines[n]
            opener = _FENCE.match(line)
            yield (f"{opener[1]}\\{line[len(opener[1]) :]}" if opener and opener[2][0] == "~" else line), False
            n += 1


def _fences(lines: list[str]) -> dict[int, int]:
    """Where fences that every reader sees begin, and the line after each one's end.

    One that begins at the margin ends at its closing line or with the text. One that is indented counts if it closes
    with the same indent and nothing between is indented less: whether it belongs to a list or not, its end is the same.
    """
    found: dict[int, int] = {}
    opened, indent, mark = -1, 0, ""
    for n, line in enumerate(lines):
        match = _FENCE.match(line)
        if opened >= 0:
            depth = len(line) - len(line.lstrip(" "))
            closes = match is not None and match[2].startswith(mark) and not match[3].strip()
            if closes and (not indent or depth == indent):
                found[opened] = n + 1
                opened = -1
                continue
            if not indent or depth >= indent or not line.strip():
                continue
            opened = -1  # it ended with its list, or is none: its lines are text
        if match is not None and ("`" not in match[3] or match[2][0] == "~"):
            opened, indent, mark = n, len(match[1]), match[2]
    if opened >= 0 and not indent:
        found[opened] = len(lines)
    return found


def _spans(line: str) -> Iterator[tuple[str, bool]]:
    """The pieces of a screened line, and whether each is a span of code."""
    closing = _closing(line)
    start = n = 0
    while n < len(line):
        if line[n] == "\\":
            n += 2
        elif line[n] == "`":
            ticks = _TICKS.match(line, n)
            length = len(ticks[0]) if ticks else 1
            end = closing.after(n, length)
            if end < 0:
                n += length
                continue
            yield line[start:n], False
            yield line[n : end + length], True
            start = n = end + length
        else:
            n += 1
    yield line[start:], False


class _Closing:
    """Where runs of backticks stand, by length. Asked from left to right."""

    def __init__(self, line: str) -> None:
        self._places: defaultdict[int, list[int]] = defaultdict(list)
        for run in _TICKS.finditer(line):
            self._places[len(run[0])].append(run.start())
        for places in self._places.values():
            places.reverse()

    def after(self, at: int, length: int) -> int:
        """The next run of this length behind the one at a place; -1 where there is none."""
        places = self._places[length]
        while places and places[-1] <= at:
            places.pop()
        return places[-1] if places else -1


def _closing(line: str) -> _Closing:
    return _Closing(line) if "`" in line else _Closing("")


class _Out:
    """A line in the making. In a table a bar inside code is escaped, as it would end the cell."""

    def __init__(self, *, in_table: bool = False) -> None:
        self._bar = "\\|" if in_table else "|"
        self._pieces: list[str] = []

    def add(self, text: str) -> None:
        """Add text as it is, apart from a backtick where it begins with one."""
        if text.startswith("`") and self._pieces and self._pieces[-1].endswith("`"):
            self._pieces.append(" ")
        if text:
            self._pieces.append(text)

    def code(self, text: str) -> None:
        """Add text as code, apart from backticks and backslashes before it."""
        last = self._pieces[-1] if self._pieces else ""
        if last.endswith(("`", "\\")):
            self._pieces.append(" ")
        inside = text.replace("`", "'").replace("\\|", "|").replace("|", self._bar)
        self._pieces.append(f"`{inside}`")

    def text(self) -> str:
        """All of it."""
        return "".join(self._pieces)


class _Line:
    """A line of text outside fences."""

    def __init__(self, line: str, domains: Domains, *, in_table: bool) -> None:
        self._line = line
        self._domains = domains
        self._in_table = in_table
        self._closing = _closing(line)
        self._stripped = line.rstrip()
        self._first_label = line.find("[")
        self._opens_with_label = line.lstrip(" \t>*+-.)0123456789").startswith("[")
        self._out = _Out(in_table=in_table)
        self._plain: list[str] = []
        self._at = 0

    def screened(self) -> str:
        """The line as it may be posted."""
        steps = {"\\": self._escape, "`": self._backticks, "<": self._angle, "]": self._bracket}
        while self._at < len(self._line):
            step = steps.get(self._line[self._at], self._keep)
            step()
        self._flush()
        return self._out.text()

    def _keep(self) -> None:
        self._plain.append(self._line[self._at])
        self._at += 1

    def _escape(self) -> None:
        following = self._line[self._at + 1 : self._at + 2]
        self._plain.append("\\")
        self._at += 1
        if following in _PUNCTUATION and following:
            self._plain.append(following)
            self._at += 1

    def _backticks(self) -> None:
        run = _TICKS.match(self._line, self._at)
        length = len(run[0]) if run else 1
        end = self._closing.after(self._at, length)
        inside = self._line[self._at + length : end] if end >= 0 else ""
        if end < 0 or (self._in_table and "|" in inside):
            self._plain.append("\\`" * length)
            self._at += length
            return
        self._flush()
        self._out.add(self._line[self._at : end + length])
        self._at = end + length

    def _angle(self) -> None:
        link = _AUTOLINK.match(self._line, self._at)
        if link is not None and self._domains.allow(link[1]):
            self._verbatim(link[0])
            return
        tag = _TAG.match(self._line, self._at)
        if tag is not None:
            self._flush()
            self._out.code(tag[0])
            self._at = tag.end()
            return
        following = self._line[self._at + 1 : self._at + 2]
        self._plain.append("\\<" if following.isalpha() or (following and following in "/!?") else "<")
        self._at += 1

    def _bracket(self) -> None:
        following = self._line[self._at + 1 : self._at + 2]
        if following == "(":
            self._target()
        elif following == ":" and self._begins_definition():
            found = _DEFINED.match(self._stripped, self._at)
            if found is not None and self._domains.allow(found[1]):
                self._verbatim(found[0])
                return
            self._plain.append("]\\:")
            self._at += 2
        else:
            self._keep()

    def _target(self) -> None:
        found = _APPROVED_TARGET.match(self._line, self._at)
        if found is not None and self._domains.allow(found[1]):
            self._verbatim(found[0])
            return
        found = _TARGET.match(self._line, self._at)
        if found is None or not found[1].strip():
            self._plain.append("] (")
            self._at += 2
            return
        self._plain.append("] (")
        self._flush()
        self._out.code(found[1].strip())
        self._out.add(")")
        self._at = found.end()

    def _begins_definition(self) -> bool:
        """Whether what ends here may be the label of a link's definition."""
        return self._opens_with_label or not 0 <= self._first_label < self._at

    def _verbatim(self, text: str) -> None:
        self._flush()
        self._out.add(text)
        self._at += len(text)

    def _flush(self) -> None:
        text = "".join(self._plain)
        self._plain.clear()
        end = 0
        for word in _WORDS.finditer(text):
            start, stop = self._link(word[0])
            if start < 0:
                continue
            self._out.add(text[end : word.start() + start])
            self._out.code(text[word.start() + start : word.start() + stop])
            end = word.start() + stop
        self._out.add(text[end:])

    def _link(self, word: str) -> tuple[int, int]:
        """Where in a word stands a link that is not allowed; -1 where none does."""
        if word.isascii() and _LINKISH.isdisjoint(word):
            return -1, -1
        seen = visible(_ESCAPED.sub(r"\1", unescape(word) if "&" in word else word))
        start = link_in(seen)
        if start < 0:
            return -1, -1
        if seen != word:  # places in it are not those in the word: all of it is code
            return 0, len(word)
        stop = start + len(word[start:].rstrip(_BEHIND))
        if self._domains.allow(word[start:stop]):
            return -1, -1
        return start, stop
