"""HTML as Markdown: what a reader of the page came for, without what surrounds it."""

from __future__ import annotations

from collections.abc import Iterator

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, PreformattedString, Tag

from framework.agent.knowledge.markdown import heading, item, plain, table

_LEFT_OUT = ["script", "style", "noscript", "template", "nav", "aside", "form", "iframe", "svg", "button", "select"]
_AROUND = ["header", "footer"]
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    {*_HEADINGS, "p", "div", "section", "article", "main", "ul", "ol", "li", "table", "pre", "blockquote", "dl", "dt"}
    | {"dd", "figure", "figcaption", "details", "summary", "address", "hr", "body", "header", "footer", "center"}
)


def html_to_markdown(content: bytes) -> str:
    """Headings, paragraphs, lists and tables, in order. The page's title stands in where it has no first heading."""
    soup = BeautifulSoup(content, "html.parser")
    for tag in soup(_LEFT_OUT):
        tag.decompose()
    root = soup.find("main") or soup.find("article") or soup.body or soup
    if root is soup or root is soup.body:
        for tag in root.find_all(_AROUND):
            tag.decompose()
    parts = list(_blocks(root))
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    if title and not any(part.startswith("# ") for part in parts):
        parts.insert(0, heading(title, 1))
    return "\n\n".join(parts)


def _blocks(tag: Tag) -> Iterator[str]:
    """The blocks inside a tag; text between them is a paragraph."""
    loose: list[str] = []
    for child in tag.children:
        if isinstance(child, Tag) and (child.name in _BLOCKS or child.find(_is_block) is not None):
            yield from _paragraph(loose)
            loose = []
            yield from _block(child)
        else:
            loose.append(_text(child))
    yield from _paragraph(loose)


def _is_block(tag: Tag) -> bool:
    return tag.name in _BLOCKS


def _block(tag: Tag) -> Iterator[str]:
    text = tag.get_text(" ", strip=True)
    if tag.name in _HEADINGS:
        if text:
            yield heading(text, _HEADINGS[tag.name])
    elif tag.name in {"ul", "ol"}:
        if lines := list(_items(tag, 0)):
            yield "\n".join(lines)
    elif tag.name == "table":
        rows = [[_text(cell) for cell in row.find_all(["td", "th"])] for row in tag.find_all("tr")]
        if rows := [row for row in rows if any(cell.strip() for cell in row)]:
            yield table(rows) if len(rows) > 1 else plain(" ".join(rows[0]))
    elif tag.name == "pre":
        code = tag.get_text().strip("\n")
        yield f"```\n{code}\n```"
    else:
        yield from _blocks(tag)


def _items(tag: Tag, depth: int) -> Iterator[str]:
    for number, child in enumerate(tag.find_all("li", recursive=False), 1):
        inner = child.find_all(["ul", "ol"])
        own = "".join(_text(part) for part in child.children if part not in inner)
        if own.strip():
            yield item(own, depth=depth, number=number if tag.name == "ol" else None)
        for below in child.find_all(["ul", "ol"], recursive=False):
            yield from _items(below, depth + 1)


def _paragraph(parts: list[str]) -> Iterator[str]:
    text = plain("".join(parts))
    if text:
        yield text


def _text(element: PageElement) -> str:
    if isinstance(element, Tag):
        return " " if element.name == "br" else "".join(_text(child) for child in element.children)
    # Comments and the like are strings to the parser, and no text.
    hidden = isinstance(element, PreformattedString) or not isinstance(element, NavigableString)
    return "" if hidden else str(element)
