"""Executes an operation: policy, arguments, approval, credentials, the call itself, and the audit log around it all."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from framework.catalog.catalog import UnknownOperationError
from framework.catalog.execution.actor import actors, with_actor, without_actors
from framework.catalog.execution.approvals import ApprovalNeededError, question_of
from framework.catalog.execution.arguments import ArgumentsError, check_arguments
from framework.catalog.execution.audit import new_entry
from framework.catalog.execution.broker import HANDLE
from framework.catalog.execution.custom import SpellingError, as_sent
from framework.catalog.execution.effects import effects_of
from framework.catalog.execution.forms import is_deep, usual
from framework.catalog.execution.outcome import explain
from framework.catalog.execution.policy import ActingUser, NotAllowedError, Policy
from framework.catalog.execution.reach import (
    Anywhere,
    Filtered,
    InChannels,
    OfMessage,
    narrow,
    other_messages,
    reach_of,
)
from framework.catalog.execution.request import build_request
from framework.catalog.execution.said import undeclared
from framework.catalog.execution.tokens import is_token
from framework.catalog.execution.visible import Reader, seen_by
from framework.errors import ChatServiceError, DuplicateMessageError, FrameworkError
from framework.stream.failure import NOT_ALLOWED

if TYPE_CHECKING:
    from framework.audit import Entry, Outcome
    from framework.catalog.catalog import Catalog
    from framework.catalog.execution.approvals import Ask, OperationApprovals
    from framework.catalog.execution.audit import Audit
    from framework.catalog.execution.broker import CredentialBroker
    from framework.catalog.execution.caller import ServiceCaller
    from framework.catalog.operation import Effect, Operation
    from framework.stream.ids import IdKey
    from framework.stream.timing import Timing

ISSUE = "issue_user_token"
HIDDEN = "[token]"
UPDATE_USERS = "UpdateUsers"
SEND_EVENT = "SendEvent"
_OUTCOMES: dict[type[FrameworkError], Outcome] = {
    ArgumentsError: "invalid",
    SpellingError: "invalid",
    UnknownOperationError: "invalid",
    ApprovalNeededError: "waits for approval",
    ChatServiceError: "failed",
}


@dataclass(frozen=True, slots=True)
class OperationCall:
    """What somebody wants executed. `as_user` is a user's id, or a handle from `issue_user_token`. `declared` are
    classes that its arguments may add since the tool that makes the call is there for that, and the bot lists it.
    """

    operation_id: str
    arguments: dict[str, Any]
    as_user: str | None = None
    declared: frozenset[Effect] = frozenset()


@dataclass(frozen=True, slots=True)
class Executed:
    """What came of it: the service's answer, whole, and as whom it was done (None: as the app)."""

    operation: Operation
    acts_as: str | None
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A call that may be made: its arguments as they will be sent, and whose token it takes (None: the app's)."""

    operation: Operation
    arguments: dict[str, Any]
    acts_as: str | None
    token_of: str | None
    effects: tuple[Effect, ...] = ()
    own_id: bool = False


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
    ) -> None:
        self.catalog = catalog
        self.broker = broker
        self._caller = caller
        self._audit = audit
        self._approvals = approvals
        self._timing = timing

    async def execute(self, policy: Policy, call: OperationCall, *, ask: Ask | None = None) -> Executed:
        """Execute one operation, if the policy, the schema and, where it is needed, a person allow it.

        Raises NotAllowedError, ArgumentsError, UnknownOperationError, ApprovalNeededError, HandleError or
        ChatServiceError; each is in the audit log by then. No secret and no token is in any of them.
        """
        as_told = _as_told(call.as_user)
        try:
            ready = await self._prepare(policy, call)
            approved_by = await self._approve(policy, ready, ask)
        except FrameworkError as error:
            # What was asked for is repeated in some errors, and may hold anything.
            error.strike_out(self.broker.redact)
            await self._note(policy, call.operation_id, call.arguments, as_told, error)
            raise
        return await self._recorded(policy, ready, approved_by)

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
            await self._note(policy, ISSUE, asked, user_id, error)
            raise
        lifetime = timedelta(seconds=seconds if seconds is not None else longest)
        what = "token revealed" if rules.reveal else "handle given out"
        await self._audit.begin(self._entry(policy, ISSUE, asked, user_id, outcome="done", detail=what))
        given: dict[str, Any] = {"user_id": user_id, "expires_in_seconds": lifetime.total_seconds()}
        given["as_user"] = self.broker.issue_handle(user_id, policy.holder, lifetime)
        if rules.reveal:
            given["token"] = self.broker.mint(user_id, lifetime=lifetime).get_secret_value()
        return given

    async def close(self) -> None:
        """Close all connections."""
        await self._caller.close()
        await self._audit.close()

    async def _prepare(self, policy: Policy, call: OperationCall) -> _Ready:
        operation = self.catalog.operation(call.operation_id)
        policy.check_operation(operation)
        if is_deep(call.arguments):
            raise ArgumentsError(f"{operation.id} was not sent; its arguments are nested too deeply.")
        given = usual(self.catalog, operation, call.arguments)
        check_arguments(self.catalog, operation, given)
        actor = self._actor(policy, call.as_user)
        # From here on what is looked at is what will be sent: a custom field may turn out to be another one.
        arguments = as_sent(operation, given, self.catalog.schema(operation.id).get("$defs", {}))
        policy.check_actors(operation, arguments, actor)
        self._check_said(policy, operation, arguments)
        arguments = await self._in_bounds(policy, operation, arguments, actor)
        ready = _with_own_id(_with_token(operation, arguments, actor), policy.who.key, self.broker.id_key)
        if operation.id == SEND_EVENT and policy.who.bot is not None:
            ready = _as_a_bots(ready)
        if ready.token_of is None:
            policy.check_described(operation, ready.arguments, self.catalog.operation(UPDATE_USERS))
        effects = {e: why for e, why in effects_of(operation, ready.arguments).items() if e not in call.declared}
        policy.check_effects(operation, effects)
        return replace(ready, effects=tuple(effects))

    def _actor(self, policy: Policy, as_user: str | None) -> ActingUser:
        if as_user is not None and as_user.startswith(HANDLE):
            # Whoever holds a handle was allowed to have it.
            return ActingUser(self.broker.resolve(as_user, policy.holder))
        if as_user is not None and is_token(as_user):
            raise NotAllowedError(
                "as_user holds a token, not a user's id. The token was not used and is kept nowhere.",
                hint="Pass the user's id, or a handle from issue_user_token. Revoke the token if others saw it.",
            )
        return policy.actor(as_user)

    def _check_said(self, policy: Policy, operation: Operation, arguments: dict[str, Any]) -> None:
        """Raise NotAllowedError where a bot says what its policy does not declare."""
        if policy.who.bot is None or operation.effect == "reads":
            return
        what = undeclared(policy.rules, arguments)
        if what:
            raise NotAllowedError(
                f"Not allowed: {operation.id} with {what}.",
                hint="A bot may do this only where its operations declare it. Leave it out.",
            )

    async def _in_bounds(
        self, policy: Policy, operation: Operation, arguments: dict[str, Any], actor: ActingUser
    ) -> dict[str, Any]:
        """The arguments, narrowed where that is needed. Raises NotAllowedError for a channel out of bounds, and for a
        message that a bot may see and the person for whom it works may not.
        """
        if policy.rules.everywhere and policy.who.bot is None:
            return arguments
        for message_id in other_messages(operation, arguments):
            await self._check_message(policy, message_id, actor)
        match reach_of(operation, arguments):
            case InChannels(cids):
                for cid in sorted(cids):
                    policy.check_channel(cid)
            case OfMessage(message_id):
                await self._check_message(policy, message_id, actor)
            case Filtered(place):
                exact = policy.exact_channels(operation)
                if arguments.get("predefined_filter"):
                    raise NotAllowedError("Not allowed: a predefined filter may reach channels out of bounds.")
                return arguments if exact is None else narrow(arguments, place, exact)
            case Anywhere():
                policy.check_anywhere(operation)
        return arguments

    async def _check_message(self, policy: Policy, message_id: str, actor: ActingUser) -> None:
        """Raise NotAllowedError for a message out of bounds. It is asked for with the app's rights, for this alone."""
        try:
            found = (await self._get_message(message_id, None)).get("message")
        except ChatServiceError:
            if policy.rules.everywhere:
                return  # The call itself tells what is wrong; and some messages cannot be read, such as ephemeral ones.
            raise
        message = found if isinstance(found, dict) else {}
        policy.check_channel(str(message.get("cid", "")))
        if policy.who.bot is not None and Reader(policy.who.caller, policy.who.bot, actor.user_id).is_hidden(message):
            raise NotAllowedError(f"Not allowed: the person who asks may not see the message {message_id!r}.")

    async def _get_message(self, message_id: str, user_id: str | None) -> dict[str, Any]:
        operation = self.catalog.operation("GetMessage")
        request = build_request(operation, {"id": message_id})
        return (await self._caller.call(operation, request, user_id, own_id=False)).body

    async def _approve(self, policy: Policy, ready: _Ready, ask: Ask | None) -> str:
        """Return who approved the call; empty where nobody has to."""
        if not policy.needs_approval(ready.operation, ready.effects):
            return ""
        question = question_of(
            policy.who, ready.operation.id, _without_own_id(ready), ready.acts_as or "app", self.broker.redact
        )
        return await self._approvals.require(question, ask)

    async def _recorded(self, policy: Policy, ready: _Ready, approved_by: str) -> Executed:
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
            await asyncio.shield(self._end(await begun, "failed", "cancelled; it may have happened", started))
            raise
        except FrameworkError as error:
            if begun.exception() is not None:
                raise  # The log could not be written: nothing was sent, and there is no line to complete.
            explain(self.catalog, ready.operation, error, ready.token_of)
            error.hint = _advice(error, ready, policy) or error.hint
            await self._end(number, "failed", str(error), started)
            raise
        await self._end(number, "done", _gist(executed.body), started)
        if policy.who.bot is None:
            return executed
        return replace(executed, body=seen_by(_reader(policy, ready), executed.body))

    async def _make(self, ready: _Ready) -> Executed:
        request = build_request(ready.operation, ready.arguments)
        try:
            response = await self._caller.call(ready.operation, request, ready.token_of, own_id=ready.own_id)
            body = response.body
        except DuplicateMessageError:
            if not ready.own_id:
                raise
            # Our own id: an earlier try, of this call or of this turn, got through.
            body = await self._get_message(ready.arguments["message"]["id"], None)
            if not _is_by(ready, body):
                raise
        return Executed(ready.operation, ready.acts_as, body)

    async def _end(self, number: int, outcome: Outcome, detail: str, started: float) -> None:
        milliseconds = (self._timing.monotonic() - started) * 1000
        await self._audit.end(number, outcome, self.broker.redact(detail), milliseconds)

    async def _note(
        self, policy: Policy, operation: str, arguments: object, as_user: str | None, error: FrameworkError
    ) -> None:
        """Log a call that was not made."""
        outcome: Outcome = next((kind for cls, kind in _OUTCOMES.items() if isinstance(error, cls)), "refused")
        await self._audit.begin(self._entry(policy, operation, arguments, as_user, outcome=outcome, detail=error.what))

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


def _reader(policy: Policy, ready: _Ready) -> Reader:
    return Reader(policy.who.caller, policy.who.bot, ready.acts_as, with_own_token=ready.token_of is not None)


def _with_token(operation: Operation, arguments: dict[str, Any], actor: ActingUser) -> _Ready:
    """Whose token the call takes: a user's wherever that will do."""
    user_id = actor.user_id
    if user_id is None:
        return _Ready(operation, arguments, None, None)
    if operation.token == "server":  # noqa: S105 - a kind of token, not a token
        return _Ready(operation, with_actor(operation, arguments, user_id), user_id, None)
    return _Ready(operation, without_actors(operation, arguments), user_id, user_id)


def _with_own_id(ready: _Ready, key: str | None, ids: IdKey) -> _Ready:
    """A message that is to be sent gets its id here, so that sending it again cannot make a second one.

    Within a turn the id follows from the turn and from what is said, so that a turn that runs again repeats nothing. It
    follows from the app's secret, too, so that nobody else can have a message with that id.
    """
    if ready.operation.id != "SendMessage":
        return ready
    message = dict(ready.arguments["message"])
    if message.get("id"):
        return ready
    said = hashlib.sha256(json.dumps(ready.arguments, sort_keys=True, default=str).encode()).hexdigest()
    message["id"] = ids.id_of("tool", key, ready.acts_as or "", said) if key else str(uuid.uuid4())
    return replace(ready, arguments=ready.arguments | {"message": message}, own_id=True)


def _as_a_bots(ready: _Ready) -> _Ready:
    """Mark an event that a bot's tool sends: it comes in the bot's name, and is no word of the app's server."""
    event = dict(ready.arguments["event"])
    mark = {"ai_generated": True}
    event |= mark if ready.operation.v1 is not None else {"custom": {**(event.get("custom") or {}), **mark}}
    return replace(ready, arguments=ready.arguments | {"event": event})


def _is_by(ready: _Ready, body: dict[str, Any]) -> bool:
    """Whether a message that was read was written by the one in whose name the call is made."""
    author = ((body.get("message") or {}).get("user") or {}).get("id")
    return bool(author) and author in {ready.acts_as, *actors(ready.operation, ready.arguments)}


def _without_own_id(ready: _Ready) -> dict[str, Any]:
    """The arguments as they were asked for: an id made up for this try must not make it another call."""
    if not ready.own_id:
        return ready.arguments
    message = {key: value for key, value in ready.arguments["message"].items() if key != "id"}
    return ready.arguments | {"message": message}


def _advice(error: FrameworkError, ready: _Ready, policy: Policy) -> str | None:
    """What an agent can do where the user as whom it acts has not the right."""
    if not isinstance(error, ChatServiceError) or error.code != NOT_ALLOWED or ready.token_of is None:
        return None
    if not policy.permits_app:
        return "This user has not the right. Only a person can give it: tell them."
    return (
        f"{ready.token_of!r} has not the right, as people have who are no members of a channel. Add them, or leave out"
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
