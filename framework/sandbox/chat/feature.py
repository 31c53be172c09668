"""What a feature adds to the chat: operations, and what it does at the moments that concern it.

A feature is a module (or a package) of one noun: polls, drafts, devices. It names in one `Feature` whatever the rest
must know of it, so that no other module lists it. `sandbox[FEATURES]` are all of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from framework.sandbox.kernel.sandbox import SandboxPart

if TYPE_CHECKING:
    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.chat.threads.record import Thread
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.operations import Domain, ServedOperation
    from framework.sandbox.kernel.sandbox import Sandbox
    from framework.sandbox.kernel.store.table import Derived, Groups

T = TypeVar("T")
Fields = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One noun of the service. All but `operations` is optional.

    - `due`: by kind, what is done at a time that was planned with `sandbox.scheduler`; it gets the subject's key.
    - `reserved`: names that custom data of a kind ("message", "channel") cannot have.
    - `forget_user`, `forget_channel`: drop what belongs to a user id or a cid that is gone for good.
    - `forget_message`: the same for a message, before it is removed.
    - `check_message`: check what a new message shares and set it there, given the fields of the request.
    - `message_sent`: called when a new message was stored.
    - `message_shown`: called when a message can be seen, at once or once it is no longer pending, and whether
      the request said `skip_push`.
    - `screen`: look at a composed message. A message that it returns is the answer, and nothing is sent.
    - `ask`: ask somebody outside whether a composed message is to be sent; None where there is nobody to ask.
    - `message_fields`, `thread_fields`, `channel_state`: add to a message, a thread or a channel's state as a user
      sees it. The user is None for a server.
    - `own_user_fields`: add to a user as servers see it; `itself` is whether the user itself looks.
    """

    operations: tuple[Domain, ...] = ()
    due: Mapping[str, Callable[[Call, str], None]] = field(default_factory=dict)
    reserved: Mapping[str, frozenset[str]] = field(default_factory=dict)
    forget_user: Callable[[Call, str], None] | None = None
    forget_channel: Callable[[Call, str], None] | None = None
    forget_message: Callable[[Call, Message], None] | None = None
    check_message: Callable[[Call, Channel, Message, User, Fields], None] | None = None
    message_sent: Callable[[Call, Message], None] | None = None
    message_shown: Callable[[Call, Message, bool], None] | None = None
    screen: Callable[[Call, Channel, Message, User], Message | None] | None = None
    ask: Callable[[Call, Channel, Message, User], Awaitable[bool] | None] | None = None
    message_fields: Callable[[Sandbox, Message, str | None], Fields] | None = None
    thread_fields: Callable[[Call, Thread, str], Fields] | None = None
    channel_state: Callable[[Call, Channel, User | None], Fields] | None = None
    own_user_fields: Callable[[Sandbox, str, bool], Fields] | None = None


class Features:
    """All features, by what they do. They act in the order in which they are given."""

    def __init__(self, features: Iterable[Feature]) -> None:
        features = tuple(features)
        domains = [domain for feature in features for domain in feature.operations]
        self.operations: tuple[ServedOperation, ...] = tuple(one for domain in domains for one in domain.operations)
        self.due = {kind: handler for feature in features for kind, handler in feature.due.items()}
        self._reserved = {what: names for feature in features for what, names in feature.reserved.items()}
        self.forget_user = _given(feature.forget_user for feature in features)
        self.forget_channel = _given(feature.forget_channel for feature in features)
        self.forget_message = _given(feature.forget_message for feature in features)
        self.check_message = _given(feature.check_message for feature in features)
        self.message_sent = _given(feature.message_sent for feature in features)
        self.message_shown = _given(feature.message_shown for feature in features)
        self.screen = _given(feature.screen for feature in features)
        self.ask = _given(feature.ask for feature in features)
        self.message_fields = _given(feature.message_fields for feature in features)
        self.thread_fields = _given(feature.thread_fields for feature in features)
        self.channel_state = _given(feature.channel_state for feature in features)
        self.own_user_fields = _given(feature.own_user_fields for feature in features)

    def reserved(self, what: str) -> frozenset[str]:
        """The names that custom data of a kind cannot have."""
        return self._reserved.get(what, frozenset())


FEATURES: SandboxPart[Features] = SandboxPart("features")


def dropping(*indexes: Derived[Any, Groups[Any]]) -> Callable[[Call, str], None]:
    """What forgets all records that indexes file under an id, for `forget_user` and `forget_channel`."""

    def forget(call: Call, owner: str) -> None:
        for index in indexes:
            for record in call.store.index(index).of(owner):
                call.store[index.table].remove(record.key)

    return forget


def _given(found: Iterable[T | None]) -> tuple[T, ...]:
    return tuple(one for one in found if one is not None)
