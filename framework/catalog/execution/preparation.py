"""Prepares a call: checks it against the policy and the schema, and puts its arguments in the form that is sent."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from framework.catalog.execution.actor import with_actor, without_actors
from framework.catalog.execution.arguments import ArgumentsError, check_arguments
from framework.catalog.execution.broker import HANDLE
from framework.catalog.execution.custom import as_sent
from framework.catalog.execution.effects import effects_of
from framework.catalog.execution.forms import is_deep, usual
from framework.catalog.execution.policy import ActingUser, NotAllowedError, Policy
from framework.catalog.execution.reach import (
    Anywhere,
    Filtered,
    InChannels,
    OfMessage,
    narrow,
    other_messages,
    reach_of,
)  # fmt: skip
from framework.catalog.execution.request import build_request
from framework.catalog.execution.said import undeclared
from framework.catalog.execution.tokens import is_token
from framework.catalog.execution.visible import Reader
from framework.errors import ChatServiceError

if TYPE_CHECKING:
    from framework.catalog.catalog import Catalog
    from framework.catalog.execution.broker import CredentialBroker
    from framework.catalog.execution.caller import ServiceCaller
    from framework.catalog.operation import Effect, Operation
    from framework.stream.ids import IdKey

UPDATE_USERS = "UpdateUsers"
SEND_EVENT = "SendEvent"


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
class PreparedCall:
    """A call that may be made: its arguments as they will be sent, and whose token it takes (None: the app's)."""

    operation: Operation
    arguments: dict[str, Any]
    acts_as: str | None
    token_of: str | None
    effects: tuple[Effect, ...] = ()
    own_id: bool = False


class Preparation:
    """Prepares calls for every principal of a process."""

    def __init__(self, catalog: Catalog, broker: CredentialBroker, caller: ServiceCaller) -> None:
        self._catalog = catalog
        self._broker = broker
        self._caller = caller

    async def prepare(self, policy: Policy, call: OperationCall, *, complete: bool = True) -> PreparedCall:
        """The call as it will be sent. `complete` False: some arguments are a `PendingValue`, and what depends on them
        is left for later.

        Raises NotAllowedError, ArgumentsError, SpellingError, UnknownOperationError, HandleError or ChatServiceError.
        """
        operation = self._catalog.operation(call.operation_id)
        policy.check_operation(operation)
        if is_deep(call.arguments):
            raise ArgumentsError(f"{operation.id} was not sent; its arguments are nested too deeply.")
        given = usual(self._catalog, operation, call.arguments)
        check_arguments(self._catalog, operation, given)
        actor = self._actor(policy, call.as_user)
        # From here on what is looked at is what will be sent: a custom field may turn out to be another one.
        arguments = as_sent(operation, given, self._catalog.schema(operation.id).get("$defs", {}))
        policy.check_actors(operation, arguments, actor)
        self._check_said(policy, operation, arguments)
        if complete:
            arguments = await self._in_bounds(policy, operation, arguments, actor)
        ready = _with_token(operation, arguments, actor)
        if complete:
            ready = _with_own_id(ready, policy.who.key, self._broker.id_key)
            if operation.id == SEND_EVENT and policy.who.bot is not None:
                ready = _as_a_bots(ready)
        if ready.token_of is None:
            policy.check_described(operation, ready.arguments, self._catalog.operation(UPDATE_USERS))
        effects = {e: why for e, why in effects_of(operation, ready.arguments).items() if e not in call.declared}
        policy.check_effects(operation, effects)
        return replace(ready, effects=tuple(effects))

    def _actor(self, policy: Policy, as_user: str | None) -> ActingUser:
        if as_user is not None and as_user.startswith(HANDLE):
            # Whoever holds a handle was allowed to have it.
            return ActingUser(self._broker.resolve(as_user, policy.holder))
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
            found = (await self.read_message(message_id)).get("message")
        except ChatServiceError:
            if policy.rules.everywhere:
                return  # The call itself tells what is wrong; and some messages cannot be read, such as ephemeral ones.
            raise
        message = found if isinstance(found, dict) else {}
        policy.check_channel(str(message.get("cid", "")))
        if policy.who.bot is not None and Reader(policy.who.caller, policy.who.bot, actor.user_id).is_hidden(message):
            raise NotAllowedError(f"Not allowed: the person who asks may not see the message {message_id!r}.")

    async def read_message(self, message_id: str) -> dict[str, Any]:
        """Read a message with the app's rights. Raises ChatServiceError."""
        operation = self._catalog.operation("GetMessage")
        request = build_request(operation, {"id": message_id})
        return (await self._caller.call(operation, request, None, own_id=False)).body


def _with_token(operation: Operation, arguments: dict[str, Any], actor: ActingUser) -> PreparedCall:
    """Whose token the call takes: a user's wherever that will do."""
    user_id = actor.user_id
    if user_id is None:
        return PreparedCall(operation, arguments, None, None)
    if operation.token == "server":  # noqa: S105 - a kind of token, not a token
        return PreparedCall(operation, with_actor(operation, arguments, user_id), user_id, None)
    return PreparedCall(operation, without_actors(operation, arguments), user_id, user_id)


def _with_own_id(ready: PreparedCall, key: str | None, ids: IdKey) -> PreparedCall:
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


def _as_a_bots(ready: PreparedCall) -> PreparedCall:
    """Mark an event that a bot's tool sends: it comes in the bot's name, and is no word of the app's server."""
    event = dict(ready.arguments["event"])
    mark = {"ai_generated": True}
    event |= mark if ready.operation.v1 is not None else {"custom": {**(event.get("custom") or {}), **mark}}
    return replace(ready, arguments=ready.arguments | {"event": event})


def without_own_id(ready: PreparedCall) -> dict[str, Any]:
    """The arguments as they were asked for: an id made up for this try must not make it another call."""
    if not ready.own_id:
        return ready.arguments
    message = {key: value for key, value in ready.arguments["message"].items() if key != "id"}
    return ready.arguments | {"message": message}
