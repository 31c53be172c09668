"""The models that judge texts, opened when a rule wants one: importing them takes seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from framework.aio import in_daemon_thread
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.app.guarding.config import WorkerConfig
    from framework.moderation.endpoint.rules import GuardBook
    from framework.moderation.judging import ModelJudge

_log = structlog.get_logger(__name__)


class Scores:
    """Scores texts by the model of each bot's moderation.yaml. Until it is open there are no scores."""

    def __init__(self, config: WorkerConfig, book: GuardBook) -> None:
        self._config = config
        self._book = book
        self._judges: dict[str, ModelJudge] = {}
        self._opening: asyncio.Task[None] | None = None
        self.reload()

    async def __call__(self, bot: str, text: str, kinds: Sequence[str], seconds: float) -> Mapping[str, float] | None:
        """See `Score`."""
        judge = self._judges.get(bot)
        if judge is None:
            return None
        file = self._book.files.get(bot)
        usual = file.moderation.judge.within.total_seconds() if file is not None else seconds
        return await judge.scores(text, kinds, within=min(seconds, usual))

    def reload(self) -> None:
        """Open the models again, if a rule wants one."""
        wanted = [
            bot.name
            for bot in self._book.bots
            if (file := self._book.files.get(bot.name)) and any(rule.when.model for rule in file.moderation.rules)
        ]
        if wanted:
            self._opening = asyncio.create_task(self._open(wanted), name="models of moderation")

    async def close(self) -> None:
        """Close all models."""
        if self._opening is not None:
            self._opening.cancel()
        for judge in self._judges.values():
            await judge.aclose()

    async def _open(self, names: Sequence[str]) -> None:
        for name in names:
            try:
                made = await in_daemon_thread(lambda name=name: self._made(name))  # type: ignore[misc]
            except FrameworkError as error:
                _log.warning("moderation.no_model", bot=name, error=error.what, instead="late of each rule")
                continue
            before = self._judges.pop(name, None)
            if before is not None:
                await before.aclose()
            if made is not None:
                self._judges[name] = made
            else:
                _log.warning("moderation.no_model", bot=name, error="No model is set up.", instead="late of each rule")

    def _made(self, name: str) -> ModelJudge | None:
        from framework.agent.models.moderator import open_judge
        from framework.definition.loader import load_bot

        bot = next(one for one in self._book.bots if one.name == name)
        definition = load_bot(str(bot.folder)).definition
        return open_judge(self._book.files[name].moderation.judge, definition.model, self._config.settings)
