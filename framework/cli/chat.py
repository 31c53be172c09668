"""`chat`: talk to a bot in the terminal."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.agent.agent import LangChainAgent
    from framework.agent.conversation import Agent, Answer, Utterance

HELP = "/new forgets what was said, /quit ends. Ctrl-C stops an answer."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(chat)


def chat(
    bot: Annotated[str, typer.Argument(help="A name under bots/, or a path to a folder with a bot.yaml.")],
    user: Annotated[
        str, typer.Option(help="As whom you speak; tickets and the like belong to this user.")
    ] = "terminal",
) -> None:
    """Chat with a bot in the terminal; answers appear as they are written."""
    from framework.cli.assembly import assemble_agent
    from framework.cli.screen import notice

    agent = assemble_agent(bot)
    if sys.stdin.isatty():
        notice(f"You are talking to {bot}. {HELP}")
    asyncio.run(_chat(agent, user))


async def _chat(agent: LangChainAgent, user: str) -> None:
    async with aclosing(agent):
        await agent.warm()
        await _talk(agent, user)


async def _talk(agent: Agent, user: str) -> None:
    from framework.agent.conversation import Utterance
    from framework.cli.screen import show_error

    said: list[Utterance] = []
    turns = 0
    while (line := await asyncio.to_thread(_read)) is not None:
        text = line.strip()
        if text in {"/quit", "/exit"}:
            return
        if text == "/new":
            said.clear()
        elif text in {"/help", "/?"}:
            sys.stdout.write(f"{HELP}\n")
        elif text:
            turns += 1
            said.append(Utterance("user", text, name=user))
            try:
                answer = await _say(agent, said[-20:], user, turns)
            except FrameworkError as error:
                show_error(error)
                said.pop()
            else:
                said.append(Utterance("bot", answer.text))


def _read() -> str | None:
    """Read a line; None at the end of the input."""
    try:
        return input("› " if sys.stdin.isatty() else "")
    except EOFError:
        return None


async def _say(agent: Agent, said: list[Utterance], user: str, turn: int) -> Answer:
    """Answer what was said, printing as it comes."""
    from framework.agent.conversation import Caller, Conversation, Finished, TextDelta, ToolStarted
    from framework.cli.screen import notice

    # The process start is part of the key: a later session's first turn is another turn.
    caller = Caller(user, user_name=user, channel="terminal", key=f"terminal-{_SESSION}-{turn}")
    shown = ""
    async for event in agent.stream(Conversation(tuple(said), caller)):
        match event:
            case TextDelta(text):
                shown += text
                sys.stdout.write(text)
                sys.stdout.flush()
            case ToolStarted(name) if sys.stdout.isatty():
                notice(f"… {name.replace('_', ' ')}")
            case Finished(answer):
                _finish(shown, answer)
                return answer
            case _:
                pass
    raise FrameworkError("The agent ended without an answer.")


def _finish(shown: str, answer: Answer) -> None:
    """Complete the line; where the final text differs from what was streamed, it counts and is shown whole."""
    if shown.strip() != answer.text.strip():
        sys.stdout.write(f"\n{answer.text}" if shown else answer.text)
    sys.stdout.write("\n\n")
    sys.stdout.flush()


def _session() -> str:
    import secrets

    return secrets.token_hex(6)


_SESSION = _session()
