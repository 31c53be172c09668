"""Markdown in all the ways that site generators write it, as a tree. HTML inside it is read like any other HTML."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from framework.agent.knowledge.articles.document import ArticleDocument, UnreadableArticleError
from framework.agent.knowledge.articles.markup.dialects import is_mdx, plain_markdown
from framework.agent.knowledge.articles.markup.front import front_matter, without_properties
from framework.agent.knowledge.articles.markup.source_words import markdown_words
from framework.agent.knowledge.articles.pages.html import parse, read_tree
from framework.agent.knowledge.articles.tree.inline import tag, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_NESTING = 150


def read_markdown(text: str, *, exported: bool = False) -> ArticleDocument:
    """Read an article. `exported`: a page of Notion, which begins with its properties."""
    front, body, line = front_matter(text)
    body = without_properties(body, front, exported=exported)
    plain, warnings = plain_markdown(body, front.values)
    parser = _parser(mdx=is_mdx(body))
    tokens = parser.parse(plain)
    for token in tokens:
        if token.map and token.nesting >= 0:
            token.attrSet("data-line", str(token.map[0] + 1 + line))
    root = parse(f"<html><body>{parser.renderer.render(tokens, parser.options, {})}</body></html>")
    document = read_tree(next((node for node in root if tag(node) == "body"), root))
    document.title, document.url, document.own_title = front.title, front.url, bool(front.title)
    if any(token.level >= _NESTING - 1 for token in tokens):
        warnings = [*warnings, _too_deep(document)]
    document.words = markdown_words(body)
    document.warnings = [*front.warnings, *warnings, *document.warnings]
    return document


def _too_deep(document: ArticleDocument) -> str:
    """The warning. Raises UnreadableArticleError if there is nothing above the levels that are left out."""
    what = f"nests lists or quotes more than {_NESTING // 2} levels deep"
    if not text_of(document.body):
        raise UnreadableArticleError(f"This article {what}.", "Take levels out, or remove it from the knowledge.")
    return f"{what}; what stands deeper is not read. Take levels out"


@cache
def _parser(*, mdx: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.container import container_plugin
    from mdit_py_plugins.deflist import deflist_plugin
    from mdit_py_plugins.footnote import footnote_plugin

    parser = MarkdownIt("commonmark", {"maxNesting": _NESTING}).enable(["table", "strikethrough"])
    parser.use(deflist_plugin).use(footnote_plugin)
    parser.use(container_plugin, "any", validate=lambda *_: True, render=_container)
    if mdx:
        # Components are indented like code, and MDX has no indented code for that reason.
        parser.disable("code")
    return parser


def _container(_self: object, tokens: Sequence[Token], index: int, _options: object, _env: object) -> str:
    """`:::note Title`: the title is the label of what stands inside."""
    from html import escape

    token = tokens[index]
    if token.nesting != 1:
        return "</details>\n" if token.meta.get("label") else "</div>\n"
    label = _label(token.info)
    closing = _closing(tokens, index)
    if label and closing is not None:
        closing.meta["label"] = label
        return f"<details><summary>{escape(label)}</summary>\n"
    return "<div>\n"


def _label(info: str) -> str:
    """`note Title`, `note[Title]`, `tip{title="Title"}`, `tab-item label`."""
    import re

    text = info.strip()
    if match := re.search(r"\[([^\[\]]++)\]", text):
        return match[1].strip()
    if match := re.search(r"(?:title|label|name)=[\"']([^\"']++)[\"']", text):
        return match[1].strip()
    rest = re.sub(r"\{[^{}]*+\}", "", text).split(maxsplit=1)
    return rest[1].strip().strip("\"'") if len(rest) > 1 and rest[0] != "code-group" else ""


def _closing(tokens: Sequence[Token], start: int) -> Token | None:
    depth = 0
    for token in tokens[start:]:
        if token.type == "container_any_open":
            depth += 1
        elif token.type == "container_any_close":
            depth -= 1
            if not depth:
                return token
    return None
