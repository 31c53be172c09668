"""The text of tree nodes, as a reader sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml import etree

Node = etree._Element  # noqa: SLF001 - lxml has no public name for it

_SPACE = re.compile(r"[ \t\r\n\f\v\u00a0\u2007\u202f]+")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff\x00-\x08\x0e-\x1f]")
_FILE_NAME = re.compile(r"^\S+\.(png|jpe?g|gif|svg|webp|bmp|tiff?)$", re.IGNORECASE)
_BREAK = "\x1e"
_INSIDE = "\x1f"
STRONG = frozenset({"b", "strong"})


def tag(node: Node) -> str:
    """The element's name; "" for comments and the like."""
    name: object = node.tag
    return name if isinstance(name, str) else ""


def remove(node: Node) -> None:
    """Take a node out with all that it holds; what follows it stays."""
    parent = node.getparent()
    if parent is not None:
        _give(parent, node, node.tail)
        node.tail = None
        parent.remove(node)


def unwrap(node: Node) -> None:
    """Take a node out, but leave what it holds in its place."""
    parent = node.getparent()
    if parent is None:
        return
    place = parent.index(node)
    _give(parent, node, node.text)
    children = list(node)
    tail, node.tail = node.tail, None
    parent[place : place + 1] = children
    if tail:
        if children:
            children[-1].tail = (children[-1].tail or "") + tail
        elif place:
            parent[place - 1].tail = (parent[place - 1].tail or "") + tail
        else:
            parent.text = (parent.text or "") + tail


def _give(parent: Node, node: Node, text: str | None) -> None:
    """Put text right before a node."""
    if not text:
        return
    before = node.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def tidy(text: str) -> str:
    """One line without invisible characters."""
    return _SPACE.sub(" ", _INVISIBLE.sub("", text)).strip()


def pieces(node: Node, *, skip: frozenset[str] = frozenset(), depth: int = 0) -> Iterator[str]:
    """The text below a node, piece by piece; without elements named in `skip`. A line break is a piece of its own."""
    if node.text and tag(node):
        yield node.text
    for child in node:
        name = tag(child)
        if name == "br":
            yield _BREAK
        elif name == "img":
            yield alternative(child)
        elif name and name not in skip:
            apart = name in APART
            yield _INSIDE if apart else ""
            yield from pieces(child, skip=skip, depth=depth + 1)
            yield _INSIDE if apart else ""
        if child.tail:
            yield child.tail


APART = frozenset(
    {
        "p",
        "div",
        "li",
        "tr",
        "td",
        "th",
        "dt",
        "dd",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "pre",
        "table",
        "button",
        "summary",
        "label",
    }
)
"""Elements whose text does not touch the text beside them."""


def alternative(image: Node) -> str:
    """What stands in for a picture; "" if that is only its file's name."""
    text = tidy(image.get("alt") or image.get("title") or "")
    return "" if _FILE_NAME.match(text) else text


def joined(texts: Iterable[str], *, lines: bool = True) -> str:
    """Pieces as running text. Its line breaks stay with `lines`; otherwise they are spaces."""
    text = "".join(texts).replace(_INSIDE, " ")
    parts = [tidy(part) for part in text.split(_BREAK)]
    return ("\n" if lines else " ").join(part for part in parts if part)


def text_of(node: Node, *, lines: bool = False) -> str:
    """All text of a node, tidied."""
    return joined(pieces(node), lines=lines)


def is_strong(node: Node) -> bool:
    """Whether all text of a node is bold."""
    plain = tidy("".join(pieces(node, skip=STRONG)))
    return not plain and bool(text_of(node))
