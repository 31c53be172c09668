"""The articles behind the bots' answers, as their process told the sandbox. A source in an answer opens one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import pair
from framework.sandbox.chat.messages.operations import readable
from framework.sandbox.dev.bots import BOTS
from framework.sandbox.kernel.errors import forbidden, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Derived, Groups, Table, grouped

if TYPE_CHECKING:
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.kernel.call import Call

LONGEST_NAME = 1_000
MOST_SECTIONS = 5_000


@dataclass(slots=True)
class PresentedArticle(Record):
    """One article of a bot. `file` only tells articles apart: nothing is ever read from a disk by it.

    `sections` are `{"heading", "text", "line"}` in order, with Markdown as text. `cut`: the article goes on.
    """

    KEY = ("bot", "file")

    bot: str
    file: str
    title: str = ""
    cut: bool = False
    sections: list[dict[str, Any]] = field(default_factory=list)


ARTICLES = Table("playground_articles", PresentedArticle)
ARTICLES_OF: Derived[PresentedArticle, Groups[PresentedArticle]] = grouped(ARTICLES, lambda article: article.bot)
DOMAIN = Domain("playground articles")


@DOMAIN.operation("PresentArticles", "PUT", "/sandbox/articles", v2=None, access=Access.SERVER)
def present_articles(call: Call) -> Result:
    """Take in `{"bot", "articles": [...], "files": [...]}`: articles with the fields of PresentedArticle.

    With `files`, the bot's articles of other names are forgotten.
    """
    bot = call.required_text("bot")
    articles = [_read(call, bot, fields) for fields in call.objects("articles")]
    if "files" in call.body:
        kept = set(call.texts("files"))
        for article in [one for one in call.store.index(ARTICLES_OF).of(bot) if one.file not in kept]:
            call.store[ARTICLES].remove(article.key)
    for article in articles:
        if call.store[ARTICLES].get(article.key) != article:
            call.store[ARTICLES].put(article)
    return {}


@DOMAIN.operation("ReadSource", "GET", "/sandbox/source", v2=None)
def read_source(call: Call) -> Result:
    """Return the article `file` that a bot's message `message_id` names among its sources.

    Only people who can read that message get it, and only messages of bots count: so nobody reads an article that no
    answer to them is from.
    """
    message, file = readable(call, call.required_text("message_id")), call.required_text("file")
    if message.user_id not in call.store[BOTS] or file not in _files(message):
        raise forbidden(f"{file!r} is not a source of this answer")
    article = call.store[ARTICLES].get(pair(message.user_id, file))
    if article is None:
        raise not_found("This article is no longer among those of the bot")
    return {"file": article.file, "title": article.title, "cut": article.cut, "sections": article.sections}


def _files(message: Message) -> list[object]:
    sources = message.custom.get("sources")
    return [one.get("file") for one in sources if isinstance(one, dict)] if isinstance(sources, list) else []


def _read(call: Call, bot: str, fields: dict[str, Any]) -> PresentedArticle:
    sections = [
        {
            "heading": call.text("heading", section) or "",
            "text": call.text("text", section) or "",
            "line": call.number("line", 0, source=section),
        }
        for section in call.objects("sections", fields)[:MOST_SECTIONS]
    ]
    file, title = call.required_text("file", fields), call.text("title", fields) or ""
    cut = call.flag("cut", fields)
    return PresentedArticle(bot, file[:LONGEST_NAME], title[:LONGEST_NAME], cut, sections)
