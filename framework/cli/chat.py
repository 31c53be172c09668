"""`chat`: talk to a bot in the terminal."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from framework.cli.bot_argument import BotName
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.agent.conversation import Agent, Answer, Source, Utterance

HELP = (
    "/new forgets what was said, /sources names the articles of the last answer, /quit ends. "
    "Ctrl-C stops an answer, or ends at the prompt."
)
_COMMAND = re.compile(r"/(\w+)(?=\s|$)")
CONTEXT = 20  # messages that the agent is told


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(chat)


def chat(
    bot: BotName,
    user: Annotated[
        str, typer.Option(help="As whom you speak; tickets and the like belong to this user.")
    ] = "terminal",
) -> None:
    """Chat with a bot in the terminal; answers appear as they are written."""
    from framework.agent.build.factory import build_agent
    from framework.cli.quiet_app import quiet_app
    from framework.cli.screen import notice

    app = quiet_app(bot)
    (loaded,) = app.bots
    agent = build_agent(loaded, app.settings)
    if sys.stdin.isatty():
        notice(f"You are talking to {bot}. {HELP}")
    talk = _Talk(agent, user, commands=_commands_of(bot))
    # Reading stands outside the event loop, where Ctrl-C ends it at once; inside, it ends the answer alone.
    with asyncio.Runner() as runner:
        try:
            runner.run(agent.warm())
            while (line := _read()) is not None:
                if not _obey(talk, line.strip(), runner):
                    break
        finally:
            runner.run(agent.aclose())


def _commands_of(bot: str) -> frozenset[str]:
    """The slash commands that the bot itself listens to."""
    from framework.definition.loader import load_bot

    triggers = load_bot(bot).definition.triggers
    return frozenset(value for trigger in triggers if trigger.on == "command" for value in trigger.values)


class _Talk:
    """The conversation so far, and the answer that is being written."""

    def __init__(self, agent: Agent, user: str, *, commands: frozenset[str] = frozenset()) -> None:
        self._agent = agent
        self._user = user
        self.commands = commands
        # Part of a turn's key: a later session's first turn is another turn.
        self._session = secrets.token_hex(6)
        self._turns = 0
        self.said: list[Utterance] = []
        self.shown = ""
        self.sources: tuple[Source, ...] = ()

    async def answer(self, text: str) -> Answer:
        """Answer this, printing as it comes. Raises ModelError."""
        from framework.agent.conversation import Caller, Conversation, Finished, TextDelta, ToolStarted, Utterance
        from framework.cli.screen import notice

        self._turns += 1
        self.said.append(Utterance("user", text, name=self._user))
        self.shown = ""
        key = f"terminal-{self._session}-{self._turns}"
        caller = Caller(self._user, user_name=self._user, channel="terminal", key=key)
        async for event in self._agent.stream(Conversation(tuple(self.said[-CONTEXT:]), caller)):
            match event:
                case TextDelta(text):
                    self.shown += text
                    sys.stdout.write(text)
                    sys.stdout.flush()
                case ToolStarted(name) if sys.stdout.isatty():
                    notice(f"… {name.replace('_', ' ')}")
                case Finished(answer):
                    return answer
                case _:
                    pass
        raise FrameworkError("The agent ended without an answer.")


def _obey(talk: _Talk, line: str, runner: asyncio.Runner) -> bool:
    """Do what a line says; False: the end is wanted."""
    if line in {"/quit", "/exit"}:
        return False
    if line == "/new":
        talk.said.clear()
        talk.sources = ()
    elif line in {"/help", "/?"}:
        sys.stdout.write(f"{HELP}\n")
    elif line == "/sources":
        sys.stdout.write(_named(talk.sources))
    elif (word := _COMMAND.match(line)) and word[1] not in talk.commands:
        theirs = "".join(f" This bot listens to /{name}." for name in sorted(talk.commands))
        sys.stdout.write(f"There is no command /{word[1]}. {HELP}{theirs}\n")
    elif line:
        _answer(talk, line, runner)
    return True


def _named(sources: tuple[Source, ...]) -> str:
    lines = [
        f"{source.title}{f' › {source.heading}' if source.heading else ''} ({source.file})\n" for source in sources
    ]
    return "".join(lines) or "The last answer came from no article.\n"


def _answer(talk: _Talk, line: str, runner: asyncio.Runner) -> None:
    from framework.agent.conversation import Utterance
    from framework.cli.screen import show_error

    try:
        answer = runner.run(talk.answer(line))
    except FrameworkError as error:
        show_error(error)
        talk.said.pop()
    except KeyboardInterrupt:
        sys.stdout.write(" …\n\n")
        sys.stdout.flush()
        talk.said.append(Utterance("bot", f"{talk.shown} …"))
    else:
        _finish(talk.shown, answer)
        talk.said.append(Utterance("bot", answer.text))
        talk.sources = answer.sources


def _read() -> str | None:
    """Read a line; None at the end of the input, or when Ctrl-C is pressed at the prompt."""
    try:
        return input("› " if sys.stdin.isatty() else "")
    except (EOFError, KeyboardInterrupt):
        if sys.stdin.isatty():
            sys.stdout.write("\n")
        return None


def _finish(shown: str, answer: Answer) -> None:
    """Complete the line; where the final text differs from what was streamed, it counts and is shown whole."""
    if shown.strip() != answer.text.strip():
        sys.stdout.write(f"\n{answer.text}" if shown else answer.text)
    sys.stdout.write("\n\n")
    sys.stdout.flush()
