"""Rehearses a plan on the sandbox: on a copy of everything, from which nothing is heard outside."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from framework.approvals.sheet import hidden, visible
from framework.catalog.execution.policy import Policy
from framework.catalog.execution.request import HttpRequest
from framework.catalog.execution.transport import RefusedAnswerError
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from framework.audit import Entry, Outcome
    from framework.catalog.execution.broker import CredentialBroker
    from framework.catalog.execution.plan import Plan
    from framework.catalog.execution.plan_executor import PlanExecutor, PlanResult
    from framework.catalog.execution.transport import Transport

ROUTE = "/sandbox/rehearsals"
PATIENCE = 10.0
"""Seconds that a person who is to approve something waits for the difference."""
MOST_LINES = 60
LONGEST_LINE = 300

_log = structlog.get_logger(__name__)


class NoRehearsalError(FrameworkError):
    """The chat service keeps no copies: only the sandbox does."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What came of a plan on the copy, and what is other there: `table`, `key`, `before` and `after` of each record."""

    result: PlanResult
    difference: list[dict[str, Any]]

    @property
    def lines(self) -> tuple[str, ...]:
        """The difference for people, one record a line, without secrets."""
        told = [_line(change) for change in self.difference]
        more = len(told) - MOST_LINES
        stopped = self.result.stopped
        last = [f"... and {more} more records"] if more > 0 else []
        if stopped is not None:
            last.append(f"The rehearsal stopped at step {stopped.step}: {visible(stopped.error.what)}")
        return (*(told[:MOST_LINES] or ["Nothing."]), *last)


class NoAudit:
    """Keeps nothing: what happens on a copy did not happen."""

    async def begin(self, entry: Entry) -> int:
        """Forget it."""
        return 0

    async def end(self, number: int, outcome: Outcome, detail: str, milliseconds: float) -> None:
        """Forget it."""

    def last(self, count: int) -> list[dict[str, Any]]:
        """Nothing was kept."""
        return []

    async def close(self) -> None:
        """Nothing is open."""


class Rehearsal:
    """Rehearsals of one app. `on_copy` makes what executes plans on the copy under a path."""

    def __init__(self, transport: Transport, broker: CredentialBroker, on_copy: Callable[[str], PlanExecutor]) -> None:
        self._transport = transport
        self._broker = broker
        self._on_copy = on_copy

    async def rehearse(self, policy: Policy, plan: Plan) -> Rehearsed:
        """Execute a plan on a copy. No step waits for approval there. Raises NoRehearsalError, or FrameworkError for a
        plan that cannot be executed.
        """
        from framework.catalog.execution.plan_executor import PlanOptions

        copy = await self._call("POST", ROUTE)
        if not {"id", "path"} <= copy.keys():
            raise _no_copies()
        place = f"{ROUTE}/{copy['id']}"
        executor = self._on_copy(str(copy["path"]))
        try:
            result = await executor.execute(_without_approval(policy), plan, PlanOptions())
            found = await self._call("GET", place)
        finally:
            await executor.close()
            await self._call("DELETE", place)
        return Rehearsed(result, list(found["difference"]))

    async def lines(self, policy: Policy, plan: Plan) -> Sequence[str]:
        """The difference for somebody who is to approve a plan; () where it cannot be had."""
        try:
            async with asyncio.timeout(PATIENCE):
                done = await self.rehearse(policy, plan)
                return tuple(map(self._broker.redact, done.lines))
        except NoRehearsalError:
            return ()
        except (FrameworkError, TimeoutError) as error:
            _log.info("operation.not_rehearsed", problem=str(error))
            return ()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def _call(self, method: str, path: str) -> dict[str, Any]:
        try:
            return (await self._transport.send(HttpRequest(method, path), self._broker.mint(None))).body
        except RefusedAnswerError as refusal:
            if refusal.error.status in {404, 405}:
                raise _no_copies() from None
            raise refusal.error from None


def _no_copies() -> NoRehearsalError:
    return NoRehearsalError("This chat service keeps no copies to rehearse on.", hint="Rehearse on the sandbox.")


def _without_approval(policy: Policy) -> Policy:
    rules = policy.rules
    return Policy(rules.model_copy(update={"approve": (), "allow": (*rules.allow, *rules.approve)}), policy.who)


def _line(change: dict[str, Any]) -> str:
    before, after = hidden(change["before"]), hidden(change["after"])
    name = visible(f"{change['table']} {change['key']}")
    if before is None:
        return f"made: {name}: {_short(_filled(after))}"
    if after is None:
        return f"removed: {name}: {_short(_filled(before))}"
    return f"changed: {name}: {_short(before)} -> {_short(after)}"


def _filled(value: object) -> object:
    """A whole record without its empty fields."""
    fields = value if isinstance(value, dict) else {}
    return {key: item for key, item in fields.items() if item not in (None, "", [], {}, False)}


def _short(value: object) -> str:
    fields = value if isinstance(value, dict) else {}
    text = visible(json.dumps(fields, ensure_ascii=False, default=str))
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}… ({len(text) - LONGEST_LINE} more characters)"
