"""Campaigns, segments and their users on Stream."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast, get_args

from framework.errors import ChatServiceError
from framework.stream.budget import Endpoint
from framework.stream.client import StreamClient
from framework.stream.failure import INPUT, MISSING, garbled
from framework.stream.service.queries import A_PAGE, CHANNELS_A_PAGE, chunks, objects, path_part
from framework.stream.wire import read_time
from framework.values import Json, JsonObject

Status = Literal["draft", "scheduled", "in_progress", "completed", "stopped"]
_MOST_FOUND = 100


@dataclass(frozen=True)
class StreamCampaign:
    """A campaign as Stream has it. `stamp` is its description; `sent` and `read` count users."""

    id: str
    status: Status
    stamp: str
    sent: int
    read: int
    progress: float


@dataclass(frozen=True)
class FoundMessage:
    """A message that a search found. `members` is how many members its channel has; 0 if that is not known."""

    user_id: str
    text: str
    at: datetime
    message_id: str
    cid: str
    members: int


@dataclass(frozen=True)
class NewCampaign:
    """One text to these users. `stamp` becomes the description: it tells ours from somebody else's."""

    id: str
    name: str
    stamp: str
    sender: str
    text: str
    user_ids: tuple[str, ...]
    custom: Mapping[str, Any]
    channel_type: str = "messaging"
    channel_id: str = ""
    skip_push: bool = False


class StreamCampaigns:
    """Calls about campaigns, with the app's own rights. Each raises ChatServiceError."""

    def __init__(self, client: StreamClient) -> None:
        self._client = client

    @property
    def app(self) -> str:
        """A short name of the app, as that of `ChatService`."""
        return hashlib.sha256(self._client.credentials.key.encode()).hexdigest()[:12]

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        await self._client.close()

    async def users(self, conditions: Mapping[str, Any]) -> AsyncIterator[Sequence[JsonObject]]:
        """Yield all users whom a filter finds, page by page, by id. Stream leaves out those that are deactivated."""
        last = ""
        while True:
            wanted: dict[str, Any] = {"id": {"$gt": last}} if last else {}
            both = {"$and": [wanted, dict(conditions)]} if conditions and wanted else dict(conditions) or wanted
            page = await self._page(both)
            yield page
            if len(page) < A_PAGE:
                return
            last = str(page[-1]["id"])

    async def users_by_id(self, ids: Sequence[str]) -> Sequence[JsonObject]:
        """Return those of these users that exist and are active."""
        found: list[JsonObject] = []
        for chunk in chunks(dict.fromkeys(ids), A_PAGE):
            found += await self._page({"id": {"$in": chunk}})
        return found

    async def segment(self, segment_id: str) -> JsonObject:
        """Return a segment."""
        reply = await self._client.as_server(Endpoint.CAMPAIGNS, lambda sdk: sdk.get_segment(path_part(segment_id)))
        return cast("JsonObject", reply.get("segment") or {})

    async def segment_targets(self, segment_id: str) -> Sequence[str]:
        """Return the ids that were added to a segment."""
        found: list[str] = []
        following = ""
        while True:
            body: dict[str, Any] = {"limit": 1000, **({"next": following} if following else {})}
            reply = await self._post(f"segments/{path_part(segment_id)}/targets/query", body)
            found += [str(item["target_id"]) for item in objects(reply, "targets")]
            following = str(reply.get("next") or "")
            if not following:
                return found

    async def create(self, part: NewCampaign) -> StreamCampaign:
        """Create a draft, or return the campaign that has its id already."""
        channel: dict[str, Any] = {"type": part.channel_type}
        if part.channel_id:
            channel["id"] = part.channel_id
        body = {
            "id": part.id,
            "name": part.name,
            "description": part.stamp,
            "sender_id": part.sender,
            "message_template": {"text": part.text, "custom": dict(part.custom)},
            "user_ids": list(part.user_ids),
            "create_channels": True,
            "channel_template": channel,
            "skip_push": part.skip_push,
        }
        try:
            return self._read(await self._post("campaigns", body))
        except ChatServiceError as error:
            if "already exists" not in error.what:
                raise
        known = await self.get(part.id)
        if known is None:
            raise garbled(self._client.base_url, 200)
        return known

    async def get(self, part_id: str) -> StreamCampaign | None:
        """Return a campaign, or None if there is none."""
        try:
            reply = await self._client.as_server(
                Endpoint.CAMPAIGNS, lambda sdk: sdk.get(f"campaigns/{path_part(part_id)}", params={"limit": 1})
            )
        except ChatServiceError as error:
            if error.code == MISSING:
                return None
            raise
        return self._read(reply)

    async def narrow(self, part_id: str, user_ids: Sequence[str]) -> None:
        """Let a campaign that is not under way reach these users alone. Without any it can never be started.

        Raises ChatServiceError if it is under way or completed.
        """
        await self._client.as_server(
            Endpoint.CAMPAIGNS,
            lambda sdk: sdk.put(f"campaigns/{path_part(part_id)}", data={"user_ids": list(user_ids)}),
        )

    async def start(self, part_id: str) -> StreamCampaign:
        """Start a draft, or let a stopped campaign go on."""
        return self._read(await self._post(f"campaigns/{path_part(part_id)}/start", {}))

    async def stop(self, part_id: str) -> None:
        """Stop a campaign."""
        await self._post(f"campaigns/{path_part(part_id)}/stop", {})

    async def said_since(
        self, bot_user_id: str, words: Sequence[str], since: datetime | None
    ) -> Sequence[FoundMessage]:
        """Return what people wrote since then in channels of the bot that holds one of these words."""
        after = {"created_at": {"$gte": since.isoformat()}} if since is not None else {}
        anyone = [{"text": {"$q": word}} for word in words]
        try:
            found = await self._search(bot_user_id, {"$or": anyone, **after})
        except ChatServiceError as error:
            if error.code != INPUT:
                raise
            # A service whose search knows no $or is asked word by word.
            found = [one for word in anyone for one in await self._search(bot_user_id, {**word, **after})]
        return list({one.message_id: one for one in found if one.user_id != bot_user_id}.values())

    async def reached(self, bot_user_id: str, field: str, value: str) -> set[str]:
        """Return who is in a channel with a message of the bot's that has this custom field."""
        found = await self._search(bot_user_id, {field: {"$eq": value}})
        cids = {one.cid for one in found if one.user_id == bot_user_id}
        people: set[str] = set()
        for chunk in chunks(sorted(cids), CHANNELS_A_PAGE):
            people |= await self._members_of(chunk)
        return people - {bot_user_id}

    async def _members_of(self, cids: Sequence[str]) -> set[str]:
        reply = await self._client.as_server(
            Endpoint.QUERY_CHANNELS,
            lambda sdk: sdk.query_channels({"cid": {"$in": list(cids)}}, limit=CHANNELS_A_PAGE, message_limit=1),
        )
        members = (member for item in objects(reply, "channels") for member in objects(item, "members"))
        return {str(member["user_id"]) for member in members if member.get("user_id")}

    async def _search(self, bot_user_id: str, conditions: dict[str, Any]) -> list[FoundMessage]:
        found: list[FoundMessage] = []
        following = ""
        while True:
            reply = await self._search_page(bot_user_id, conditions, following)
            found += [_found(item.get("message") or {}) for item in objects(reply, "results")]
            following = str(reply.get("next") or "")
            if not following:
                return found

    async def _search_page(self, bot_user_id: str, conditions: dict[str, Any], following: str) -> JsonObject:
        channels = {"members": {"$in": [bot_user_id]}}
        options: dict[str, Any] = {"limit": _MOST_FOUND, **({"next": following} if following else {})}
        order = [{"field": "created_at", "direction": -1}]
        return await self._client.as_server(
            Endpoint.SEARCH, lambda sdk: sdk.search(channels, conditions, sort=order, **options)
        )

    async def _page(self, conditions: dict[str, Any]) -> list[JsonObject]:
        reply = await self._client.as_server(
            Endpoint.QUERY_USERS,
            lambda sdk: sdk.query_users(conditions, sort=[{"field": "id", "direction": 1}], limit=A_PAGE),
        )
        return [user for user in objects(reply, "users") if user.get("id")]

    async def _post(self, path: str, body: dict[str, Any]) -> JsonObject:
        return await self._client.as_server(Endpoint.CAMPAIGNS, lambda sdk: sdk.post(path, data=body))

    def _read(self, reply: JsonObject) -> StreamCampaign:
        body = reply.get("campaign")
        if not isinstance(body, Mapping) or body.get("status") not in get_args(Status):
            raise garbled(self._client.base_url, 200)
        stats: Json = body.get("stats") or {}
        return StreamCampaign(
            str(body.get("id")),
            body["status"],
            str(body.get("description") or ""),
            int(stats.get("stats_users_sent") or 0),
            int(stats.get("stats_users_read") or 0),
            float(stats.get("progress") or 0.0),
        )


def _found(body: Mapping[str, Any]) -> FoundMessage:
    at = read_time(body.get("created_at"))
    if at is None:
        raise ChatServiceError("The chat service found a message without a time.")
    user: Json = body.get("user") or {}
    channel: Json = body.get("channel") or {}
    return FoundMessage(
        user_id=str(user.get("id") or ""),
        text=str(body.get("text") or ""),
        at=at,
        message_id=str(body.get("id") or ""),
        cid=str(body.get("cid") or ""),
        members=int(channel.get("member_count") or 0),
    )
