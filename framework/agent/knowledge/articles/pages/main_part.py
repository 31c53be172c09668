"""Which part of a page is the article: without menus, the page's head and foot, and link lists beside it."""

from __future__ import annotations

import re

from framework.agent.knowledge.articles.tree.inline import Node, remove, tag, text_of

_ROLES = frozenset({"navigation", "contentinfo", "search", "dialog", "alertdialog", "menu", "menubar", "toolbar"})
_AROUND = re.compile(
    r"(^|[\s_-])(breadcrumbs?|cookie[\w-]{0,30}|pagination|page-metadata|skip-link|skip-to-content|"
    r"toc|table-of-contents|share-buttons|social-share|edit-this-page|theme-edit-this-page|print-only-nav)($|\s)",
    re.IGNORECASE,
)
_FEET = frozenset({"footer", "site-footer", "page-footer", "colophon"})
_PROPERTIES = "properties"
_SECTIONING = ("article", "section", "main", "blockquote", "details", "aside", "td", "li")
_CONTENT = ("p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "table", "article", "section", "dl", "pre")


def article_of(body: Node) -> Node:
    """The article's tree."""
    _remove_around(body)
    mains = [node for node in body.iter("main") if not any(tag(up) == "main" for up in node.iterancestors())]
    mains += [] if mains else [node for node in body.iter("div") if node.get("role") == "main"][:1]
    if mains and sum(len(text_of(node)) for node in mains) * 5 >= len(text_of(body)):
        return mains[0] if len(mains) == 1 else _common(mains)
    articles = [node for node in body.iter("article") if not any(tag(up) == "article" for up in node.iterancestors())]
    if len(articles) == 1 and len(text_of(articles[0])) * 2 >= len(text_of(body)):
        return articles[0]
    return body


def _common(nodes: list[Node]) -> Node:
    ups = [[node, *node.iterancestors()] for node in nodes]
    return next(up for up in ups[0] if all(up in others for others in ups[1:]))


def _remove_around(body: Node) -> None:
    for node in list(body.iter()):
        name = tag(node)
        if not name or node is body or node.getparent() is None:
            continue
        if (
            name == "nav"
            or node.get("role") in _ROLES
            or _is_around(node, name)
            or (name == "form" and next(node.iterdescendants(*_CONTENT), None) is None)
        ):
            remove(node)
        elif name == "header" and not _inside(node):
            _keep_title(node)


def _is_around(node: Node, name: str) -> bool:
    if node.get("id") in _FEET:
        return True
    if name == "footer":
        return not _inside(node)
    if name == "aside":
        return not _inside(node) and _is_links(node)
    if name == "table" and _PROPERTIES in (node.get("class") or "").split():
        return True
    named = f"{node.get('class') or ''} {node.get('id') or ''}"
    if name in {"div", "ul", "ol", "section", "p", "a", "span"} and _AROUND.search(named):
        return not any(tag(below) in {"h1", "h2", "table"} for below in node.iterdescendants())
    return False


def _inside(node: Node) -> bool:
    return any(tag(up) in _SECTIONING for up in node.iterancestors())


def _is_links(node: Node) -> bool:
    linked = sum(len(text_of(link)) for link in node.iter("a"))
    return linked * 2 > len(text_of(node))


def _keep_title(header: Node) -> None:
    """The head of a page goes, except for the title in it."""
    titles = list(header.iter("h1", "h2"))
    if not titles:
        remove(header)
        return
    for child in list(header):
        if child not in titles and not any(title in child.iterdescendants() for title in titles):
            remove(child)
