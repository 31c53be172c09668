"""Letting go of all that is kept of a person: facts, summaries, jobs, what waited for approval, and what tools keep."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.definition.model import Bot
    from framework.settings import Settings
    from framework.storage import Storage

_log = structlog.get_logger(__name__)

FORGET = "forget"
"""The function of a bot's tools.py that erases what its tools keep: `forget(user_id)` or `forget(user_id, data)`."""

Erase = Callable[[], Awaitable[int]]


_LONGEST_WAIT = 30.0
_LOOK_EVERY = 1.0


class Eraser:
    """Erases a person from the stores of these bots. To do it twice does no harm."""

    def __init__(
        self, bots: Sequence[Bot], settings: Settings, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._bots = bots
        self._settings = settings
        self._sleep = sleep

    async def __call__(self, user_id: str) -> Mapping[str, int]:
        """Return how many entries were erased, by kind. Turns of the person that run just now are waited for, up to
        30 s; `running` counts those that still ran then: erase once more when they have ended.

        Everything is tried. Raises FrameworkError that names what could not be erased.
        """
        from framework.storage import Storage

        storage = Storage(self._settings.database.get_secret_value())
        counts: Counter[str] = Counter()
        try:
            failed = await self._all(storage, user_id, counts)
            if counts["running"]:
                await self._wait(storage, user_id, counts)
                failed = await self._all(storage, user_id, counts)  # what they wrote meanwhile
            if not await storage.flush():
                _log.warning("person.traces_in_journal", file=f"{storage.address.shown}-wal")
        finally:
            await asyncio.to_thread(storage.close)
        _log.info("person.erased", counts=dict(counts))
        if failed:
            reasons = "; ".join(f"{kind}: {error}" for kind, error in failed.items())
            raise FrameworkError(f"Not everything could be erased: {reasons}", hint="Mend it and erase once more.")
        return dict(counts)

    async def _all(self, storage: Storage, user_id: str, counts: Counter[str]) -> dict[str, Exception]:
        failed: dict[str, Exception] = {}
        for kind, erase in self._steps(storage, user_id):
            try:
                counts[kind] += await erase()
            except Exception as error:  # noqa: BLE001 - a tool's own kind too; the others are erased all the same
                failed[kind] = error
        await self._jobs(storage, user_id, counts)
        return failed

    async def _wait(self, storage: Storage, user_id: str, counts: Counter[str]) -> None:
        waited = 0.0
        while counts["running"] and waited < _LONGEST_WAIT:
            await self._sleep(_LOOK_EVERY)
            waited += _LOOK_EVERY
            await self._jobs(storage, user_id, counts)

    def _steps(self, storage: Storage, user_id: str) -> list[tuple[str, Erase]]:
        from framework.approvals import ApprovalStore
        from framework.audit.log import AuditLog
        from framework.insight.history_database import DatabaseHistory
        from framework.insight.turn_texts import TurnTexts
        from framework.moderation.decisions import DecisionStore
        from framework.promises.store import PromiseStore
        from framework.runtime.handover.database import DatabaseHandovers
        from framework.runtime.state.feedback_database import DatabaseFeedback
        from framework.tools.approval.sums import SumBook

        data = self._settings.data
        shared: list[tuple[str, Erase]] = [
            ("approvals", lambda: ApprovalStore(storage, now=lambda: datetime.now(UTC)).erase(user_id)),
            ("audit", lambda: AuditLog(storage).erase(user_id)),
            ("sums", lambda: SumBook(storage, now=lambda: datetime.now(UTC)).erase(user_id)),
            ("moderation", lambda: DecisionStore(storage, now=lambda: datetime.now(UTC)).erase(user_id)),
            ("feedback", lambda: DatabaseFeedback(storage, data / "feedback.jsonl").forget(user_id)),
            ("handovers", lambda: DatabaseHandovers(storage).forget(user_id)),
            ("promises", lambda: PromiseStore(storage, now=lambda: datetime.now(UTC)).forget(user_id)),
            ("texts", lambda: TurnTexts(storage).forget(user_id)),
            ("history", lambda: DatabaseHistory(storage).forget(user_id)),
            ("campaigns", lambda: _forget_campaigns(storage, user_id)),
            ("usage", lambda: _forget_usage(storage, user_id)),
        ]
        own = [step for bot in self._bots for step in self._of(bot, user_id)]
        return [*own, *shared]

    def _of(self, bot: Bot, user_id: str) -> list[tuple[str, Erase]]:
        from framework.agent.forgetting import erase_memory

        folder = self._settings.data / "bots" / bot.name
        return [
            ("memory", lambda: erase_memory(bot.name, folder, self._settings, user_id)),
            ("tools", lambda: asyncio.to_thread(_forget_by_tools, bot, folder, user_id)),
        ]

    async def _jobs(self, storage: Storage, user_id: str, counts: Counter[str]) -> None:
        from framework.engine.erasure import SCHEMA, erase

        now = datetime.now(UTC).timestamp()
        done = await storage.write(SCHEMA, lambda connection: erase(connection, user_id, now))
        counts["jobs"] += done.jobs
        counts["running"] = done.running
        if self._settings.journal is not None:
            from framework.engine.nats.address import address
            from framework.engine.nats.erasure import erase_in_nats

            settings = self._settings
            url = self._settings.journal.get_secret_value()
            nats = address(url, credentials=settings.journal_credentials, ca=settings.journal_ca)
            kept = await erase_in_nats(nats, user_id, now)
            counts["jobs"] += kept.jobs
            counts["running"] += kept.running


async def _forget_usage(storage: Storage, user_id: str) -> int:
    from framework.budget.database import SCHEMA
    from framework.budget.rows import forget_person

    return await storage.write(SCHEMA, lambda connection: forget_person(connection, user_id))


async def _forget_campaigns(storage: Storage, user_id: str) -> int:
    """Remove who got what. That a person wants no messages is kept, so that they get none."""
    from framework.campaigns.ledger import SCHEMA
    from framework.campaigns.people_rows import erase

    return await storage.write(SCHEMA, lambda connection: erase(connection, user_id))


def _forget_by_tools(bot: Bot, folder: Path, user_id: str) -> int:
    """Call the hook of tools.py, where there is one."""
    from framework.tools.registry import import_tools

    module = import_tools(bot)
    hook = getattr(module, FORGET, None)
    if not callable(hook) or not folder.is_dir():
        return 0
    takes_folder = len(inspect.signature(hook).parameters) > 1
    done = hook(user_id, folder) if takes_folder else hook(user_id)
    return done if isinstance(done, int) else 0
