"""What a bot may do beside talking, in memory: read and change a channel, its members and reactions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from framework.errors import ChatServiceError
from framework.stream.model import Attachment, ChannelInfo, ChannelPage, ChannelRef, Member, MessageCard, Reaction, User
from framework.stream.port import Outgoing
from framework.testing.memory.memory_chat import MemoryChat, Room


class MemoryAdministration:
    """That part of `ChatService`, on a `MemoryChat`."""

    chat: MemoryChat
    user: User
    _outgoing: Outgoing

    async def _arrive(self, call: str) -> None:
        raise NotImplementedError

    async def info(self, channel: ChannelRef) -> ChannelInfo:
        """See the port."""
        await self._arrive("info")
        return _info(self.chat.existing(channel))

    async def view(self, channel: ChannelRef, *, limit: int) -> ChannelPage:
        """See the port."""
        await self._arrive("view")
        room = self.chat.existing(channel)
        return ChannelPage(_info(room), tuple(room.newest(limit)))

    async def members(self, channel: ChannelRef, *, ids: Sequence[str] = ()) -> Sequence[Member]:
        """See the port."""
        await self._arrive("members")
        room = self.chat.existing(channel)
        known = sorted(room.members.items(), key=lambda item: item[1])
        return [
            Member(self.chat.people.get(user_id, User(user_id)), room.roles.get(user_id, "channel_member"))
            for user_id, _ in known
            if not ids or user_id in ids
        ]

    async def update_channel(
        self, channel: ChannelRef, *, to_set: Mapping[str, Any] | None = None, unset: Iterable[str] = ()
    ) -> None:
        """See the port."""
        await self._arrive("update_channel")
        room = self.chat.existing(channel)
        gone = set(unset)
        room.custom = {name: value for name, value in {**room.custom, **(to_set or {})}.items() if name not in gone}

    async def add_members(self, channel: ChannelRef, user_ids: Sequence[str]) -> None:
        """See the port."""
        await self._arrive("add_members")
        self.chat.existing(channel)
        unknown = [user_id for user_id in user_ids if user_id not in self.chat.people]
        if unknown:
            raise ChatServiceError(f"The users {unknown} do not exist.", code=4, status=400)
        for user_id in user_ids:
            self.chat.add_member(str(channel), user_id)

    async def find_users(self, roles: Sequence[str]) -> Sequence[User]:
        """See the port."""
        await self._arrive("find_users")
        return sorted((user for user in self.chat.people.values() if user.role in roles), key=lambda user: user.id)

    async def users(self, ids: Sequence[str]) -> Mapping[str, User]:
        """See the port."""
        await self._arrive("users")
        return {id_: self.chat.people[id_] for id_ in ids if id_ in self.chat.people}

    async def react(self, message_id: str, kind: str) -> None:
        """See the port."""
        await self._arrive("react")
        self.chat.react(message_id, kind, user=self.user)

    async def reactions(self, message_id: str) -> Sequence[Reaction]:
        """See the port."""
        await self._arrive("reactions")
        self.chat.message(message_id)
        return list(self.chat.reactions.get(message_id, ()))

    async def amend(
        self,
        message_id: str,
        *,
        text: str | None = None,
        custom: Mapping[str, Any] | None = None,
        card: MessageCard | None = None,
        channel: ChannelRef | None = None,
    ) -> str:
        """See the port."""
        await self._arrive("amend")
        old = self.chat.message(message_id)
        kept = old.text if text is None else self._outgoing(channel, text, False)
        self.chat.change(
            replace(
                old,
                text=kept,
                custom={**old.custom, **(custom or {})},
                attachments=old.attachments if card is None else shown(card),
            )
        )
        return kept


def shown(card: MessageCard | None) -> tuple[Attachment, ...]:
    """A card as those see it who read the message."""
    return () if card is None else (Attachment(kind="card", title=card.title),)


def _info(room: Room) -> ChannelInfo:
    name = room.custom.get("name")
    shown_as = name if isinstance(name, str) else ""
    return ChannelInfo(room.ref, shown_as, dict(room.custom), room.frozen, len(room.members), room.created_by)
