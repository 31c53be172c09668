"""From the tree of a document to the blocks of its sections."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from framework.agent.knowledge.articles.tree.chunk import TextBlock, Unit, sentences
from framework.agent.knowledge.articles.tree.inline import Node, alternative, joined, pieces, tag, tidy
from framework.agent.knowledge.articles.tree.listing import Listing
from framework.agent.knowledge.articles.tree.outline import Outline
from framework.agent.knowledge.articles.tree.split import cut, wrapped
from framework.agent.knowledge.articles.tree.table import add_table, is_layout

BLOCKS = frozenset(
    """address article aside blockquote body caption center dd details dir div dl dt fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 header hgroup hr html li listing main menu nav ol p pre section summary table tbody td tfoot
    th thead tr ul xmp""".split()  # noqa: SIM905 - forty strings in a list are harder to read
)
"""Elements that begin a line of their own."""

_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_HEADING = re.compile(r"^h([1-6])$")
_WORD = re.compile(r"\w")


class Walk:
    """Reads one tree into an outline, in the order of the document."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline

    def read(self, node: Node) -> None:
        """Read the blocks inside a node; text between them is a paragraph."""
        loose: list[str] = [node.text or ""]
        for child in node:
            name = tag(child)
            if name and (name in BLOCKS or _holds_block(child)):
                self._paragraph(loose)
                loose = []
                self._block(name, child)
            elif name == "br":
                loose.append("\x1e")
            elif name == "img":
                loose.append(alternative(child))
            elif name:
                loose += pieces(child)
            loose.append(child.tail or "")
        self._paragraph(loose)

    def _block(self, name: str, node: Node) -> None:
        self._outline.at(node)
        if level := _HEADING.match(name):
            self._heading(int(level[1]), node)
        elif name in _LISTS:
            Listing(self._outline, self).read(node)
        elif name == "table" and not is_layout(node):
            add_table(self._outline, node, self)
        elif name == "dl":
            self._definitions(node)
        elif name in {"pre", "listing", "xmp"}:
            self.code(node)
        elif name == "details":
            self.details(node)
        else:
            self.read(node)

    def _heading(self, level: int, node: Node) -> None:
        text = joined(pieces(node), lines=False)
        if _WORD.search(text):
            self._outline.heading(level, text)

    def _paragraph(self, texts: Sequence[str]) -> None:
        text = joined(texts)
        if _WORD.search(text):
            for part in wrapped(text):
                self._outline.add(paragraph(part))

    def code(self, node: Node) -> None:
        """Add code, cut between its lines if it is long."""
        text = "".join(pieces(node)).replace("\x1e", "\n").replace("\x1f", "").strip("\r\n")
        if text.strip():
            for part in cut(text):
                self._outline.add(TextBlock("code", (Unit(part.strip()),), part.strip()))

    def details(self, node: Node) -> None:
        """Read what opens under a label: an accordion, a tab, a question with its answer."""
        summary = next((child for child in node if tag(child) == "summary"), None)
        label = joined(pieces(summary), lines=False) if summary is not None else ""
        if summary is not None:
            tail = summary.tail or ""
            node.remove(summary)
            node.text = (node.text or "") + tail
        if not label:
            self.read(node)
            return
        if not _WORD.search("".join(pieces(node))):
            self._outline.add(paragraph(label))
            return
        with self._outline.inside(label):
            self.read(node)

    def _definitions(self, node: Node) -> None:
        rows: list[Unit] = []
        for terms, meanings in _pairs(node):
            term = ", ".join(terms)
            meaning = "; ".join(filter(None, (joined(pieces(part), lines=False) for part in meanings)))
            if term and meanings and (term.endswith("?") or any(map(_is_rich, meanings)) or len(meaning) > 400):
                self._rows(rows)
                rows = []
                with self._outline.inside(term):
                    for part in meanings:
                        self.read(part)
            elif term or meaning:
                rows.append(Unit(f"{term}: {meaning}" if term and meaning else term or meaning, "row", term))
        self._rows(rows)

    def _rows(self, rows: Sequence[Unit]) -> None:
        if rows:
            quote = "\n".join(f"- {row.text}" for row in rows)
            self._outline.add(TextBlock("table", tuple(rows), quote, self._outline.lead))


def paragraph(text: str) -> TextBlock:
    """Running text as a block of its sentences."""
    return TextBlock("paragraph", tuple(Unit(sentence) for sentence in sentences(text)), text)


def _holds_block(node: Node) -> bool:
    return any(tag(below) in BLOCKS for below in node.iterdescendants())


def _is_rich(node: Node) -> bool:
    return any(tag(below) in {"ul", "ol", "table", "pre", "details", "dl"} for below in node.iterdescendants())


def _pairs(node: Node) -> Iterator[tuple[list[str], list[Node]]]:
    """The terms of a definition list with their meanings. A `div` may group them."""
    terms: list[str] = []
    meanings: list[Node] = []
    for child in node.iter("dt", "dd"):
        if next(child.iterancestors("dl")) is not node:
            continue
        if tag(child) == "dt":
            if meanings:
                yield terms, meanings
                terms, meanings = [], []
            terms.append(tidy(joined(pieces(child), lines=False)))
        else:
            meanings.append(child)
    if terms or meanings:
        yield terms, meanings
