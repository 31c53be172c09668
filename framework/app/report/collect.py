"""What a report needs: lines of the history, feedback, and the words of questions, read from the channels."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from framework.app.report.figures import UNANSWERED, PeriodFigures, by_bot, figures
from framework.app.report.questions import QuestionGroup, distinct, grouped
from framework.errors import FrameworkError
from framework.insight.history import TurnLine, Wanted

if TYPE_CHECKING:
    from framework.definition.model import Bot
    from framework.settings import Settings
    from framework.storage import Storage

MOST_READ = 5_000
"""Questions whose words are read from the channels, the newest first."""


@dataclass(frozen=True)
class BotReport:
    """A period, and the one before it that is as long. `questions` are those without an answer, by bot; `doubted` are
    articles by how often an answer from them was voted down, and up. `notes` say what could not be read.
    """

    since: datetime
    until: datetime
    now: PeriodFigures
    before: PeriodFigures
    bots: Mapping[str, PeriodFigures]
    questions: Mapping[str, Sequence[QuestionGroup]] = field(default_factory=dict)
    doubted: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    notes: Sequence[str] = ()


async def collect(
    settings: Settings, bots: Sequence[Bot], since: datetime, until: datetime, *, only: str | None = None
) -> BotReport:
    """Read everything. `only`: one bot's turns. Raises EngineError if the database does not answer; what the chat
    service does not tell becomes a note.
    """
    from framework.insight.history_database import DatabaseHistory
    from framework.storage import Storage

    storage = Storage(settings.database.get_secret_value())
    history = DatabaseHistory(storage)
    try:
        lines = await history.read(Wanted(bot=only, since=since, until=until))
        earlier = await history.read(Wanted(bot=only, since=since - (until - since), until=since))
        doubted = await _doubted(storage, bots, lines)
    finally:
        await asyncio.to_thread(storage.close)
    questions, notes = await _questions(settings, bots, lines)
    return BotReport(
        since=since,
        until=until,
        now=figures(lines, since, until),
        before=figures(earlier, since - (until - since), since),
        bots=by_bot(lines, partial(figures, since=since, until=until)),
        questions=questions,
        doubted=doubted,
        notes=notes,
    )


async def _doubted(storage: Storage, bots: Sequence[Bot], lines: Sequence[TurnLine]) -> Mapping[str, tuple[int, int]]:
    """Articles whose answers people voted down, with the votes against and for them. The first reaction of
    `reply.feedback` is the good one.
    """
    from framework.definition.overrides import effective
    from framework.runtime.state.feedback_database import DatabaseFeedback

    log = DatabaseFeedback(storage)
    sources = {line.reply: {file for file, _ in line.sources} for line in lines if line.reply}
    down: Counter[str] = Counter()
    up: Counter[str] = Counter()
    for bot in bots:
        for entry in await log.entries(bot.name):
            good = effective(bot.definition, entry.channel).reply.feedback[:1]
            votes = up if entry.reaction in good else down
            votes.update(sources.get(entry.reply, ()))
    return {file: (count, up[file]) for file, count in down.most_common()}


async def _questions(
    settings: Settings, bots: Sequence[Bot], lines: Sequence[TurnLine]
) -> tuple[Mapping[str, Sequence[QuestionGroup]], Sequence[str]]:
    """Questions without an answer, grouped, by bot."""
    found: dict[str, Sequence[QuestionGroup]] = {}
    notes: list[str] = []
    for bot in bots:
        missed = [line for line in lines if line.bot == bot.name and _is_missed(line)][-MOST_READ:]
        if not missed:
            continue
        try:
            texts = await _texts(settings, bot, missed)
            found[bot.name] = await asyncio.to_thread(_grouped, bot, settings, texts)
        except FrameworkError as error:
            notes.append(f"The questions of {bot.name} could not be read: {error.what}")
    return found, notes


def _is_missed(line: TurnLine) -> bool:
    return bool(line.message) and (line.outcome in UNANSWERED or line.label == "failed_answers")


async def _texts(settings: Settings, bot: Bot, lines: Sequence[TurnLine]) -> list[str]:
    """The words of the messages, from the channels. Those that were deleted are gone."""
    from framework.stream.factory import open_chat_service
    from framework.stream.model import ChannelRef

    channels: dict[str, list[str]] = {}
    for line in lines:
        channels.setdefault(line.channel, []).append(line.message)
    service = open_chat_service(settings, bot.definition.identity)
    gate = asyncio.Semaphore(8)

    async def read(channel: str, ids: Sequence[str]) -> list[str]:
        async with gate:
            messages = await service.messages(ChannelRef.parse(channel), ids)
        return [one.text for one in messages.values() if one.deleted_at is None]

    try:
        read_all = await asyncio.gather(*(read(channel, ids) for channel, ids in channels.items()))
    finally:
        await service.close()
    return [text for texts in read_all for text in texts]


def _grouped(bot: Bot, settings: Settings, texts: Sequence[str]) -> Sequence[QuestionGroup]:
    from framework.agent.build.factory import load_knowledge

    base = load_knowledge(bot, settings)
    if base is None:
        return [QuestionGroup([one.text], one.times) for one in distinct(texts)]
    return grouped(distinct(texts), base.meaning, base.nearest)
