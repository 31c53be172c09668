"""What a bot may do beside talking: read and change a channel, its members and reactions. With the app's own rights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from framework.errors import ChatServiceError
from framework.stream.budget import Endpoint
from framework.stream.client import Json, StreamClient
from framework.stream.directory import chunks, path_part
from framework.stream.failure import MISSING
from framework.stream.model import Card, ChannelInfo, ChannelPage, ChannelRef, Member, Reaction, User
from framework.stream.port import Outgoing
from framework.stream.wire import read_info, read_member, read_messages, read_reaction, read_user, write_card

# What one query may ask for, and one change may name.
A_PAGE = 100
REACTIONS_A_PAGE = 300


class Administration:
    """That part of `ChatService`, on Stream. What a method means is said by the port."""

    _client: StreamClient
    _bot: str
    _outgoing: Outgoing

    async def info(self, channel: ChannelRef) -> ChannelInfo:
        """See the port. By a query, which unlike reading it by its address cannot create it."""
        reply = await self._client.as_server(
            Endpoint.QUERY_CHANNELS,
            lambda sdk: sdk.query_channels({"cid": str(channel)}, limit=1, state=False),
        )
        return read_info(_only(reply, channel).get("channel"))

    async def view(self, channel: ChannelRef, *, limit: int) -> ChannelPage:
        """See the port. By a query, like `info`; of the members one is enough, as nobody looks at them here."""
        reply = await self._client.as_server(
            Endpoint.QUERY_CHANNELS,
            lambda sdk: sdk.query_channels(
                {"cid": str(channel)}, limit=1, state=True, message_limit=limit, member_limit=1
            ),
        )
        item = _only(reply, channel)
        return ChannelPage(read_info(item.get("channel")), read_messages(item))

    async def members(self, channel: ChannelRef, *, ids: Sequence[str] = ()) -> Sequence[Member]:
        """See the port."""
        if ids:
            return [member for chunk in chunks(ids, A_PAGE) for member in await self._page(channel, chunk, 0)]
        found: list[Member] = []
        while True:
            page = await self._page(channel, (), len(found))
            found += page
            if len(page) < A_PAGE:
                return found

    async def _page(self, channel: ChannelRef, ids: Sequence[str], offset: int) -> list[Member]:
        conditions: Json = {"id": {"$in": list(ids)}} if ids else {}

        async def ask(sdk: Any) -> Json:  # noqa: ANN401 - the SDK has no types
            # Not quoted: this id stands in a query, not in a path.
            members = await sdk.channel(channel.type, channel.id).query_members(
                conditions, sort=[{"field": "created_at", "direction": 1}], limit=A_PAGE, offset=offset
            )
            return {"members": members}

        reply = await self._client.as_server(Endpoint.QUERY_MEMBERS, ask)
        return [member for item in reply["members"] if (member := read_member(item)) is not None]

    async def update_channel(
        self, channel: ChannelRef, *, to_set: Mapping[str, Any] | None = None, unset: Iterable[str] = ()
    ) -> None:
        """See the port."""
        changes, gone = dict(to_set or {}), list(unset)
        await self._client.as_server(
            Endpoint.UPDATE_CHANNEL,
            lambda sdk: sdk.channel(channel.type, path_part(channel.id)).update_partial(changes, gone),
        )

    async def add_members(self, channel: ChannelRef, user_ids: Sequence[str]) -> None:
        """See the port."""
        for chunk in chunks(user_ids, A_PAGE):
            await self._add(channel, chunk)

    async def _add(self, channel: ChannelRef, user_ids: Sequence[str]) -> None:
        members = [{"user_id": user_id} for user_id in user_ids]
        await self._client.as_server(
            Endpoint.UPDATE_CHANNEL,
            lambda sdk: sdk.channel(channel.type, path_part(channel.id)).add_members(members),
        )

    async def find_users(self, roles: Sequence[str]) -> Sequence[User]:
        """See the port."""
        found: list[User] = []
        while roles:
            offset = len(found)
            page = await self._users({"role": {"$in": list(roles)}}, offset)
            found += page
            if len(page) < A_PAGE:
                break
        return found

    async def _users(self, conditions: dict[str, Any], offset: int) -> list[User]:
        reply = await self._client.as_server(
            Endpoint.QUERY_USERS,
            lambda sdk: sdk.query_users(
                conditions, sort=[{"field": "id", "direction": 1}], limit=A_PAGE, offset=offset
            ),
        )
        return [user for item in reply.get("users") or () if (user := read_user(item)).id]

    async def users(self, ids: Sequence[str]) -> Mapping[str, User]:
        """See the port."""
        found: list[User] = []
        for chunk in chunks(dict.fromkeys(ids), A_PAGE):
            found += await self._users({"id": {"$in": list(chunk)}}, 0)
        return {user.id: user for user in found}

    async def react(self, message_id: str, kind: str) -> None:
        """See the port."""
        await self._client.as_server(
            Endpoint.SEND_REACTION,
            lambda sdk: sdk.channel("messaging", "any").send_reaction(path_part(message_id), {"type": kind}, self._bot),
        )

    async def reactions(self, message_id: str) -> Sequence[Reaction]:
        """See the port."""
        found: list[Reaction] = []
        offset = 0
        while True:
            page = await self._reactions(message_id, offset)
            found += [reaction for item in page if (reaction := read_reaction(item)) is not None]
            offset += len(page)
            if len(page) < REACTIONS_A_PAGE:
                return found

    async def _reactions(self, message_id: str, offset: int) -> list[Json]:
        reply = await self._client.as_server(
            Endpoint.GET_REACTIONS,
            lambda sdk: sdk.channel("messaging", "any").get_reactions(
                path_part(message_id), limit=REACTIONS_A_PAGE, offset=offset
            ),
        )
        return list(reply.get("reactions") or ())

    async def amend(
        self,
        message_id: str,
        *,
        text: str | None = None,
        custom: Mapping[str, Any] | None = None,
        card: Card | None = None,
    ) -> None:
        """See the port."""
        changes = dict(custom or {})
        if text is not None:
            changes["text"] = self._outgoing(None, text, False)
        if card is not None:
            changes["attachments"] = [write_card(screened_card(card, self._outgoing))]
        await self._client.as_server(
            Endpoint.UPDATE_MESSAGE,
            lambda sdk: sdk.update_message_partial(
                path_part(message_id), {"set": changes}, self._bot, skip_enrich_url=True
            ),
        )


def screened_card(card: Card, outgoing: Outgoing, channel: ChannelRef | None = None) -> Card:
    """A card with texts that may be posted."""
    return replace(card, title=outgoing(channel, card.title, False), text=outgoing(channel, card.text, False))


def _only(reply: Json, channel: ChannelRef) -> Json:
    """The one channel that a query found. Raises ChatServiceError where it found none."""
    item = next(iter(reply.get("channels") or ()), None)
    if not isinstance(item, Mapping):
        raise ChatServiceError(f"The channel {channel} does not exist.", code=MISSING, status=404)
    return item
