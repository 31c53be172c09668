"""What the tests of both dialects need: fresh names, fresh users and channels, and their removal."""

from __future__ import annotations

import time
import uuid
from typing import Any

import getstream.models as m
import requests

from tests.support.waiting import PATIENCE

NINE: tuple[dict[str, Any], ...] = (
    {"id": "frodo", "name": "Frodo", "race": "Hobbit", "age": 50},
    {"id": "sam", "name": "Samwise", "race": "Hobbit", "age": 38},
    {"id": "merry", "name": "Meriadoc", "race": "Hobbit", "age": 36},
    {"id": "pippin", "name": "Peregrin", "race": "Hobbit", "age": 28},
    {"id": "gandalf", "name": "Gandalf", "race": "Istari"},
    {"id": "aragorn", "name": "Aragorn", "race": "Man", "age": 87},
    {"id": "boromir", "name": "Boromir", "race": "Man", "age": 40},
    {"id": "legolas", "name": "Legolas", "race": "Elf", "age": 500},
    {"id": "gimli", "name": "Gimli", "race": "Dwarf", "age": 139},
)


def fresh(prefix: str = "x") -> str:
    """A name that no other test has."""
    return f"{prefix}-{uuid.uuid4()}"


class World:
    """The v1 client with fresh users and channels."""

    def __init__(self, client: Any, url: str) -> None:
        self.client, self.url = client, url
        self._users: list[str] = []
        self._cids: list[str] = []

    def user(self, **fields: Any) -> str:
        """The id of a fresh user."""
        user_id = fresh("user")
        self.client.upsert_user({"id": user_id, **fields})
        self._users.append(user_id)
        return user_id

    def users(self, amount: int) -> list[str]:
        """Ids of fresh users."""
        return [self.user() for _ in range(amount)]

    def channel(self, *members: str, kind: str = "messaging", **data: Any) -> Any:
        """A fresh channel, created by its first member or by a fresh user."""
        channel = self.client.channel(kind, fresh("channel"), {"members": list(members), **data})
        channel.create(members[0] if members else self.user())
        self._cids.append(channel.cid)
        return channel

    def finished(self, task_id: str) -> Any:
        """A task's last state, polled as clients do."""
        deadline = time.monotonic() + PATIENCE
        while (task := self.client.get_task(task_id))["status"] not in ("completed", "failed"):
            assert time.monotonic() < deadline, f"task {task_id} did not finish"
            time.sleep(0.02)
        return task

    def as_user(self, user_id: str) -> Person:
        """REST calls with the user's own token."""
        return Person(self.url, self.client.api_key, self.client.create_token(user_id))

    def clean(self) -> None:
        """Delete what this test created."""
        if self._cids:
            self.client.delete_channels(self._cids, hard_delete=True)
        if self._users:
            self.client.delete_users(self._users, "hard", conversations="hard", messages="hard")


class Typed:
    """The v2 client with fresh users and channels."""

    def __init__(self, stream: Any, url: str) -> None:
        self.stream, self.chat, self.moderation, self.url = stream, stream.chat, stream.moderation, url
        self._users: list[str] = []
        self._cids: list[str] = []

    def user(self, **fields: Any) -> str:
        """The id of a fresh user."""
        user_id = fresh("user")
        self.stream.upsert_users(m.UserRequest(id=user_id, **fields))
        self._users.append(user_id)
        return user_id

    def users(self, amount: int) -> list[str]:
        """Ids of fresh users."""
        return [self.user() for _ in range(amount)]

    def channel(self, *members: str, kind: str = "messaging", **data: Any) -> Any:
        """A fresh channel, created by its first member or by a fresh user."""
        channel = self.chat.channel(kind, fresh("channel"))
        named = [m.ChannelMemberRequest(user_id=member) for member in members]
        creator = members[0] if members else self.user()
        channel.get_or_create(data=m.ChannelInput(created_by_id=creator, members=named, **data))
        self._cids.append(f"{kind}:{channel.channel_id}")
        return channel

    def send(self, channel: Any, user: str, text: str = "hello", **fields: Any) -> Any:
        """A sent message."""
        return channel.send_message(message=m.MessageRequest(text=text, user_id=user, **fields)).data.message

    def finished(self, task_id: str) -> Any:
        """A task's last state."""
        return self.stream.wait_for_task(task_id, poll_interval=0.02, timeout=PATIENCE).data

    def clean(self) -> None:
        """Delete what this test created."""
        if self._cids:
            self.chat.delete_channels(cids=self._cids, hard_delete=True)
        if self._users:
            self.stream.delete_users(user_ids=self._users, user="hard", conversations="hard", messages="hard")


class Person:
    """A person's REST calls."""

    def __init__(self, url: str, api_key: str, token: str) -> None:
        self._url, self._params = url, {"api_key": api_key}
        self._headers = {"Authorization": token, "stream-auth-type": "jwt"}

    def call(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        response = requests.request(
            method, self._url + path, params=self._params | query, json=body, headers=self._headers, timeout=PATIENCE
        )
        return response.status_code, response.json()
