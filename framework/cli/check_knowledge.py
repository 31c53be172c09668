"""The articles in `check`: what was understood of each one, and what its author should know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from framework.cli.finding import CheckFinding
from framework.errors import DefinitionError, FrameworkError, Position

if TYPE_CHECKING:
    from framework.agent.knowledge.articles.article import Article
    from framework.definition.model import Bot
    from framework.settings import Settings

_PART = "knowledge"
_LONGEST = 40


def knowledge_findings(bot: Bot, settings: Settings, *, each: bool) -> Iterator[CheckFinding]:
    """All articles at once; `each`: a line for every article, too."""
    from framework.agent.build.factory import load_knowledge

    try:
        base = load_knowledge(bot, settings)
    except FrameworkError as error:
        yield CheckFinding(bot.name, _PART, ok=False, detail=str(error))
        return
    if base is None:
        none = "none: without a language model the bot cannot answer anything"
        yield CheckFinding(bot.name, _PART, ok=True, detail=none)
        return
    read = [article for article in base.articles if article.chunks]
    counted = f"{_count(len(read), 'article')} in {_count(len(base.index.chunks), 'passage')}"
    lost = sum(len(article.lost) for article in read)
    yield CheckFinding(bot.name, _PART, ok=True, detail=f"{counted}, {_count(lost, 'word')} lost" if each else counted)
    for article in base.articles:
        if each and article.chunks:
            yield CheckFinding(bot.name, _PART, ok=True, detail=_understood(article))
        yield from _doubts(bot, article)


def _understood(article: Article) -> str:
    """`prices.csv: CSV, “Prices”, 3 passages, 1 table, 0 words lost`."""
    parts = [
        article.kind,
        f"“{article.title}”",
        _count(len(article.chunks), "passage"),
        _count(article.tables, "table"),
        f"{_count(len(article.lost), 'word')} lost"
        + (f" ({', '.join(map(_short, article.lost))})" if article.lost else ""),
    ]
    if article.around:
        parts.append(f"{article.around} words around it left out")
    return f"{article.name}: {', '.join(parts)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _short(word: str) -> str:
    """What counts as a word may be a line of millions of letters."""
    return word if len(word) <= _LONGEST else f"{word[:_LONGEST]}…"


def _doubts(bot: Bot, article: Article) -> Iterator[CheckFinding]:
    where = Position(bot.folder / article.name)
    if article.problem:
        said = DefinitionError(article.problem, where=where, hint=article.hint)
        yield CheckFinding(bot.name, _PART, ok=True, detail=f"{said}", warning=True)
    for warning in article.warnings:
        yield CheckFinding(bot.name, _PART, ok=True, detail=str(DefinitionError(warning, where=where)), warning=True)


def index_findings(bot: Bot, settings: Settings) -> Iterator[CheckFinding]:
    """Articles and their index, without computing anything of it."""
    from framework.agent.build.factory import look_at_knowledge

    try:
        state = look_at_knowledge(bot, settings)
    except FrameworkError as error:
        yield CheckFinding(bot.name, _PART, ok=False, detail=str(error))
        return
    if state is None:
        none = "none: without a language model the bot cannot answer anything"
        yield CheckFinding(bot.name, _PART, ok=True, detail=none)
        return
    counted = f"{_count(len(state.articles), 'article')} in {_count(state.passages, 'passage')}"
    if state.unread and state.begun:
        detail = (
            f"{counted}; {_count(state.unread, 'text')} changed since the index was made, which knows the old words"
        )
        detail += f"\n  Renew it by a start of the bot, or now by `check {bot.name}`."
        yield CheckFinding(bot.name, "knowledge index", ok=True, detail=detail, warning=True)
    else:
        yield CheckFinding(
            bot.name, _PART, ok=True, detail=counted + ("; read at the first start" if state.unread else "")
        )
    for article in state.articles:
        yield from _doubts(bot, article)
