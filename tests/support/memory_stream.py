"""A Stream app in memory, behind the real client: limits, faults and time as a test says, no socket.

All is real but the wire: the service adapter, the client with its budget and breaker, the errors of the SDK, and the
sandbox's count of calls.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

from multidict import CIMultiDict
from pydantic import SecretStr
from stream_chat.base.exceptions import StreamAPIException

from framework.sandbox.kernel.errors import ApiError
from framework.sandbox.kernel.http.limits import RateLimits
from framework.sandbox.kernel.protocol import Actor, ActorKind
from framework.stream.client import StreamApp, StreamClient
from framework.stream.credentials import Credentials
from framework.stream.sdk import http_answer
from framework.stream.service import StreamChatService
from framework.stream.timing import Timing
from tests.support.stages import Identity

SERVER = Actor(ActorKind.SERVER)


@dataclass(frozen=True)
class Seen:
    """A text that people saw, and when, in seconds."""

    at: float
    text: str
    generating: bool


@dataclass
class MemoryStream:
    """The app. `calls` counts (operation, status); `seen` is what was shown of each message; `latency` is in seconds.

    `down`: every call gets 503. `hangs`: calls get no answer. `no_ephemeral`: there is no such endpoint.
    """

    timing: Timing
    enforced: bool = True
    latency: float = 0.01
    down: bool = False
    hangs: bool = False
    no_ephemeral: bool = False
    calls: Counter[tuple[str, int]] = field(default_factory=Counter)
    times: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: defaultdict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.limits = RateLimits(self, self.enforced)

    def now(self) -> Any:
        return self.timing.now()

    def service(self, app: StreamApp | None = None) -> StreamChatService:
        """A bot's view of the app: of one process with those of the same `app`, else of its own."""
        credentials = Credentials("key", SecretStr("s" * 32), "agent-bot", now=self.timing.now)
        client = _Client(self, credentials, app)
        return StreamChatService(client, Identity(), self.timing)

    def refused(self, status: int = 429) -> int:
        return sum(count for (_, answered), count in self.calls.items() if answered == status)

    async def serve(self, operation: str) -> None:
        """The way of a call: counted, refused or let through. Raises as the SDK does."""
        self.times[operation].append(self.timing.monotonic())
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.latency)
        answer = http_answer.get()
        try:
            headers, status = self._admit(operation), 200
        except ApiError as error:
            headers, status = error.headers, error.status
            text = json.dumps({"code": error.code, "message": str(error), "StatusCode": status})
            raise StreamAPIException(text, status) from None
        finally:
            self.calls[operation, status] += 1
            date = format_datetime(self.timing.now().replace(microsecond=0), usegmt=True)
            answer.status = status
            answer.headers = CIMultiDict({**headers, "Date": date})

    def _admit(self, operation: str) -> dict[str, str]:
        """The headers of the answer. Raises ApiError."""
        if self.down:
            raise ApiError(503, -1, "down")
        quota = self.limits.take(operation, SERVER, None)
        if operation == "EphemeralMessageUpdate" and self.no_ephemeral:
            raise ApiError(404, 16, "no such endpoint")
        return {name.decode(): value.decode() for name, value in quota.headers()}

    def show(self, message_id: str, text: str, *, generating: bool) -> None:
        self.seen[message_id].append(Seen(self.timing.monotonic(), text, generating))


class _Client(StreamClient):
    def __init__(self, stream: MemoryStream, credentials: Credentials, app: StreamApp | None) -> None:
        super().__init__(credentials, "memory://stream", stream.timing, app)
        self._stream = stream

    async def _make_sdk(self) -> Any:
        return _Sdk(self._stream)


@dataclass
class _Channel:
    stream: MemoryStream
    cid: str

    async def send_message(self, body: dict[str, Any], user_id: str, **options: object) -> dict[str, Any]:
        await self.stream.serve("SendMessage")
        if body["id"] in self.stream.messages:
            said = f'SendMessage failed with error: "a message with ID {body["id"]} already exists"'
            raise StreamAPIException(json.dumps({"code": 4, "message": said}), 400)
        created = self.stream.timing.now().isoformat()
        message = {**body, "cid": self.cid, "user": {"id": user_id}, "type": "regular", "created_at": created}
        self.stream.messages[body["id"]] = message
        self.stream.show(body["id"], body["text"], generating=body["generating"])
        return {"message": message}

    async def send_event(self, event: dict[str, str], user_id: str) -> dict[str, Any]:
        await self.stream.serve("SendEvent")
        return {"event": {**event, "user": {"id": user_id}}}


@dataclass
class _Sdk:
    """What the service adapter uses of the SDK."""

    stream: MemoryStream

    def channel(self, type_: str, id_: str) -> _Channel:
        return _Channel(self.stream, f"{type_}:{id_}")

    async def update_message_partial(
        self, message_id: str, changes: dict[str, Any], _user: str, **_: Any
    ) -> dict[str, Any]:
        await self.stream.serve("UpdateMessagePartial")
        message = self.stream.messages[message_id]
        message |= changes["set"]
        self.stream.show(message_id, message["text"], generating=message["generating"])
        return {"message": message}

    async def patch(self, path: str, *, data: dict[str, Any]) -> dict[str, Any]:
        await self.stream.serve("EphemeralMessageUpdate")
        message_id = path.split("/")[1]
        self.stream.show(message_id, data["set"]["text"], generating=data["set"]["generating"])
        return {"message": {**self.stream.messages[message_id], **data["set"]}}

    async def get_message(self, message_id: str, **_: Any) -> dict[str, Any]:
        await self.stream.serve("GetMessage")
        return {"message": self.stream.messages[message_id]}

    async def delete_message(self, message_id: str, **_: Any) -> dict[str, Any]:
        await self.stream.serve("DeleteMessage")
        if message_id not in self.stream.messages:
            raise StreamAPIException(json.dumps({"code": 16, "message": "not found"}), 404)
        return {"message": self.stream.messages.pop(message_id)}
