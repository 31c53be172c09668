"""An app: bots that run together, and what a program brings for them. The command line starts them the same way."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Self, TypeVar

from framework.app.additions import Additions
from framework.app.app_bot import AppBot
from framework.app.bots import require_distinct
from framework.app.environment import logging_for, prepare_data, require_no_loop, tell_errors
from framework.app.open_bots import OpenBots
from framework.app.serving import Ready, Serving
from framework.errors import FrameworkError, UsageError
from framework.settings import load_settings, require_stream_in_production

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from langchain_core.language_models import BaseChatModel
    from langchain_core.retrievers import BaseRetriever

    from framework.agent.conversation import Agent, Answer, Utterance
    from framework.agent.knowledge.retriever import Retriever
    from framework.definition.model import Bot
    from framework.runtime.core.rule import Observer, Rule
    from framework.runtime.one_shot import ChannelReply
    from framework.settings import Settings

    RuleT = TypeVar("RuleT", bound=Rule)
    ObserverT = TypeVar("ObserverT", bound=Observer)


MOST_READ = 300
"""Messages that a reply may read."""


class App:
    """Bots that run together.

    `run` serves them until Ctrl-C, `serve` does so in an event loop of your own. Inside `async with app:` one message
    is answered at a time: by `answer` without a channel, by `reply` in one. Without STREAM_API_KEY the sandbox serves
    as the chat, started as a child process.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        rules: Iterable[Rule] = (),
        observers: Iterable[Observer] = (),
    ) -> None:
        """`settings`: without them, the environment is read. `rules` and `observers` are added to the pipeline of every
        bot. Logs are left as the program set them up.

        Raises SettingsError for an environment that is wrong and for a data folder that cannot be written, UsageError
        for a rule or an observer that is not an async function.
        """
        self._additions = Additions()
        for rule in rules:
            self._additions.add_rule(rule)
        for observer in observers:
            self._additions.add_observer(observer)
        self.settings = settings or load_settings()
        prepare_data(self.settings.data)
        self._bots: dict[str, AppBot] = {}
        self._serving: Serving | None = None
        self._opened: OpenBots | None = None

    @classmethod
    def from_env(cls, *, rules: Iterable[Rule] = (), observers: Iterable[Observer] = ()) -> Self:
        """An app that treats its process as the command line does: it reads the environment, writes logs as
        FRAMEWORK_LOG_FORMAT and FRAMEWORK_LOG_LEVEL say, makes new files readable by this user alone, and keeps secrets
        out of the environment of child processes. A FrameworkError that nothing catches ends the program with a
        sentence instead of a traceback. Raises SettingsError.
        """
        from framework.environment import hide_secrets
        from framework.private_files import keep_private

        tell_errors()
        keep_private()
        hide_secrets()
        settings = load_settings()
        logging_for(settings)
        return cls(settings, rules=rules, observers=observers)

    @property
    def bots(self) -> Sequence[Bot]:
        """The bots that were added."""
        return tuple(entry.bot for entry in self._bots.values())

    def add(
        self,
        bot: Bot | str | Path,
        *,
        model: BaseChatModel | str | None = None,
        retriever: Retriever | BaseRetriever | None = None,
    ) -> Bot:
        """Add a bot that was loaded, or by its name under bots/ or the path of its folder. Return it.

        `model`: a chat model of LangChain, or a name as in bot.yaml, in the place of `model: name:` there. An override
        that names another model keeps it. A model that you bring is yours to close. `retriever`: what is searched in
        the place of the bot's articles.

        Raises DefinitionError for what is wrong with the bot, UsageError for one that is not there, and for two bots
        with one name or one user.
        """
        from framework.definition.model import Bot

        loaded = bot if isinstance(bot, Bot) else Bot.load(bot)
        entry = AppBot.of(loaded, model=model, retriever=retriever, additions=self._additions)
        require_distinct([*self.bots, loaded])
        self._bots[loaded.name] = entry
        return entry.bot

    def rule(self, rule: RuleT) -> RuleT:
        """Add a rule to the pipeline of every bot of this app; to be used as a decorator. Return it unchanged.

        A rule decides in a channel whether the agent is asked (see `Rule`). Rules run in the order in which they were
        added. Raises UsageError for what is not an async function.
        """
        self._additions.add_rule(rule)
        return rule

    def observer(self, observer: ObserverT) -> ObserverT:
        """Add an observer to the pipeline of every bot of this app; to be used as a decorator. Return it unchanged.

        An observer sees and may change what the agent does in a channel (see `Observer`). Raises UsageError for what is
        not an async function.
        """
        self._additions.add_observer(observer)
        return observer

    def run(self) -> None:
        """Run the bots until Ctrl-C or SIGTERM. An error is told in a sentence on standard error, and ends the program
        with its exit code: SystemExit. Raises UsageError inside of a running event loop.
        """
        require_no_loop(
            "`run` starts an event loop, and one is running here already.", "Write `await app.serve(stop)`."
        )
        try:
            asyncio.run(self._until_signal())
        except FrameworkError as error:
            sys.stderr.write(f"error: {error}\n")
            sys.exit(error.exit_code)

    async def serve(
        self,
        stop: asyncio.Event,
        *,
        ready: Callable[[Ready], None] | None = None,
        tell: Callable[[FrameworkError], None] | None = None,
    ) -> None:
        """Run the bots until `stop` is set. `ready` is called once, when every bot is. `tell` is told of a mistake in
        an edited bot, which goes on as before.

        Raises UsageError without a bot, SettingsError if FRAMEWORK_ENV is production and no Stream app is named, and
        FrameworkError when a bot cannot start or goes on no longer.
        """
        if not self._bots:
            raise UsageError("The app has no bot.", hint='Add one: app.add("bots/support_bot").')
        require_stream_in_production(self.settings)
        self._serving = Serving(
            tuple(self._bots.values()),
            self.settings,
            ready=ready or _announce,
            tell=tell or (lambda error: None),
        )
        try:
            await self._serving.until(stop)
        finally:
            self._serving = None

    def reload(self) -> None:
        """Have the bots that run read their files again."""
        if self._serving is not None:
            self._serving.reload()

    async def __aenter__(self) -> Self:
        """Open nothing yet: what `answer` and `reply` need is opened at their first use.

        Raises SettingsError if FRAMEWORK_ENV is production and no Stream app is named.
        """
        require_stream_in_production(self.settings)
        self._opened = OpenBots(self.settings)
        return self

    async def __aexit__(self, *failure: object) -> None:
        """Close everything that was opened."""
        opened, self._opened = self._open, None
        await opened.aclose()

    async def answer(
        self,
        text: str,
        *,
        bot: str | None = None,
        history: Sequence[Utterance] = (),
        user_id: str = "asker",
    ) -> Answer:
        """Answer one message without a channel. `bot`: its name, if the app has several. `history`: what was said
        before, oldest first. `user_id`: for whom tools work.

        Raises UsageError for an empty message and outside `async with`, and ModelError when no answer can be had.
        """
        import secrets

        from framework.agent.conversation import Caller, Conversation, Finished, Utterance

        if not text.strip():
            raise UsageError("There is nothing to answer: the message is empty.")
        caller = Caller(user_id, key=f"answer-{secrets.token_hex(8)}")
        said = (*history, Utterance("user", text.strip()))
        async for event in (await self.agent(bot)).stream(Conversation(said, caller)):
            if isinstance(event, Finished):
                return event.answer
        raise FrameworkError("The agent ended without an answer.")

    async def agent(self, bot: str | None = None, *, channel: str = "") -> Agent:
        """The agent of a bot, as it is in a channel (TYPE:ID), or outside any. Raises as `answer` does, and for what is
        wrong with the bot's articles, tools or model.
        """
        agents = await self._open.agents(self._entry(bot))
        return agents.at(channel) if channel else agents.root

    async def reply(self, channel: str, *, bot: str | None = None, last: int | None = None) -> ChannelReply:
        """Answer the newest message of a person in a channel (TYPE:ID), as the bot, and post the answer. The same
        newest message gets the same reply: a second call posts nothing. `last`: how many messages to read, else as
        declared.

        Raises UsageError if there is no such channel or nothing to answer in it, ChatServiceError and ModelError if the
        reply could not be posted or made.
        """
        if last is not None and not 1 <= last <= MOST_READ:
            raise UsageError(f"last={last} is not a number of messages.", hint=f"Write a number from 1 to {MOST_READ}.")
        from framework.runtime.one_shot import reply_once
        from framework.stream.model import ChannelRef

        entry, where = self._entry(bot), ChannelRef.parse(channel)
        running = await self._open.running(entry)
        return await reply_once(running, where, last=last or entry.bot.definition.context.messages)

    @property
    def _open(self) -> OpenBots:
        if self._opened is None:
            raise UsageError("The app is not open.", hint="Write `async with app:` around it.")
        return self._opened

    def _entry(self, name: str | None) -> AppBot:
        if name is None and len(self._bots) == 1:
            return next(iter(self._bots.values()))
        if name is not None and name in self._bots:
            return self._bots[name]
        known = ", ".join(self._bots) or "none"
        what = "Which bot is meant?" if name is None else f"The app has no bot {name!r}."
        raise UsageError(what, hint=f"Pass bot=NAME. The app has: {known}.")

    async def _until_signal(self) -> None:
        from framework.app.signals import stop_on_signals

        with stop_on_signals(None if self.settings.reload == "off" else self.reload) as stop:
            await self.serve(stop)


def _announce(ready: Ready) -> None:
    import structlog

    _log: Any = structlog.get_logger(__name__)
    _log.info("app.ready", bots=[bot.name for bot in ready.bots], chat=ready.settings.base_url, sandbox=ready.sandbox)
