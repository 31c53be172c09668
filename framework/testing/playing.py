"""Playing a conversation test: the production pipeline on a sandbox in memory, step by step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from framework.agent.models.setup import choose_model
from framework.app.app_bot import AppBot
from framework.definition.model import Bot
from framework.errors import FrameworkError
from framework.settings import Settings, load_settings
from framework.testing.clock import VirtualLoop
from framework.testing.conversation_run import ConversationRun, open_run
from framework.testing.expect import Observed, unmet
from framework.testing.outcome import TestResult
from framework.testing.rubric import RubricJudge
from framework.testing.scenario import ScenarioStep, Test


def play(test: Test, bot: Bot | AppBot, settings: Settings | None = None) -> TestResult:
    """Play one test on a loop of its own. What goes wrong is in the result; raises only what a person must mend first
    (a broken definition or environment). `settings`: without them, the environment is read.
    """
    settings = settings or load_settings()
    entry = bot if isinstance(bot, AppBot) else AppBot.of(bot)
    started = time.perf_counter()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        result = runner.run(_play(test, entry, settings))
    result.seconds = time.perf_counter() - started
    return result


async def _play(test: Test, entry: AppBot, settings: Settings) -> TestResult:
    result = TestResult(test)
    if test.scenario.needs == "model" and not _has_model(entry, settings):
        result.verdict, result.reason = "skipped", "needs a language model: set OPENAI_API_KEY"
        return result
    try:
        async with open_run(test.scenario, entry, settings, result.lines) as run:
            judge = RubricJudge(entry.bot, settings, run.loop.real_time)
            for number, step in enumerate(test.scenario.turns):
                seen = await run.do(step)
                for failure in [*unmet(step.expect, seen), *await _judged(judge, run, step, seen)]:
                    result.fail(failure, test.place(number))
    except FrameworkError as error:
        result.verdict, result.reason = "error", str(error)
    return result


def _has_model(entry: AppBot, settings: Settings) -> bool:
    return entry.own.model is not None or not choose_model(entry.bot.definition.model, settings).is_embedded


async def _judged(judge: RubricJudge, run: ConversationRun, step: ScenarioStep, seen: Observed) -> Sequence[str]:
    """Return what a language model has against the answer, if a rubric is given and a model is set."""
    if not step.expect.rubric:
        return ()
    if not judge.available:
        run.note("not judged by its rubric: no language model is set")
        return ()
    grade = await judge.grade(step.expect.rubric, " ".join(step.words), seen.text)
    return () if grade.passed else (f"the rubric is not met: {grade.why}",)
