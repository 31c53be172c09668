"""Whether an operation may be executed: by whom, as whom, where. Decides; does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.catalog.execution.actor import actors, described
from framework.catalog.operation import EFFECTS
from framework.definition.parts.operations import APP, BOT, CALLER, CONVERSATION, Operations, matches
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from framework.catalog.execution.principal import Principal
    from framework.catalog.operation import Effect, Operation


class NotAllowedError(FrameworkError):
    """The policy does not allow this. Trying it in other words will not help; a person decides what is allowed."""


@dataclass(frozen=True, slots=True)
class ActingUser:
    """As whom a call is made: a user, or the app itself where `user_id` is None."""

    user_id: str | None


class Policy:
    """The rules for one principal."""

    def __init__(self, rules: Operations, who: Principal) -> None:
        self.rules = rules
        self.who = who

    @property
    def holder(self) -> str:
        """Whose handles and results are whose: a bot's conversations are kept apart."""
        return f"{self.who.name} in {self.who.channel}" if self.who.channel else self.who.name

    def permits(self, operation: Operation) -> bool:
        """Whether the operation may be executed at all, with some arguments."""
        return not self._denied(operation, operation.effects) and self._allowed(operation)

    def check_operation(self, operation: Operation) -> None:
        """Raise NotAllowedError for an operation that is denied or not allowed."""
        if self._denied(operation, operation.effects):
            raise self._refusal(f"{operation.id} is denied", "deny")
        if not self._allowed(operation):
            kinds = " and ".join(effect for effect in EFFECTS if effect in operation.effects)
            raise self._refusal(f"{operation.id} ({kinds}) is not among what is allowed", "allow")

    def check_effects(self, operation: Operation, effects: Mapping[Effect, str]) -> None:
        """Raise NotAllowedError where the arguments make the call one of a class that is denied or not allowed.

        `effects` are all classes of the call, with the argument that adds each. A class that waits for approval is
        allowed: a person decides.
        """
        for effect, argument in effects.items():
            if effect in operation.effects:
                continue
            if self._denied(operation, {effect}):
                raise self._refusal(f"{operation.id} with {argument} {effect}, which is denied", "deny")
            if effect not in self.rules.allow + self.rules.approve:
                raise self._refusal(f"{operation.id} with {argument} {effect}, which is not allowed", "allow")

    def needs_approval(self, operation: Operation, effects: Iterable[Effect] = ()) -> bool:
        """Whether a person has to approve each call; `effects` are the classes that its arguments make it."""
        rules = self.rules.approve
        return operation.id in rules or not {*operation.effects, *effects}.isdisjoint(rules)

    @property
    def permits_app(self) -> bool:
        """Whether the app acts where nobody is named."""
        return self.rules.act_as[0] == APP

    def actor(self, as_user: str | None) -> ActingUser:
        """As whom to act: the user asked for, or the policy's first choice. Raises NotAllowedError."""
        if as_user is None:
            return ActingUser(self._default())
        if not self._may_be(as_user):
            raise self._refusal(f"acting as {as_user!r} is not allowed", "act_as")
        return ActingUser(as_user)

    def check_actors(self, operation: Operation, arguments: dict[str, Any], actor: ActingUser) -> None:
        """Raise NotAllowedError where the arguments name a doer that the principal may not be."""
        for user_id in sorted(actors(operation, arguments) - {actor.user_id}):
            if not self._may_be(user_id):
                raise self._refusal(f"doing this in the name of {user_id!r} is not allowed", "act_as")
            if actor.user_id is not None and operation.token != "server":  # noqa: S105 - a kind of token, not a token
                raise NotAllowedError(
                    f"The arguments name {user_id!r}, but the call is made as {actor.user_id!r}.",
                    hint=f"Pass as_user={user_id!r}, or leave {user_id!r} out.",
                )

    def check_described(self, operation: Operation, arguments: dict[str, Any], update_users: Operation) -> None:
        """Raise NotAllowedError where the app would change users by the way, and may not do so with `update_users`."""
        changed = described(operation, arguments)
        may_change = self.rules.everywhere and self.permits(update_users) and not self.needs_approval(update_users)
        if changed and not may_change:
            raise self._refusal(
                f"telling more of {min(changed)!r} than the id changes that user, as {update_users.id} does", "allow"
            )

    def check_issuing(self, user_id: str) -> None:
        """Raise NotAllowedError where no token may be issued for this user."""
        users = self.rules.issue_tokens.users
        if not users:
            raise self._refusal("issuing tokens is off", "issue_tokens")
        if not matches(user_id, users):
            raise self._refusal(f"issuing a token for {user_id!r}", "issue_tokens")

    def check_channel(self, cid: str) -> None:
        """Raise NotAllowedError for a channel out of bounds."""
        if not (self.rules.everywhere or matches(cid, self._channels())):
            raise self._refusal(f"the channel {cid} is out of bounds", "channels")

    def check_anywhere(self, operation: Operation) -> None:
        """Raise NotAllowedError for an operation that is not about a channel, where the policy is: it must be named."""
        if not self.rules.everywhere and operation.id not in self.rules.allow:
            raise self._refusal(f"{operation.id} is not limited to a channel, and this policy is", "channels or allow")

    def exact_channels(self, operation: Operation) -> list[str] | None:
        """The channels to narrow a query to; None for all. Raises NotAllowedError where they cannot be listed."""
        if self.rules.everywhere:
            return None
        channels = self._channels()
        if not channels or any("*" in cid or "?" in cid for cid in channels):
            raise self._refusal(f"{operation.id} cannot be limited to the channels that are allowed", "channels")
        return list(channels)

    def _allowed(self, operation: Operation) -> bool:
        """By its id, or by all its classes. What administers has to be named to a bot."""
        rules = self.rules.allow
        if operation.id in rules:
            return True
        for_bots = self.who.bot is not None
        return operation.effects <= set(rules) and not (for_bots and "administers" in operation.effects)

    def _denied(self, operation: Operation, effects: Iterable[Effect]) -> bool:
        return operation.id in self.rules.deny or not set(effects).isdisjoint(self.rules.deny)

    def _channels(self) -> tuple[str, ...]:
        here = (self.who.channel,) if CONVERSATION in self.rules.channels and self.who.channel else ()
        return here + tuple(cid for cid in self.rules.channels if cid != CONVERSATION)

    def _default(self) -> str | None:
        first = self.rules.act_as[0]
        if first == APP:
            return None
        user_id = {BOT: self.who.bot, CALLER: self.who.caller}.get(first, first)
        if user_id is None or "*" in user_id or "?" in user_id:
            raise NotAllowedError("It is not said as whom to act.", hint="Pass as_user, a user's id.")
        return user_id

    def _may_be(self, user_id: str) -> bool:
        own = {BOT: self.who.bot, CALLER: self.who.caller}
        return any(
            user_id == own[rule] if rule in own else rule != APP and matches(user_id, (rule,))
            for rule in self.rules.act_as
        )

    def _refusal(self, what: str, part: str) -> NotAllowedError:
        return NotAllowedError(
            f"Not allowed: {what}.",
            hint=f"The policy of {self.who.name} says so (operations.{part}). Only a person can change it: tell them.",
        )
