"""Makes trees: what readers of formats other than HTML write down."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import etree

from framework.agent.knowledge.articles.tree.inline import Node

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """Without characters that no tree may hold."""
    return _FORBIDDEN.sub("", text)


def body() -> Node:
    """An empty document."""
    return etree.Element("body")


def add(parent: Node, name: str, text: str = "", *, line: int = 0) -> Node:
    """Append an element. Newlines in its text become line breaks, except in code."""
    node = etree.SubElement(parent, name)
    parts = [clean(text)] if name == "pre" else clean(text).split("\n")
    node.text = parts[0]
    for part in parts[1:]:
        etree.SubElement(node, "br").tail = part
    if line:
        node.set("data-line", str(line))
    return node


def add_table(parent: Node, rows: Sequence[Sequence[str]], *, headers: int = 0, line: int = 0) -> Node:
    """Append a table of texts; its first `headers` rows name the columns."""
    table = add(parent, "table", line=line)
    for number, row in enumerate(rows):
        line_node = etree.SubElement(table, "tr")
        for text in row:
            add(line_node, "th" if number < headers else "td", text)
    return table
