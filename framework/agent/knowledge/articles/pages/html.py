"""HTML pages: parsed, without what surrounds the article, with accordions and tabs as `<details>`."""

from __future__ import annotations

import re

from lxml import etree, html

from framework.agent.knowledge.articles.document import ArticleDocument, UnreadableArticleError
from framework.agent.knowledge.articles.pages.hidden import remove_hidden
from framework.agent.knowledge.articles.pages.labels import unfold
from framework.agent.knowledge.articles.pages.main_part import article_of
from framework.agent.knowledge.articles.pages.notes import place_notes
from framework.agent.knowledge.articles.tree.inline import APART, Node, alternative, tag, text_of, unwrap

_DEEPEST = 120
_HOLDERS = frozenset({"ul", "ol", "menu", "dir", "dl", "table", "thead", "tbody", "tfoot", "tr"})
_LEVELS_OF_A_TABLE = 3
_DECLARED = re.compile(r"^\s*+<\?xml[^>]*+>")


def read_html(text: str) -> ArticleDocument:
    """Read a page. Its tree is the article alone."""
    root = parse(text)
    title = next((text_of(node) for node in root.iter("title")), "")
    url = _address(root)
    body = next((node for node in root if tag(node) == "body"), root)
    document = read_tree(body)
    document.title, document.url = title, url
    return document


def read_tree(body: Node) -> ArticleDocument:
    """Clean a tree that was parsed already."""
    etree.strip_tags(body, etree.Comment, etree.ProcessingInstruction)
    _flatten(body)
    remove_hidden(body)
    seen = len(text_of(body).split())
    body = article_of(body)
    words = text_of(body)
    unfold(body)
    place_notes(body)
    warnings = []
    if pictures := sum(not alternative(image) for image in body.iter("img") if not _is_small(image)):
        what = "a picture without a description" if pictures == 1 else f"{pictures} pictures without a description"
        warnings.append(f"holds {what}; what they show is not read")
    return ArticleDocument(body, warnings=warnings, words=words, around=seen - len(words.split()))


def parse(text: str) -> Node:
    """The tree of a page, or of a part of one. Raises UnreadableArticleError if it nests too deep."""
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    content = _DECLARED.sub("", text).replace("\x00", "")
    if not content.strip():
        content = "<body></body>"
    root = html.document_fromstring(content.encode("utf-8", "replace"), parser=parser)
    if limit := next((error for error in parser.error_log if error.type_name == "ERR_RESOURCE_LIMIT"), None):
        # The parser stops there, so that all that follows would be missing.
        raise UnreadableArticleError(
            f"This article nests elements thousands of levels deep (line {limit.line}).",
            "Take out elements that only hold one other element, or save its text as Markdown.",
        )
    return root


def _address(root: Node) -> str:
    for link in root.iter("link"):
        if (link.get("rel") or "").lower() == "canonical" and (link.get("href") or "").startswith("http"):
            return str(link.get("href"))
    return ""


def _is_small(image: Node) -> bool:
    sizes = [image.get(side) or "" for side in ("width", "height")]
    return any(size.isdecimal() and int(size[:5]) <= 32 for size in sizes) or image.get("role") == "presentation"


def _flatten(root: Node) -> None:
    """Take elements out that are nested deeper than any document needs; their text stays, word by word."""
    deep = []
    depth = 0
    for event, node in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if event == "end" and depth >= _DEEPEST and tag(node) and not _is_held(node, depth):
            deep.append(node)
    for node in deep:
        if tag(node) in APART:
            node.text, node.tail = f" {node.text or ''}", f" {node.tail or ''}"
        unwrap(node)


def _is_held(node: Node, depth: int) -> bool:
    """Whether it is an item, a row or a cell: right inside a list or table, no text is read."""
    parent = node.getparent()
    return depth < _DEEPEST + _LEVELS_OF_A_TABLE and parent is not None and tag(parent) in _HOLDERS
