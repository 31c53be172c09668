"""All articles of a bot: read one by one, so that a bad one keeps the others from nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import structlog

from framework.agent.knowledge.articles.article import Article
from framework.agent.knowledge.articles.cache import ArticleCache
from framework.agent.knowledge.articles.reading import read_article
from framework.agent.knowledge.progress import progress
from framework.errors import DefinitionError, Position

_log = structlog.get_logger(__name__)


def read_articles(files: Iterable[Path], root: Path, cache: Path | None) -> tuple[Article, ...]:
    """Read articles in the order of their names. Logs a line for each one that has something wrong with it.

    Raises DefinitionError if there is no article, or none of them can be read; the error names them all.
    """
    kept = ArticleCache.open(cache, root)
    places = {name_below(file, root): file for file in sorted(files)}
    if not places:
        raise DefinitionError(
            "There are no articles in the bot's knowledge.",
            where=Position(root),
            hint="Put at least one Markdown file there, or take `knowledge` out of bot.yaml.",
        )
    read: list[Article] = []
    with progress("Reading articles", len(places)) as advance:
        for name, file in places.items():
            read.append(read_article(file, name, kept))
            advance(1)
    articles = tuple(read)
    kept.save()
    if not any(article.chunks for article in articles):
        raise _none(articles, places)
    for article in articles:
        if article.problem:
            _log.warning("knowledge.article_left_out", file=article.name, reason=article.problem, remedy=article.hint)
        for warning in article.warnings:
            _log.warning("knowledge.article", file=article.name, note=warning)
    return articles


def name_below(file: Path, root: Path) -> str:
    """The file's path below the root; its name if it is somewhere else."""
    try:
        return file.relative_to(root).as_posix()
    except ValueError:
        return file.name


def _none(articles: Iterable[Article], places: dict[str, Path]) -> DefinitionError:
    problems = [
        DefinitionError(article.problem, where=Position(places[article.name]), hint=article.hint)
        for article in articles
    ]
    if len(problems) == 1:
        return problems[0]
    listed = "\n".join(str(problem) for problem in problems)
    return DefinitionError(f"None of the articles can be read:\n{listed}")
