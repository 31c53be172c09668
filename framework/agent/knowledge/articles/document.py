"""What every reader makes of a file: a tree like that of an HTML page, and what is to be told about the file."""

from __future__ import annotations

from dataclasses import dataclass, field

from framework.agent.knowledge.articles.tree.inline import Node


class UnreadableArticleError(Exception):
    """A file that cannot be read. `what` says why, `hint` what its author can do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


@dataclass
class ArticleDocument:
    """A file as a tree. `body` holds headings, paragraphs, lists, tables and so on; `data-line` on an element is its
    line or page in the source. `title` is what the file calls itself apart from its headings, `url` its public address.
    `warnings` are for its author. `words` is its text as it is without the tree, to see what was lost on the way;
    `around` counts the words of menus and the like that were left out.
    """

    body: Node
    title: str = ""
    url: str = ""
    warnings: list[str] = field(default_factory=list)
    words: str = ""
    around: int = 0
    own_title: bool = False
    """Whether `title` wins over the first heading."""
