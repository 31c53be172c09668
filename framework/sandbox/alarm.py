"""Doing what is due: at its time, and at the latest before the next call sees the store."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from framework.sandbox.call import Actor, ActorKind, Call
from framework.sandbox.errors import ApiError
from framework.sandbox.model.due import DUES, SCHEDULE
from framework.sandbox.operations import Operation
from framework.sandbox.services import history
from framework.sandbox.wire import Dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from framework.sandbox.sandbox import Sandbox

_LOG = logging.getLogger("framework.sandbox")
_OPERATION = Operation("Due", "POST", None, None, None)
_LONGEST = timedelta(days=1)
"""The event loop's timers do not reach far; a later due is looked at again each day."""


class Alarm:
    """Watches the schedule of one sandbox; `handlers` do what is due, by kind, given the key of its subject.

    Tests with a clock of their own need no timer: each call looks, too.
    """

    def __init__(self, handlers: Mapping[str, Callable[[Call, str], None]]) -> None:
        self._handlers = handlers
        self._sandbox: Sandbox | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._running: asyncio.Task[None] | None = None

    def watch(self, sandbox: Sandbox) -> None:
        """Start watching; what is left from before the start is due now or later."""
        self._sandbox = sandbox
        self.set()

    def set(self) -> None:
        """Wake up for the earliest due. Without an event loop there is nothing to wake."""
        self.stop()
        first = self._sandbox.store.index(SCHEDULE).first() if self._sandbox is not None else None
        if first is None or self._sandbox is None:
            return
        with contextlib.suppress(RuntimeError):
            wait = max(timedelta(), min(first.at - self._sandbox.clock.now(), _LONGEST))
            self._timer = asyncio.get_running_loop().call_later(wait.total_seconds(), self._ring)

    def stop(self) -> None:
        """Stop waking up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def is_due(self) -> bool:
        """Whether something is to be done now."""
        if self._sandbox is None:
            return False
        first = self._sandbox.store.index(SCHEDULE).first()
        return first is not None and first.at <= self._sandbox.clock.now()

    async def run(self) -> None:
        """Do what is due, make it durable, and let its events out."""
        sandbox = self._sandbox
        if sandbox is None:
            return
        call = Call(sandbox, _OPERATION, Dialect.V1, Actor(ActorKind.SERVER), {}, {}, {})
        while self.is_due():
            first = sandbox.store.index(SCHEDULE).first()
            if first is None:
                break
            sandbox.store[DUES].remove(first.key)
            try:
                self._handlers[first.kind](call, first.subject)
            except ApiError as error:
                # What it was about may be gone or refuse it: nobody waits for an answer, so the log is told.
                _LOG.warning("%s of %s could not be done: %s", first.kind, first.subject, error.reason)
        for event in call.events:
            history.keep(sandbox, event)
        await sandbox.store.commit()
        for event in call.events:
            sandbox.publish(event)
        self.set()

    def _ring(self) -> None:
        self._timer = None
        if self.is_due():
            self._running = asyncio.get_running_loop().create_task(self.run())
        else:
            self.set()
