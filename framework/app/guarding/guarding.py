"""Moderation while bots run: the endpoint's process, the calls that follow from decisions, and the look afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from framework.aio import cancel
from framework.app.guarding.child import HookProcess
from framework.app.guarding.config import COUNTED, PENDING, RECORDED, WorkerConfig
from framework.app.guarding.files import RuleFiles
from framework.app.guarding.scores import Scores
from framework.app.guarding.team import TeamAlerts
from framework.errors import ChatServiceError, FrameworkError
from framework.extras import extra
from framework.moderation.after.carrier import EffectCarrier
from framework.moderation.after.recheck import Recheck, RecheckSettings
from framework.moderation.decisions import DecisionStore
from framework.moderation.endpoint.keys import content_key
from framework.moderation.endpoint.rules import GuardBook, GuardedBot
from framework.moderation.tally import TalliesElsewhere
from framework.storage import Storage
from framework.stream.factory import open_moderation
from framework.stream.model import Event, MessageNew, MessageUpdated, PollChanged, ReactionNew

if TYPE_CHECKING:
    from framework.runtime.core.bot import RunningBot
    from framework.settings import Settings
    from framework.stream.moderation import StreamModeration

DEADLINE = 0.7
SHARE = 0.7
"""Of the time that the service waits: the rest is for the way there and back."""
LISTS_EVERY = 300.0
PATH = "/hooks/before-message-send"
VARIABLE = "FRAMEWORK_WEBHOOK"

_log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Guarding:
    """Moderation at work. `inner` is where the bots' own webhooks listen, because the endpoint has their address."""

    recheck: Recheck
    carrier: EffectCarrier
    alerts: TeamAlerts
    files: RuleFiles
    url: str = ""
    process: HookProcess | None = None
    inner: socket.socket | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def hear(self, event: Event) -> None:
        """Notice an event of the chat service."""
        if isinstance(event, MessageNew | MessageUpdated):
            self.recheck.wake()
        elif isinstance(event, PollChanged):
            self.recheck.ask(event.message_id)
        elif isinstance(event, ReactionNew):
            task = asyncio.create_task(self._decide(event), name="decision on a held message")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def reload(self) -> None:
        """Read the rules again, edited or not."""
        self.files.ask()

    async def _decide(self, event: ReactionNew) -> None:
        try:
            if await self.alerts.decide(event):
                self.carrier.wake()
        except FrameworkError as error:
            _log.warning("moderation.not_decided", error=error.what, channel=str(event.channel))


@contextlib.asynccontextmanager
async def guarding(
    bots: Sequence[RunningBot],
    guarded: Sequence[GuardedBot],
    settings: Settings,
    *,
    sandbox: bool,
    tell: Callable[[FrameworkError], None],
) -> AsyncIterator[Guarding]:
    """Guard channels while the block runs. `guarded` are the bots with a moderation.yaml.

    In the sandbox that belongs to this process, the hook is set at once. At Stream nothing is set: that is for
    `moderation apply`. Raises FrameworkError for what is wrong in a moderation.yaml.
    """
    async with contextlib.AsyncExitStack() as stack:
        book = GuardBook(guarded, _now)
        book.read()
        by_name = {bot.name: bot for bot in bots}
        services = {one.name: open_moderation(settings, by_name[one.name].user_id) for one in guarded}
        for service in services.values():
            stack.push_async_callback(service.close)
        first = services[guarded[0].name]
        lists = await _lists(book, first)
        book.read(lists)
        passing = frozenset(bot.user_id for bot in bots)
        store = DecisionStore(Storage(settings.database.get_secret_value()), now=_now)
        alerts = TeamAlerts(by_name, store, services)
        carrier = EffectCarrier(store, services.__getitem__, alerts.tell, alerts.look, bots=list(services), now=_now)
        assert settings.stream_api_secret is not None  # noqa: S101 - no service opens without it
        key = content_key(settings.stream_api_secret)
        config = WorkerConfig(settings, guarded, await _deadline(first), -1, passing=sorted(passing), lists=lists)
        scores = Scores(config, book)
        stack.push_async_callback(scores.close)
        recheck = Recheck(
            book,
            first,
            store,
            scores,
            RecheckSettings(by_name[guarded[0].name].service.app, key, bool(settings.keep_text), passing),
            now=_now,
            told=carrier.wake,
        )
        made = Guarding(recheck, carrier, alerts, RuleFiles(guarded, settings.reload))
        made.process = process = await _endpoint(stack, made, config, settings, sandbox=sandbox)
        if sandbox and made.url:
            await first.set_hook(made.url.removesuffix(PATH))
        rules = _Rules(book, first, process, scores, tell)
        work = (
            carrier.run(),
            recheck.run(),
            made.files.watch(rules.reload),
            rules.keep_lists(),
            _clean(store, timedelta(days=settings.keep_text)),
        )
        tasks = [asyncio.create_task(one, name="moderation") for one in work]
        stack.push_async_callback(_ended, tasks)
        yield made


async def _endpoint(
    stack: contextlib.AsyncExitStack, made: Guarding, config: WorkerConfig, settings: Settings, *, sandbox: bool
) -> HookProcess | None:
    """Start the endpoint's process, if there is an address for it."""
    from dataclasses import replace

    where = settings.webhook or ("127.0.0.1:0" if sandbox else None)
    if where is None:
        hint = f"Set {VARIABLE} to HOST:PORT, so that Stream can ask before it sends."
        _log.warning("moderation.no_endpoint", instead="messages are looked at after they are sent", hint=hint)
        return None
    with extra("webhook", "The endpoint of moderation"):
        from framework.net.listener import listen, url_of

    bound = stack.enter_context(contextlib.closing(listen(where, what="The hook cannot be served", variable=VARIABLE)))
    if settings.by_webhook and settings.webhook is not None:
        made.inner = listen("127.0.0.1:0", what="Webhooks cannot be taken in", variable=VARIABLE)
    forward = url_of(made.inner) if made.inner is not None else ""

    totals = TalliesElsewhere()

    def heard(word: str, detail: object) -> None:
        if word == RECORDED:
            made.carrier.wake()
        elif word == PENDING:
            made.recheck.wake()
        elif word == COUNTED and isinstance(detail, list):
            process, (bot, what, name, outcome), total = detail
            totals.hear(process, (bot, what, name, outcome), total)

    process = HookProcess(replace(config, socket=bound.fileno(), forward=forward), bound, heard)
    stack.push_async_callback(process.stop)
    await process.start()
    made.url = url_of(bound) + PATH
    _log.info("moderation.listening", address=made.url, deadline=config.deadline)
    return process


@dataclass
class _Rules:
    """The rules in both processes, kept in step with the files and with Stream's blocklists."""

    book: GuardBook
    service: StreamModeration
    process: HookProcess | None
    scores: Scores
    tell: Callable[[FrameworkError], None]

    async def reload(self) -> None:
        """Read the files again. Broken files are told of, and the rules stay as they were."""
        try:
            self.book.read()
            lists = await _lists(self.book, self.service)
            self.book.read(lists)
        except FrameworkError as error:
            _log.error("moderation.broken", error=error.what, where=str(error.where), goes_on="as before")
            self.tell(error)
            return
        self.scores.reload()
        if self.process is not None:
            await self.process.reload(lists)

    async def keep_lists(self) -> None:
        """Fetch Stream's blocklists again and again, until cancelled."""
        while True:
            await asyncio.sleep(LISTS_EVERY)
            if not self.book.named_lists():
                continue
            lists = await _lists(self.book, self.service)
            if lists != self.book.lists:
                await self.reload()


async def _lists(book: GuardBook, service: StreamModeration) -> dict[str, list[str]]:
    """The words of each blocklist that a rule names. One that cannot be read keeps the words that are known."""
    found: dict[str, list[str]] = {}
    for name in book.named_lists():
        try:
            found[name] = list(await service.words_of(name))
        except ChatServiceError as error:
            found[name] = list(book.lists.get(name, ()))
            hint = "`moderation apply` creates it."
            _log.error("moderation.no_blocklist", list=name, error=error.what, words=len(found[name]), hint=hint)
    return found


async def _deadline(service: StreamModeration) -> float:
    try:
        return min(DEADLINE, SHARE * await service.hook_seconds())
    except ChatServiceError as error:
        _log.warning("moderation.deadline_unknown", error=error.what, instead=DEADLINE)
        return DEADLINE


async def _clean(store: DecisionStore, keep_text: timedelta) -> None:
    while True:
        try:
            await store.clean()
            await store.blank(_now() - keep_text)
        except FrameworkError as error:
            _log.warning("moderation.not_cleaned", error=error.what)
        await asyncio.sleep(3600)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    await cancel(*tasks)
