"""Users of the app, the bot's own among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from framework.stream.budget import Endpoint
from framework.stream.client import StreamClient
from framework.stream.failure import garbled
from framework.stream.model import User
from framework.stream.service.queries import A_PAGE, chunks
from framework.stream.wire import read_user
from framework.values import Json

IS_BOT = "is_bot"


class BotIdentity(Protocol):
    """The bot user: its id, and what people see of it."""

    @property
    def user_id(self) -> str:
        """Its id in the chat service."""

    @property
    def name(self) -> str:
        """The name that people see."""

    @property
    def image(self) -> str:
        """The address of its picture; empty for none."""


class StreamUsers:
    """Calls about users, with the app's own rights. Each raises ChatServiceError."""

    def __init__(self, client: StreamClient) -> None:
        self._client = client

    async def register(self, identity: BotIdentity) -> None:
        """Make sure that the bot user exists, with its name, its picture and as a bot. Its other fields stay."""
        wanted: dict[str, Json] = {"name": identity.name, IS_BOT: True}
        if identity.image:
            wanted["image"] = identity.image
        found = await self._client.as_server(
            Endpoint.QUERY_USERS, lambda sdk: sdk.query_users({"id": {"$in": [identity.user_id]}})
        )
        if "users" not in found:
            raise garbled(self._client.base_url, 200)
        known = next(iter(found["users"] or ()), None)
        if known is None:
            await self._client.as_server(
                Endpoint.UPDATE_USERS, lambda sdk: sdk.upsert_user({"id": identity.user_id, **wanted})
            )
            return
        changed = {name: value for name, value in wanted.items() if known.get(name) != value}
        if changed:
            await self._client.as_server(
                Endpoint.UPDATE_USERS, lambda sdk: sdk.update_user_partial({"id": identity.user_id, "set": changed})
            )

    async def with_roles(self, roles: Sequence[str]) -> Sequence[User]:
        """Return all users with one of these roles, by id."""
        found: list[User] = []
        while roles:
            page = await self._page({"role": {"$in": list(roles)}}, len(found))
            found += page
            if len(page) < A_PAGE:
                break
        return found

    async def by_id(self, ids: Sequence[str]) -> Mapping[str, User]:
        """Return those of these users that exist, by id."""
        found: list[User] = []
        for chunk in chunks(dict.fromkeys(ids), A_PAGE):
            found += await self._page({"id": {"$in": list(chunk)}}, 0)
        return {user.id: user for user in found}

    async def _page(self, conditions: dict[str, Json], offset: int) -> list[User]:
        reply = await self._client.as_server(
            Endpoint.QUERY_USERS,
            lambda sdk: sdk.query_users(
                conditions, sort=[{"field": "id", "direction": 1}], limit=A_PAGE, offset=offset
            ),
        )
        return [user for item in reply.get("users") or () if (user := read_user(item)).id]
