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
        """Read `messaging:support-123`. Raises UsageError if a part is missing."""
        type_, colon, id_ = cid.partition(":")
        if not (type_ and colon and id_):
            raise UsageError(f"{cid!r} is not a channel.", hint="Write TYPE:ID, for example messaging:support-123.")
        return cls(type_, id_)

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


@dataclass(frozen=True)
class User:
    """A person or bot in a channel.

    `is_bot` follows from the user's role or custom field. `banned` is true for a user who is banned or shadow banned in
    the whole app, if the service says so. `timezone` is what the custom field of that name says, unchecked.
    """

    id: str
    name: str = ""
    role: str = "user"
    is_bot: bool = False
    banned: bool = False
    timezone: str = ""


@dataclass(frozen=True)
class Attachment:
    """A file, image or link on a message."""

    kind: str
    title: str = ""
    url: str = ""
    mime_type: str = ""


@dataclass(frozen=True)
class Message:
    """A message in a channel. Times are aware, in UTC.

    `parent_id` is set for a reply in a thread. `reply_count` counts the replies to this message.
    `command` is the slash command, without the slash, that the service recognised; `text` is then what follows it.
    `custom` has the fields that clients set, such as the press of a button.
    `visible_to` names the only users who see the message; empty: all members. `shadowed`: only its author sees it.
    `channel_role` is the author's role in this channel.
    `quoted_id` is the message that it quotes, `quoted_user_id` the author of that message if the service says so, and
    `quoted_visible_to` the only users who see it; empty: all members.
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
    """Return whether a member sees a message. An empty id asks whether all members see it.

    The service hides restricted and shadowed messages from other people, but not from the app's own calls.
    """
    if message.user.id == user_id and user_id:
        return True
    return not message.shadowed and (not message.visible_to or user_id in message.visible_to)


def may_all_see(message: Message, user_ids: Collection[str]) -> bool:
    """Return whether each of these users sees a message; for no users, whether every member does."""
    return all(may_see(message, user_id) for user_id in user_ids) if user_ids else may_see(message, "")


@dataclass(frozen=True)
class CardAction:
    """A button with `text` on it. A press sends `name` (what is decided) and `value` (how)."""

    name: str
    value: str
    text: str
    primary: bool = False


@dataclass(frozen=True)
class MessageCard:
    """A card below a message's text: a title, a text, and buttons if the client draws them."""

    title: str
    text: str = ""
    actions: tuple[CardAction, ...] = ()


@dataclass(frozen=True)
class OutgoingMessage:
    """A message to post. We choose `id`, so the service refuses it a second time.

    `visible_to` names the only users, beside the author, who see it; empty: all members. A `silent` message is unread
    for nobody and notifies nobody. `mentions` are the ids of users whom it is for, whatever its text says. Nobody gets
    a push of it with `skip_push`.
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
    mentions: tuple[str, ...] = ()
    skip_push: bool = False


@dataclass(frozen=True)
class Member:
    """A member of a channel. `channel_role` is the role in this channel: `channel_member`, `channel_moderator`.

    `banned`: banned or shadow banned in this channel.
    """

    user: User
    channel_role: str = "channel_member"
    banned: bool = False


@dataclass(frozen=True)
class ChannelInfo:
    """A channel without its messages. `custom` has the fields that apps and bots set.

    `created_by` is the id of the user who created it. If the service does not say, it is empty and `member_count` is 0.
    """

    channel: ChannelRef
    name: str = ""
    custom: Mapping[str, Any] = field(default_factory=dict)
    frozen: bool = False
    member_count: int = 0
    created_by: str = ""


@dataclass(frozen=True)
class Reaction:
    """A user's reaction to a message; `kind` is its name, such as `like`."""

    user: User
    kind: str
    at: datetime = EPOCH


@dataclass(frozen=True)
class ChannelPage:
    """A channel and its newest messages outside threads, oldest first."""

    info: ChannelInfo
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class ChannelState:
    """A channel with its newest messages, oldest first. `joined_at` is when the bot joined; None: it is not a member.

    `reactions` are the latest reactions to each of these messages, by message id. The service sends at most ten.
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
class PollChanged:
    """The poll of a message got another text: its own, an option, or an answer in somebody's own words."""

    channel: ChannelRef
    message_id: str


@dataclass(frozen=True)
class AddedToChannel:
    """A bot became a member of a channel: the user `user_id`, or, if that is empty, the bot that gets the event."""

    channel: ChannelRef
    user_id: str = ""


@dataclass(frozen=True)
class RemovedFromChannel:
    """A user is no longer a member (`user_id` as in AddedToChannel), or the channel was deleted."""

    channel: ChannelRef
    user_id: str = ""


@dataclass(frozen=True)
class MemberAdded:
    """A user became a member of a channel.

    `at` is the service's time. With the other fields it identifies the event, however often and in which way it comes.
    """

    channel: ChannelRef
    user: User
    at: datetime = EPOCH


@dataclass(frozen=True)
class ReactionNew:
    """A user reacted to a message, or changed a reaction. `kind` is its name: `like`. `at` is as in MemberAdded."""

    channel: ChannelRef
    message_id: str
    user: User
    kind: str
    at: datetime = EPOCH


@dataclass(frozen=True)
class ReactionGone:
    """A user took a reaction back. Fields are as in ReactionNew."""

    channel: ChannelRef
    message_id: str
    user: User
    kind: str
    at: datetime = EPOCH


@dataclass(frozen=True)
class CustomEvent:
    """An app sent a custom event to a channel. `kind` is its type, `data` the app's fields. `at` as in MemberAdded."""

    channel: ChannelRef
    user: User
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = EPOCH


@dataclass(frozen=True)
class StopRequested:
    """A person pressed stop.

    Some clients do not send `message_id`: then the message in progress is meant. `by` is the person, if the service
    sends it. `at` is as in MemberAdded.
    """

    channel: ChannelRef
    user_id: str
    message_id: str | None = None
    by: User | None = None
    at: datetime = EPOCH


@dataclass(frozen=True)
class Connected:
    """The event connection is up. If `again` is true, it was lost before: watch again and read what was missed."""

    again: bool


@dataclass(frozen=True)
class Disconnected:
    """The event connection was lost; it is being rebuilt. `reason` is for the log."""

    reason: str


@dataclass(frozen=True)
class UserDeleted:
    """A user of the app was deleted for good. What is kept of them must be erased."""

    user_id: str


@dataclass(frozen=True)
class OwnReply:
    """The bot's own reply to a message was posted, by whichever of its processes. `question` is the message's id."""

    question: str


Event = (
    MessageNew
    | OwnReply
    | UserDeleted
    | MessageUpdated
    | MessageDeleted
    | PollChanged
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
