"""`chat`: talk to a bot in the terminal."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from framework.cli.bot_argument import BotName
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from framework.app.app_bot import AppBot
    from framework.settings import Settings
    from framework.stream.model import ChannelRef
    from framework.testing.live_channel import Heard, LiveChannel

T = TypeVar("T")
HELP = (
    "/new begins a new conversation, /sources names the articles of the last answer, /quit or exit ends. "
    "Ctrl-C stops an answer, or ends at the prompt."
)
_COMMAND = re.compile(r"/(\w+)(?=\s|$)")
_ENDS = frozenset({"/quit", "/exit", "quit", "exit"})


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(chat)


def chat(
    bot: BotName,
    user: Annotated[
        str, typer.Option(help="As whom you speak; tickets and the like belong to this user.")
    ] = "terminal",
    channel: Annotated[
        str | None, typer.Option(help="TYPE:ID of the channel that you speak in. [default: one that the bot joins]")
    ] = None,
) -> None:
    """Chat with a bot in the terminal; answers appear as they are written.

    The bot works as under `run`, in a channel of a sandbox that ends with the command: it hands over, shows drafts to
    its team, asks for approvals and keeps to its budget. The team has a page there.
    """
    from framework.app.app_bot import AppBot
    from framework.cli.quiet_app import quiet_app
    from framework.cli.screen import notice
    from framework.stream.model import ChannelRef

    where = ChannelRef.parse(channel) if channel else None
    app = quiet_app(bot)
    (loaded,) = app.bots
    triggers = loaded.definition.triggers
    commands = frozenset(value for trigger in triggers if trigger.on == "command" for value in trigger.values)
    with _Session(AppBot.of(loaded), app.settings, user, where) as session:
        if sys.stdin.isatty():
            notice(f"You are talking to {bot} in {session.live.channel}. {HELP}")
        while (line := _read()) is not None:
            if not _obey(session, line.strip(), commands):
                break


class _Session:
    """The channel, in an event loop of a thread of its own: it goes on while the terminal waits for a line."""

    def __init__(self, entry: AppBot, settings: Settings, user: str, channel: ChannelRef | None) -> None:
        self._entry, self._settings, self._user, self._channel = entry, settings, user, channel
        self._opened: Future[LiveChannel] = Future()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="chat", daemon=True)
        self._closing = asyncio.Event()
        self.screen = _Screen()
        self.sources: list[dict[str, Any]] = []

    @property
    def live(self) -> LiveChannel:
        return self._opened.result()

    def __enter__(self) -> _Session:
        self._thread.start()
        self._opened.result()
        return self

    def __exit__(self, *failure: object) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def do(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Do this in the channel's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve())
            except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for the channel
                if not self._opened.done():
                    self._opened.set_exception(error)

    async def _serve(self) -> None:
        from framework.testing.live_channel import live_channel

        opened = live_channel(
            self._entry, self._settings, user_id=self._user, channel=self._channel, listen=self.screen.show
        )
        async with opened as live:
            self._opened.set_result(live)
            await self._closing.wait()


class _Screen:
    """What others write, as it grows. A version that does not go on from what was shown is shown whole at the end."""

    def __init__(self) -> None:
        from framework.cli.word_wrap import WordWrap

        terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if terminal else 0
        self._wrap = WordWrap(sys.stdout.write, width)
        self._live = terminal
        self._shown: dict[str, str] = {}
        self._last = ""

    def show(self, message: dict[str, Any]) -> None:
        """A version of a message that is still being written."""
        text, before = str(message.get("text") or ""), self._shown.get(message["id"], "")
        if self._live and text.startswith(before) and len(text) > len(before):
            self._write(message["id"], text[len(before) :])
            self._shown[message["id"]] = text
            sys.stdout.flush()

    def finish(self, message: dict[str, Any]) -> None:
        """The final version."""
        text, before = str(message.get("text") or ""), self._shown.get(message["id"], "")
        if text.strip() and text.strip() != before.strip():
            whole = not text.startswith(before)
            self._write(message["id"], ("\n" if whole else "") + (text if whole else text[len(before) :]))
        self._shown[message["id"]] = text
        self._wrap.flush()

    def end(self) -> None:
        """The bot is through: two lines down."""
        self._wrap.feed("\n\n")
        self._last = ""
        sys.stdout.flush()

    def _write(self, id_: str, text: str) -> None:
        if self._last and id_ != self._last:
            self._wrap.feed("\n\n")
        self._last = id_
        self._wrap.feed(text)


def _obey(session: _Session, line: str, commands: frozenset[str]) -> bool:
    """Do what a line says; False: the end is wanted."""
    if line.casefold() in _ENDS:
        return False
    if line == "/new":
        from framework.testing.live_channel import new_channel

        session.do(session.live.begin(new_channel(session._entry))).result()  # noqa: SLF001
        session.sources = []
    elif line in {"/help", "/?"}:
        sys.stdout.write(f"{HELP}\n")
    elif line == "/sources":
        sys.stdout.write(_named(session.sources))
    elif (word := _COMMAND.match(line)) and word[1] not in commands:
        theirs = "".join(f" This bot listens to /{name}." for name in sorted(commands))
        sys.stdout.write(f"There is no command /{word[1]}. {HELP}{theirs}\n")
    elif line:
        _say(session, line)
    return True


def _named(sources: list[dict[str, Any]]) -> str:
    lines = []
    for source in sources:
        heading = f" › {source['heading']}" if source.get("heading") else ""
        lines.append(f"{source.get('title', '')}{heading} ({source.get('file', '')})\n")
    return "".join(dict.fromkeys(lines)) or "The last answer came from no article.\n"


def _say(session: _Session, line: str) -> None:
    from framework.cli.screen import show_error

    said = session.do(session.live.say(line))
    try:
        heard = _result(session, said)
    except FrameworkError as error:
        show_error(error)
        return
    for message in heard.messages:
        session.screen.finish(message)
    session.sources = [one for message in heard.messages for one in message.get("sources") or ()]
    session.screen.end() if heard.messages else None
    _explain(session, heard)


def _result(session: _Session, said: Future[Heard]) -> Heard:
    """Wait for the answer. Ctrl-C stops it, and what was said until then stays."""
    while True:
        try:
            return said.result()
        except KeyboardInterrupt:
            session.do(session.live.stop())


def _explain(session: _Session, heard: Heard) -> None:
    """Say why there is no answer, and where the team is asked."""
    from framework.cli.screen import notice, show_error

    kind, _, reason = heard.outcome.partition(": ")
    if heard.failed and not heard.messages:
        show_error(FrameworkError(heard.outcome))
    elif kind == "silent" and not heard.messages:
        notice(f"(No answer: {reason}.)")
    if (kind == "handed off" or "draft" in reason) and session.live.team:
        notice(f"(The team is asked: {reason}. Its page is {session.live.team[0]})")


def _read() -> str | None:
    """Read a line; None at the end of the input, or when Ctrl-C is pressed at the prompt."""
    try:
        return input("› " if sys.stdin.isatty() else "")
    except (EOFError, KeyboardInterrupt):
        if sys.stdin.isatty():
            sys.stdout.write("\n")
        return None
