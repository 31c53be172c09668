"""A bot in a test that is written in Python: what is said to it, and what it answers."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import ValidationError

from framework.app.additions import Additions
from framework.app.app_bot import AppBot
from framework.app.environment import require_no_loop
from framework.definition.model import Bot
from framework.errors import UsageError
from framework.settings import Settings, load_settings
from framework.testing.clock import VirtualLoop
from framework.testing.conversation_run import ConversationRun, open_run
from framework.testing.expect import Observed, unmet
from framework.testing.outcome import Line
from framework.testing.report import transcript_line
from framework.testing.scenario import Opening, ScenarioStep
from framework.values import Untyped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.language_models import BaseChatModel
    from langchain_core.retrievers import BaseRetriever

    from framework.agent.knowledge.retriever import Retriever
    from framework.runtime.core.rule import Observer, Rule

PartT = TypeVar("PartT", Opening, ScenarioStep)


class TestChannel:
    """A channel of a sandbox in memory, with the bot at work in it. Time is virtual: an hour passes in a moment.

    Use it in a plain test function, as `with TestChannel("bots/support_bot") as channel:`. It has an event loop of its
    own, so it cannot be used inside of a running one.
    """

    __test__ = False  # for pytest, which collects what is called so

    def __init__(
        self,
        bot: Bot | str | Path,
        settings: Settings | None = None,
        *,
        model: BaseChatModel | str | None = None,
        retriever: Retriever | BaseRetriever | None = None,
        rules: Iterable[Rule] = (),
        observers: Iterable[Observer] = (),
        **opening: Untyped,
    ) -> None:
        """`model`, `retriever`, `rules` and `observers` as for an `App`; `settings`: without them, the environment is
        read. `opening`: what there is before the first step, by the keys of a conversation test (`channel`, `people`,
        `at`, `custom`, `history`, `definition`).

        Raises as `App.add` does, and UsageError for an opening that is wrong.
        """
        loaded = bot if isinstance(bot, Bot) else Bot.load(bot)
        additions = Additions()
        for rule in rules:
            additions.add_rule(rule)
        for observer in observers:
            additions.add_observer(observer)
        self._entry = AppBot.of(loaded, model=model, retriever=retriever, additions=additions)
        self._settings = settings or load_settings()
        self._opening = _checked(Opening, opening)
        self._lines: list[Line] = []
        self._runner: asyncio.Runner | None = None
        self._stack = AsyncExitStack()
        self._run: ConversationRun | None = None

    def __enter__(self) -> Self:
        """Start the sandbox and the bot. Raises FrameworkError if the bot cannot start."""
        require_no_loop(
            "A TestChannel has an event loop of its own, and one is running here already.",
            "Use it in a plain function: `def test_...`, not `async def`.",
        )
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        try:
            opened = open_run(self._opening, self._entry, self._settings, self._lines)
            self._run = self._runner.run(self._stack.enter_async_context(opened))
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(self, *failure: object) -> None:
        """Stop the bot and the sandbox."""
        runner, self._runner, self._run = self._runner, None, None
        if runner is not None:
            with runner:
                runner.run(self._stack.aclose())

    def say(self, text: str, **step: Untyped) -> Observed:
        """The user writes this; return what the bot made of it. `step`: further keys of a step, as in
        `say("And now?", reply_to="bot", wait="10m")`.
        """
        return self.step(user=text, **step)

    def step(self, **step: Untyped) -> Observed:
        """Let one thing happen, by the keys of a step of a conversation test, and return what the bot made of it.
        `from` is a word of Python's: write `sender`.

        Raises AssertionError with the conversation if `expect` is given and not met, UsageError for a step that is
        wrong.
        """
        if self._run is None or self._runner is None:
            raise UsageError("The channel is not open.", hint="Write `with TestChannel(...) as channel:` around it.")
        if "sender" in step:
            step["from"] = step.pop("sender")
        made = _checked(ScenarioStep, step)
        seen = self._runner.run(self._run.do(made))
        if missed := list(unmet(made.expect, seen)):
            raise AssertionError("\n".join([*missed, "", self.transcript]))
        return seen

    @property
    def transcript(self) -> str:
        """What happened so far, a line each."""
        return "\n".join(map(transcript_line, self._lines))


def _checked(kind: type[PartT], values: dict[str, Any]) -> PartT:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        what = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{place}: {what}" if place else what, hint="docs/testing.md lists all keys.") from None
