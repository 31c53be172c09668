"""Tell the sandbox what the bots' articles say: its page opens the sources of an answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from framework.agent.knowledge.articles.article import Article
    from framework.definition.model import Bot
    from framework.settings import Settings

LONGEST = 200_000
"""Characters of one article that the page shows."""

_ALL = 20_000_000
"""Characters of all articles of a bot; those beyond are not shown."""

_PORTION = 300_000


async def present_articles(bots: Iterable[Bot], settings: Settings) -> None:
    """Tell the sandbox the articles of bots, and which are no more. If that fails, sources do not open in its page."""
    import structlog

    from framework.errors import FrameworkError
    from framework.stream.factory import tell_sandbox

    for bot in bots:
        user_id = bot.definition.identity.user_id
        try:
            articles = await asyncio.to_thread(_articles, bot, settings)
            await tell_sandbox(
                settings, "sandbox/articles", {"bot": user_id, "files": [one["file"] for one in articles]}
            )
            for portion in _portions(articles):
                await tell_sandbox(settings, "sandbox/articles", {"bot": user_id, "articles": portion})
        except FrameworkError as error:
            structlog.get_logger(__name__).warning("sandbox.articles_not_told", bot=bot.name, error=str(error))


def presented_article(article: Article) -> dict[str, Any]:
    """An article as the sandbox takes it: its sections in order, as people read them."""
    from framework.agent.knowledge.articles.tree.shown import shown

    sections: list[dict[str, Any]] = []
    size, cut = 0, False
    for chunk in article.chunks:
        text = shown(chunk)
        size += len(text)
        if size > LONGEST and sections:
            cut = True
            break
        sections.append({"heading": " › ".join(chunk.headings), "text": text, "line": chunk.line})
    return {"file": article.name, "title": article.title, "cut": cut, "sections": sections}


def _articles(bot: Bot, settings: Settings) -> list[dict[str, Any]]:
    """All that the bot may quote in any channel. They were read for its index, so this only reads what was kept."""
    from framework.agent.build.factory import make_folder
    from framework.agent.knowledge.articles.cache import ArticleCache
    from framework.agent.knowledge.articles.collection import name_below
    from framework.agent.knowledge.articles.reading import read_article

    kept = ArticleCache.open(make_folder(settings.data / "knowledge"), bot.folder)
    files = dict.fromkeys(file for files in (bot.knowledge_files, *bot.articles.values()) for file in files)
    told: list[dict[str, Any]] = []
    room = _ALL
    for file in files:
        article = read_article(file, name_below(file, bot.folder), kept)
        if not article.chunks:
            continue
        told.append(presented_article(article))
        room -= _size(told[-1])
        if room < 0:
            break
    return told


def _portions(articles: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Articles in calls that are not too large."""
    portion: list[dict[str, Any]] = []
    size = 0
    for article in articles:
        if portion and size + _size(article) > _PORTION:
            yield portion
            portion, size = [], 0
        portion.append(article)
        size += _size(article)
    if portion:
        yield portion


def _size(article: dict[str, Any]) -> int:
    return sum(len(section["text"]) + len(section["heading"]) for section in article["sections"])
