"""Doing what is due, as a server would."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import ApiError
from framework.sandbox.kernel.protocol import Actor, ActorKind
from framework.sandbox.kernel.wire import WireDialect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from framework.sandbox.kernel.sandbox import Sandbox

_log = logging.getLogger("framework.sandbox")


async def perform(sandbox: Sandbox, handlers: Mapping[str, Callable[[Call, str], None]]) -> None:
    """Do what is due, make it durable, and let its events out. A handler, by kind, gets the key of its subject."""
    call = Call(sandbox, "Due", WireDialect.V1, Actor(ActorKind.SERVER), {}, {}, {})
    while (due := sandbox.scheduler.take()) is not None:
        try:
            handlers[due.kind](call, due.subject)
        except ApiError as error:
            # What it was about may be gone or refuse it: nobody waits for an answer, so the log is told.
            _log.warning("%s of %s could not be done: %s", due.kind, due.subject, error.reason)
    for event in call.events:
        sandbox.keep(event)
    await sandbox.store.commit()
    for event in call.events:
        sandbox.publish(event)
