"""reStructuredText as a tree, by docutils; what only Sphinx knows is read as the text that it holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from framework.agent.knowledge.articles.document import ArticleDocument
from framework.agent.knowledge.articles.pages.html import read_html

if TYPE_CHECKING:
    from docutils.parsers.rst import Directive

_DIRECTIVE = re.compile(r"^[ \t]*+\.\. {1,9}([\w-]++(?>(?::[\w-]++)*))::", re.MULTILINE)
_ROLE = re.compile(r"(?<![\w:+-]):([\w+-]++(?>(?::[\w+-]++)*)):`")
_SILENT = frozenset({"toctree", "index", "meta", "tags", "highlight", "currentmodule", "module", "contents"})


def read_rst(text: str) -> ArticleDocument:
    """Headings, paragraphs, lists, tables and notes."""
    from docutils.core import publish_string

    _learn(frozenset(_DIRECTIVE.findall(text)), frozenset(_ROLE.findall(text)))
    settings = {
        "report_level": 5, "halt_level": 5, "file_insertion_enabled": False, "raw_enabled": False,
        "output_encoding": "unicode", "embed_stylesheet": False, "stylesheet_path": None, "syntax_highlight": "none",
        "doctitle_xform": True, "initial_header_level": 2, "footnote_backlinks": False, "math_output": "LaTeX",
        "line_length_limit": 10_000_000, "_disable_config": True,
    }  # fmt: skip
    page = publish_string(text, writer="html5", settings_overrides=settings)
    return read_html(str(page))


def _learn(directives: frozenset[str], roles: frozenset[str]) -> None:
    """Make docutils take the directives and roles of Sphinx and its extensions."""
    from docutils.parsers.rst import directives as known
    from docutils.parsers.rst import roles as known_roles
    from docutils.parsers.rst.languages import en

    for name in directives - en.directives.keys():
        known.register_directive(name, _directive(silent=name in _SILENT))
    for name in roles - en.roles.keys():
        known_roles.register_local_role(name, _role)


def _directive(*, silent: bool) -> type[Directive]:
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class Unknown(Directive):
        """Reads what it holds; its argument is a label."""

        has_content, optional_arguments, final_argument_whitespace = True, 1, True
        option_spec = _Options()

        def run(self) -> list[nodes.Node]:
            if silent:
                return []
            label = " ".join(self.arguments)
            holder = nodes.container()
            self.state.nested_parse(self.content, self.content_offset, holder)
            if not label:
                return [holder]
            if not holder.children:
                return [nodes.paragraph(label, label)]
            opening = f"<details><summary>{escape(label)}</summary>"
            return [nodes.raw("", opening, format="html"), holder, nodes.raw("", "</details>", format="html")]

    return Unknown


class _Options(dict[str, Any]):
    """Takes any option."""

    def __getitem__(self, key: str) -> Callable[[str | None], str]:
        return lambda value: value or ""

    def __bool__(self) -> bool:
        return True


def _role(_name: str, rawtext: str, text: str, *_args: object, **_kwargs: object) -> tuple[list[Any], list[Any]]:
    """The text of a role: `:ref:`the text <target>``."""
    from docutils import nodes

    shown = text[: text.rindex("<")].rstrip() if text.endswith(">") and "<" in text else text
    shown = shown.lstrip("~!")
    return [nodes.inline(rawtext, shown)], []
