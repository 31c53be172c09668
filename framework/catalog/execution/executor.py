"""Executes an operation: policy, arguments, approval, credentials, the call itself, and the audit log around it all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from framework.catalog.catalog import UnknownOperationError
from framework.catalog.execution.actor import actors
from framework.catalog.execution.approvals import ApprovalNeededError, question_of
from framework.catalog.execution.arguments import ArgumentsError
from framework.catalog.execution.audit import new_entry
from framework.catalog.execution.broker import HANDLE
from framework.catalog.execution.custom import SpellingError
from framework.catalog.execution.outcome import explain
from framework.catalog.execution.plan import Plan, PlanError
from framework.catalog.execution.policy import Policy
from framework.catalog.execution.preparation import OperationCall, Preparation, PreparedCall, without_own_id
from framework.catalog.execution.references import MissingValueError
from framework.catalog.execution.request import build_request
from framework.catalog.execution.tokens import is_token
from framework.catalog.execution.visible import Reader, seen_by
from framework.errors import ChatServiceError, DuplicateMessageError, FrameworkError
from framework.stream.failure import NOT_ALLOWED

if TYPE_CHECKING:
    from framework.audit import Entry, Outcome
    from framework.catalog.catalog import Catalog
    from framework.catalog.execution.approvals import Ask, OperationApprovals, Question
    from framework.catalog.execution.audit import Audit
    from framework.catalog.execution.broker import CredentialBroker
    from framework.catalog.execution.caller import ServiceCaller
    from framework.catalog.execution.rehearsal import Rehearsal
    from framework.catalog.operation import Operation
    from framework.stream.timing import Timing

ISSUE = "issue_user_token"
HIDDEN = "[token]"
UPDATE_USERS = "UpdateUsers"
SEND_EVENT = "SendEvent"
_OUTCOMES: dict[type[FrameworkError], Outcome] = {
    ArgumentsError: "invalid",
    SpellingError: "invalid",
    MissingValueError: "invalid",
    PlanError: "invalid",
    UnknownOperationError: "invalid",
    ApprovalNeededError: "waits for approval",
    ChatServiceError: "failed",
}


@dataclass(frozen=True, slots=True)
class Executed:
    """What came of it: the service's answer, whole, and as whom it was done (None: as the app). `arguments` are those
    that were sent, and `token_of` is the user whose token the call had (None: the app's).
    """

    operation: Operation
    acts_as: str | None
    body: dict[str, Any]
    arguments: dict[str, Any] = field(default_factory=dict)
    token_of: str | None = None


Covered = Callable[[PreparedCall], str]
"""Tells who approved a call already."""


class Executor:
    """Executes operations for every principal of a process."""

    def __init__(
        self,
        catalog: Catalog,
        broker: CredentialBroker,
        caller: ServiceCaller,
        audit: Audit,
        approvals: OperationApprovals,
        timing: Timing,
        *,
        rehearsal: Rehearsal | None = None,
    ) -> None:
        """`rehearsal` tries calls on a copy, where there is one: people who approve see what a call would change."""
        self.catalog = catalog
        self.broker = broker
        self.rehearsal = rehearsal
        self._caller = caller
        self._preparation = Preparation(catalog, broker, caller)
        self._audit = audit
        self.approvals = approvals
        self._timing = timing

    async def execute(self, policy: Policy, call: OperationCall, *, ask: Ask | None = None) -> Executed:
        """Execute one operation, if the policy, the schema and, where it is needed, a person allow it.

        Raises NotAllowedError, ArgumentsError, UnknownOperationError, ApprovalNeededError, HandleError or
        ChatServiceError; each is in the audit log by then. No secret and no token is in any of them.
        """
        async with self.noting(policy, call):
            ready = await self.prepare(policy, call)
            approved_by = await self._approve(policy, ready, ask, call)
        return await self.carry_out(policy, ready, approved_by)

    async def execute_step(
        self, policy: Policy, call: OperationCall, ask: Ask | None, covered: Covered, part: str
    ) -> Executed:
        """Execute a step of a plan. `covered` tells who approved a prepared call already, with the plan; "" for nobody.
        `part` says which step it is, for the audit log. Raises as `execute` does.
        """
        async with self.noting(policy, call, part):
            ready = await self.prepare(policy, call)
            approved_by = covered(ready) or await self._approve(policy, ready, ask, call)
        return await self.carry_out(policy, ready, approved_by, part)

    async def prepare(self, policy: Policy, call: OperationCall, *, complete: bool = True) -> PreparedCall:
        """Check a call without making it; see `Preparation.prepare`."""
        return await self._preparation.prepare(policy, call, complete=complete)

    async def require(self, policy: Policy, plan: Plan, question: Question, ask: Ask | None) -> str:
        """Return who approved a plan, about which the question is. Raises ApprovalNeededError."""
        difference = partial(self.rehearsal.lines, policy, plan) if self.rehearsal is not None else None
        return await self.approvals.require(question, ask, difference)

    @asynccontextmanager
    async def noting(self, policy: Policy, call: OperationCall, part: str = "") -> AsyncIterator[None]:
        """Strike secrets out of an error that ends the block, and log the call as not made."""
        try:
            yield
        except FrameworkError as error:
            # What was asked for is repeated in some errors, and may hold anything.
            error.strike_out(self.broker.redact)
            await self.note(policy, call, error, part)
            raise

    async def issue_token(self, policy: Policy, user_id: str, seconds: float | None) -> dict[str, Any]:
        """Give out the right to act as a user: a handle, or the token itself where the policy reveals it.

        `seconds` is how long it lives, at most what the policy says. Raises NotAllowedError.
        """
        asked = {"user_id": user_id, "ttl_seconds": seconds}
        rules = policy.rules.issue_tokens
        longest = rules.longest.total_seconds()
        try:
            policy.check_issuing(user_id)
            if seconds is not None and not 0 < seconds <= longest:
                raise ArgumentsError(f"ttl_seconds: expected at most {longest:g}, such as {min(longest, 300):g}.")
        except FrameworkError as error:
            await self.note(policy, OperationCall(ISSUE, asked, user_id), error)
            raise
        lifetime = timedelta(seconds=seconds if seconds is not None else longest)
        what = "token revealed" if rules.reveal else "handle given out"
        await self._audit.begin(self._entry(policy, ISSUE, asked, user_id, outcome="done", detail=what))
        given: dict[str, Any] = {"user_id": user_id, "expires_in_seconds": lifetime.total_seconds()}
        given["as_user"] = self.broker.issue_handle(user_id, policy.holder, lifetime)
        if rules.reveal:
            given["token"] = self.broker.mint(user_id, lifetime=lifetime).get_secret_value()
        return given

    async def logged(self, policy: Policy, count: int) -> list[dict[str, Any]]:
        """What this principal did, of the newest `count` entries of the audit log, oldest first."""
        entries = await asyncio.to_thread(self._audit.last, count)
        return [entry for entry in entries if entry["who"] == policy.who.name]

    async def close(self) -> None:
        """Close all connections."""
        await self._caller.close()
        if self.rehearsal is not None:
            await self.rehearsal.close()
        await self._audit.close()

    async def _approve(self, policy: Policy, ready: PreparedCall, ask: Ask | None, call: OperationCall) -> str:
        """Return who approved the call; empty where nobody has to."""
        if not policy.needs_approval(ready.operation, ready.effects):
            return ""
        question = question_of(
            policy.who, ready.operation.id, without_own_id(ready), ready.acts_as or "app", self.broker.redact
        )
        return await self.require(policy, Plan((call,)), question, ask)

    async def carry_out(self, policy: Policy, ready: PreparedCall, approved_by: str, part: str = "") -> Executed:
        """Make the call between two lines of the audit log: what was begun is there even if we die in the middle."""
        started = self._timing.monotonic()
        acts_as = ready.acts_as or "app"
        entry = self._entry(policy, ready.operation.id, ready.arguments, acts_as, approved_by=approved_by)
        begun = asyncio.ensure_future(self._audit.begin(entry))
        try:
            number = await asyncio.shield(begun)
            executed = await self._make(ready)
        except asyncio.CancelledError:
            # Whoever cancels is not kept waiting for more than these two lines.
            await asyncio.shield(self._end(await begun, "failed", f"{part}cancelled; it may have happened", started))
            raise
        except FrameworkError as error:
            if begun.exception() is not None:
                raise  # The log could not be written: nothing was sent, and there is no line to complete.
            explain(self.catalog, ready.operation, error, ready.token_of)
            error.hint = _advice(error, ready, policy) or error.hint
            await self._end(number, "failed", f"{part}{error}", started)
            raise
        await self._end(number, "done", f"{part}{_gist(executed.body)}", started)
        if policy.who.bot is None:
            return executed
        return replace(executed, body=seen_by(_reader(policy, ready), executed.body))

    async def log_work(
        self,
        policy: Policy,
        call: OperationCall,
        do: Callable[[], Awaitable[dict[str, Any]]],
        acts_as: str,
        approved_by: str,
    ) -> dict[str, Any]:
        """Do work that was allowed, between two lines of the audit log. `call` says what it is."""
        started = self._timing.monotonic()
        entry = self._entry(policy, call.operation_id, call.arguments, acts_as, approved_by=approved_by)
        number = await self._audit.begin(entry)
        try:
            done = await do()
        except asyncio.CancelledError:
            await asyncio.shield(self._end(number, "failed", "cancelled; it may have happened", started))
            raise
        except FrameworkError as error:
            error.strike_out(self.broker.redact)
            await self._end(number, "failed", str(error), started)
            raise
        await self._end(number, "done", _gist(done), started)
        return done

    async def _make(self, ready: PreparedCall) -> Executed:
        request = build_request(ready.operation, ready.arguments)
        try:
            response = await self._caller.call(ready.operation, request, ready.token_of, own_id=ready.own_id)
            body = response.body
        except DuplicateMessageError:
            if not ready.own_id:
                raise
            # Our own id: an earlier try, of this call or of this turn, got through.
            body = await self._preparation.read_message(ready.arguments["message"]["id"])
            if not _is_by(ready, body):
                raise
        return Executed(ready.operation, ready.acts_as, body, ready.arguments, ready.token_of)

    async def _end(self, number: int, outcome: Outcome, detail: str, started: float) -> None:
        milliseconds = (self._timing.monotonic() - started) * 1000
        await self._audit.end(number, outcome, self.broker.redact(detail), milliseconds)

    async def note(self, policy: Policy, call: OperationCall, error: FrameworkError, part: str = "") -> None:
        """Log a call that was not made. `part` says which step of a plan it was."""
        outcome: Outcome = next((kind for cls, kind in _OUTCOMES.items() if isinstance(error, cls)), "refused")
        entry = self._entry(
            policy, call.operation_id, call.arguments, _as_told(call.as_user), outcome=outcome,
            detail=part + error.what,
        )  # fmt: skip
        await self._audit.begin(entry)

    def _entry(
        self,
        policy: Policy,
        operation: str,
        arguments: object,
        acts_as: str | None,
        *,
        outcome: Outcome = "started",
        detail: str = "",
        approved_by: str = "",
    ) -> Entry:
        return new_entry(
            policy.who,
            operation,
            arguments,
            at=self._timing.now(),
            redact=self.broker.redact,
            acts_as=acts_as,
            outcome=outcome,
            detail=detail,
            approved_by=approved_by,
        )


def _as_told(as_user: str | None) -> str | None:
    """As whom somebody wants to act, for the audit log: a user's id, never what gives the right to be one."""
    secret = as_user is not None and (as_user.startswith(HANDLE) or is_token(as_user))
    return HIDDEN if secret else as_user


def _reader(policy: Policy, ready: PreparedCall) -> Reader:
    return Reader(policy.who.caller, policy.who.bot, ready.acts_as, with_own_token=ready.token_of is not None)


def _is_by(ready: PreparedCall, body: dict[str, Any]) -> bool:
    """Whether a message that was read was written by the one in whose name the call is made."""
    author = ((body.get("message") or {}).get("user") or {}).get("id")
    return bool(author) and author in {ready.acts_as, *actors(ready.operation, ready.arguments)}


def _advice(error: FrameworkError, ready: PreparedCall, policy: Policy) -> str | None:
    """What an agent can do if the user as whom it acts lacks permission."""
    if not isinstance(error, ChatServiceError) or error.code != NOT_ALLOWED or ready.token_of is None:
        return None
    if not policy.permits_app:
        return "This user lacks permission. Only a person can give it: tell them."
    return (
        f"{ready.token_of!r} lacks permission, perhaps because they are not a member of the channel. Add them, or omit"
        " as_user and name the user in the arguments, such as message.user_id."
    )


def _gist(body: dict[str, Any]) -> str:
    """What came back, in a few words: the names at the top, and ids of what they hold."""
    parts = []
    for name, value in body.items():
        identity = value.get("cid") or value.get("id") if isinstance(value, dict) else None
        size = f"{len(value)} items" if isinstance(value, list) else identity
        if name != "duration":
            parts.append(f"{name} ({size})" if size else name)
    return ", ".join(parts)[:300]
