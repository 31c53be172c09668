"""What the rest of the framework knows of a chat service: channels, users, messages, events. No wire detail."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Self

from framework.errors import UsageError

MessageKind = Literal["regular", "reply", "system", "ephemeral", "error", "deleted"]
AIState = Literal["thinking", "generating", "external_sources", "error"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RECORD_FIELDS = frozenset(
    {
        "reply_to", "made_up", "answers", "part_of", "outcome", "note", "review", "covers_before", "handover",
        "handover_channel", "approved_by", "stopped",
    }
)  # fmt: skip
"""Custom fields by which the runtime knows its own messages. No tool may set them on a message in the bot's name."""


@dataclass(frozen=True, order=True)
class ChannelRef:
    """A channel's address, written `type:id`."""

    type: str
    id: str

    @classmethod
    def parse(cls, cid: str) -> Self:
        """Read `messaging:support-123`. Raises UsageError where a part is missing."""
        type_, colon, id_ = cid.partition(":")
        if not (type_ and colon and id_):
            raise UsageError(f"{cid!r} is not a channel.", hint="Write TYPE:ID, for example messaging:support-123.")
        return cls(type_, id_)

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


@dataclass(frozen=True)
class User:
    """Someone in a channel, person or bot. `is_bot` is what the service says of them (role or custom field), `banned`
    that they are banned or shadow banned in the whole app, where the service tells.
    """

    id: str
    name: str = ""
    role: str = "user"
    is_bot: bool = False
    banned: bool = False


@dataclass(frozen=True)
class Attachment:
    """A file, image or link on a message."""

    kind: str
    title: str = ""
    url: str = ""
    mime_type: str = ""


@dataclass(frozen=True)
class Message:
    """A message as the channel holds it. Times are aware, in UTC. `parent_id` is set for a reply in a thread,
    `reply_count` for a message that others replied to.

    `command` is the name of the slash command that the service took the message for (without the slash; empty for
    none), and `text` then what stood behind it. `custom` is all that clients set and the service has no name for: a
    button press is told there. `visible_to` names the only users who see the message (empty: every member);
    `shadowed`: only its author does.
    `channel_role` is its author's role in this channel, `quoted_id` the message that it quotes and `quoted_user_id` who
    wrote that, where the service tells, and `quoted_visible_to` the only users who see that one (empty: every member).
    """

    id: str
    channel: ChannelRef
    user: User
    text: str
    created_at: datetime
    kind: MessageKind = "regular"
    parent_id: str | None = None
    show_in_channel: bool = False
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    mentioned: tuple[str, ...] = ()
    mentioned_names: tuple[str, ...] = ()
    silent: bool = False
    ai_generated: bool = False
    generating: bool = False
    reply_count: int = 0
    custom: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    shadowed: bool = False
    visible_to: tuple[str, ...] = ()
    channel_role: str = ""
    quoted_id: str = ""
    quoted_user_id: str = ""
    quoted_visible_to: tuple[str, ...] = ()


def may_see(message: Message, user_id: str) -> bool:
    """Return whether a member sees a message. An empty id stands for everybody: only what all members see is theirs.

    The service hides restricted and shadowed messages from other people, but not from the app's own calls.
    """
    if message.user.id == user_id and user_id:
        return True
    return not message.shadowed and (not message.visible_to or user_id in message.visible_to)


def may_all_see(message: Message, user_ids: Collection[str]) -> bool:
    """Return whether each of these users sees a message; with none named, whether every member does."""
    return all(may_see(message, user_id) for user_id in user_ids) if user_ids else may_see(message, "")


@dataclass(frozen=True)
class Action:
    """A button. `name` says what is decided, `value` how; `text` is on it."""

    name: str
    value: str
    text: str
    primary: bool = False


@dataclass(frozen=True)
class MessageCard:
    """What stands below a message's text: a title, a text, and buttons where a client draws them."""

    title: str
    text: str = ""
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True)
class OutgoingMessage:
    """A message to post. `id` is chosen by us, so that posting twice is refused by the service.

    `visible_to` names the only users who are to see it (and its author does); none: every member. A `silent` message
    counts as unread for nobody and notifies nobody.
    """

    id: str
    text: str
    parent_id: str | None = None
    show_in_channel: bool = False
    generating: bool = False
    custom: Mapping[str, Any] = field(default_factory=dict)
    kind: Literal["regular", "system"] = "regular"
    visible_to: tuple[str, ...] = ()
    silent: bool = False
    card: MessageCard | None = None


@dataclass(frozen=True)
class Member:
    """A member of a channel. `channel_role` is the one that it has there: `channel_member`, `channel_moderator`.
    `banned`: banned or shadow banned there.
    """

    user: User
    channel_role: str = "channel_member"
    banned: bool = False


@dataclass(frozen=True)
class ChannelInfo:
    """A channel without its messages. `custom` holds what apps and bots put there; `member_count` is 0 and
    `created_by` (the id of who created it) empty where the service does not say.
    """

    channel: ChannelRef
    name: str = ""
    custom: Mapping[str, Any] = field(default_factory=dict)
    frozen: bool = False
    member_count: int = 0
    created_by: str = ""


@dataclass(frozen=True)
class Reaction:
    """Someone's reaction to a message; `kind` is its name: `like`."""

    user: User
    kind: str
    at: datetime = EPOCH


@dataclass(frozen=True)
class ChannelPage:
    """What a channel is, and its newest messages outside threads, oldest first."""

    info: ChannelInfo
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class ChannelState:
    """A channel as read: its newest messages, oldest first, and since when the bot is a member (None: it is not).

    `reactions` are the latest ones to each of these messages, by message id, as many as the service tells (ten).
    """

    channel: ChannelRef
    messages: tuple[Message, ...]
    created_at: datetime
    joined_at: datetime | None = None
    frozen: bool = False
    custom: Mapping[str, Any] = field(default_factory=dict)
    reactions: Mapping[str, tuple[Reaction, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class MessageNew:
    """A message was posted."""

    message: Message


@dataclass(frozen=True)
class MessageUpdated:
    """A message was edited (or is being streamed)."""

    message: Message


@dataclass(frozen=True)
class MessageDeleted:
    """A message was deleted, soft or hard."""

    channel: ChannelRef
    message_id: str


@dataclass(frozen=True)
class AddedToChannel:
    """A bot became a member of a channel: the user `user_id`, or, where that is empty, the one who is told."""

    channel: ChannelRef
    user_id: str = ""


@dataclass(frozen=True)
class RemovedFromChannel:
    """A user is no longer a member (`user_id` as in AddedToChannel), or, for everyone, the channel is gone."""

    channel: ChannelRef
    user_id: str = ""


@dataclass(frozen=True)
class MemberAdded:
    """Someone became a member of a channel. `at` is the service's time: with the rest it tells one event from the next,
    whoever brings it and how often.
    """

    channel: ChannelRef
    user: User
    at: datetime = EPOCH


@dataclass(frozen=True)
class ReactionNew:
    """Someone reacted to a message, or changed a reaction to this one. `kind` is the reaction's name: `like`. `at` as
    in MemberAdded.
    """

    channel: ChannelRef
    message_id: str
    user: User
    kind: str
    at: datetime = EPOCH


@dataclass(frozen=True)
class ReactionGone:
    """Someone took a reaction back. Fields as in ReactionNew."""

    channel: ChannelRef
    message_id: str
    user: User
    kind: str
    at: datetime = EPOCH


@dataclass(frozen=True)
class CustomEvent:
    """An app sent an event of its own to a channel. `kind` is its type, `data` all fields that the app set. `at` as in
    MemberAdded.
    """

    channel: ChannelRef
    user: User
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = EPOCH


@dataclass(frozen=True)
class StopRequested:
    """A person pressed stop. Some clients do not say for which message: then it is the one being generated. `by` is the
    person as the service tells of them, `at` as in MemberAdded.
    """

    channel: ChannelRef
    user_id: str
    message_id: str | None = None
    by: User | None = None
    at: datetime = EPOCH


@dataclass(frozen=True)
class Connected:
    """The event connection is up. `again` on every reconnect: watch again and look for what was missed."""

    again: bool


@dataclass(frozen=True)
class Disconnected:
    """The event connection was lost; it is being rebuilt. `reason` is for the log."""

    reason: str


@dataclass(frozen=True)
class UserDeleted:
    """A user of the app is gone for good: what is kept of them is to be erased."""

    user_id: str


Event = (
    MessageNew
    | UserDeleted
    | MessageUpdated
    | MessageDeleted
    | AddedToChannel
    | RemovedFromChannel
    | MemberAdded
    | ReactionNew
    | ReactionGone
    | CustomEvent
    | StopRequested
    | Connected
    | Disconnected
)
