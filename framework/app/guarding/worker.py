"""The endpoint's process: answers the chat service until its standard input ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from framework.app.environment import logging_for
from framework.app.guarding.config import COUNTED, PENDING, READY, RECORDED, RELOAD, RELOADED, WorkerConfig
from framework.app.guarding.forward import Forward
from framework.app.guarding.scores import Scores
from framework.errors import FrameworkError
from framework.moderation.decisions import DecisionStore
from framework.moderation.endpoint.before_send import BeforeSend, HookSettings
from framework.moderation.endpoint.keys import content_key
from framework.moderation.endpoint.recorder import Recorder
from framework.moderation.endpoint.rules import GuardBook
from framework.moderation.tally import Tally
from framework.net.http_server import serving
from framework.storage import Storage
from framework.stream.sources.bodies import RefusedError
from framework.stream.sources.connections import BoundedProtocol
from framework.stream.sources.signed import SignedRequests

if TYPE_CHECKING:
    from pydantic import SecretStr

HOOKS = "/hooks"
GRACE_SECONDS = 2
PRIORITY = -10
SWITCH_SECONDS = 0.0005
"""How long the thread that writes decisions may keep an answer waiting. Python's own is ten times as long."""
TELL_SECONDS = 1.0
"""How often the bots' process is told the totals that changed."""
LONGEST_LINE = 64 * 1024 * 1024
JOURNAL = "before_send.jsonl"

_log = structlog.get_logger(__name__)


def main() -> None:
    """Serve until standard input ends."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve())


async def _serve() -> None:
    reader = await _standard_input()
    config = WorkerConfig.read(await reader.readline())
    logging_for(config.settings)
    os.set_blocking(1, False)
    sys.setswitchinterval(SWITCH_SECONDS)
    with contextlib.suppress(OSError):  # where the system allows it, turns have to wait for answers, not the reverse
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    book = GuardBook(config.bots, _now)
    try:
        book.read(config.lists)
    except FrameworkError as error:
        _say("broken", str(error))
        return
    folder = config.settings.data / "moderation"
    folder.mkdir(parents=True, exist_ok=True)
    store = DecisionStore(Storage(config.settings.database.get_secret_value()), now=_now)
    recorder = Recorder(store, folder / JOURNAL, told=_say_recorded)
    scores, forward = Scores(config, book), Forward(config.forward)
    tally = Tally()
    app = _app(config, book, recorder, scores, forward, tally)
    gc.collect()
    gc.freeze()  # the lists of words stay as they are
    recording = asyncio.create_task(recorder.run(), name="recorder")
    telling = asyncio.create_task(_tell(tally), name="teller of totals")
    async with serving(
        app, socket.socket(fileno=config.socket), name="moderation endpoint", grace=GRACE_SECONDS, http=BoundedProtocol
    ):
        _say(READY)
        await _obey(reader, book, scores)
    recording.cancel()
    telling.cancel()
    _tell_once(tally)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE_SECONDS):
            await recorder.flush()
    await scores.close()
    await forward.close()


def _app(
    config: WorkerConfig, book: GuardBook, recorder: Recorder, scores: Scores, forward: Forward, tally: Tally
) -> Starlette:
    secret: SecretStr | None = config.settings.stream_api_secret
    assert secret is not None  # noqa: S101 - nothing is started without it
    signed = SignedRequests(secret, config.settings.stream_api_key)
    settings = HookSettings(
        deadline=config.deadline,
        window=timedelta(minutes=config.settings.webhook_window),
        key=content_key(secret),
        keep_text=bool(config.settings.keep_text),
        passing=frozenset(config.passing),
    )
    hook = BeforeSend(book, recorder, signed, settings, scores, tally)

    async def pending(request: Request) -> Response:
        """Tell the bots' process of a message that waits to be seen, or waits no longer."""
        try:
            await signed.body(request)
        except RefusedError as error:
            return JSONResponse({"error": error.what}, error.status, {"connection": "close"})
        _say(PENDING)
        return JSONResponse({})

    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(
        routes=[
            Route(f"{HOOKS}/before-message-send", hook.receive, methods=["POST"]),
            Route(f"{HOOKS}/PassOnPendingMessage", pending, methods=["POST"]),
            Route(f"{HOOKS}/DeletedPendingMessage", pending, methods=["POST"]),
            Route("/{path:path}", forward.receive, methods=every),
        ]
    )


async def _obey(reader: asyncio.StreamReader, book: GuardBook, scores: Scores) -> None:
    """Do what the bots' process says, until it ends."""
    while line := await reader.readline():
        said: Mapping[str, object] = json.loads(line)
        if said.get("say") != RELOAD:
            continue
        lists = said.get("lists")
        try:
            book.read(lists if isinstance(lists, dict) else None)
        except FrameworkError as error:
            _log.error("moderation.broken", error=error.what, where=str(error.where), goes_on="as before")
            _say("broken", str(error))
            continue
        scores.reload()
        _log.info("moderation.reloaded", bots=[bot.name for bot in book.bots])
        _say(RELOADED)


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _say_recorded(new: int) -> None:
    _say(RECORDED, new)


async def _tell(tally: Tally) -> None:
    """Tell the totals that changed, again and again, until cancelled."""
    while True:
        await asyncio.sleep(TELL_SECONDS)
        _tell_once(tally)


def _tell_once(tally: Tally) -> None:
    """One line for each total: a line that fits into the pipe is written whole, or not at all."""
    for key, total in tally.changes():
        if not _say(COUNTED, [os.getpid(), key, total]):
            return
        tally.told(key)


def _say(word: str, detail: object = None) -> bool:
    """Say one line. A process that does not listen just now misses it: the database has all that counts. Return whether
    it was written.
    """
    try:
        os.write(1, json.dumps({"say": word, "detail": detail}).encode() + b"\n")
    except (BlockingIOError, BrokenPipeError):
        return False
    return True


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
