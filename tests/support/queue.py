"""A queue on this machine that speaks the protocol of Amazon SQS."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.support.waiting import PATIENCE

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}


class LocalQueue:
    """Brings each message again until it is deleted."""

    def __init__(self) -> None:
        self.url = ""
        self.messages: dict[str, str] = {}
        self.received: list[str] = []
        self.polls: list[dict[str, Any]] = []
        self.errors: list[tuple[int, str]] = []
        self.changed = asyncio.Condition()

    async def put(self, body: str) -> str:
        async with self.changed:
            id_ = f"q-{len(self.received)}-{len(self.messages)}"
            self.messages[id_] = body
            self.changed.notify_all()
        return id_

    async def wait(self, until: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE), self.changed:
            await self.changed.wait_for(until)

    async def serve(self, request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        call = request.headers["X-Amz-Target"].removeprefix("AmazonSQS.")
        async with self.changed:
            if self.errors:
                status, code = self.errors.pop(0)
                return self._answer({"__type": f"com.amazonaws.sqs#{code}", "message": "no"}, status)
            answer = await getattr(self, call)(asked)
            self.changed.notify_all()
        return self._answer(answer)

    def _answer(self, body: Any, status: int = 200) -> web.Response:
        return web.Response(text=json.dumps(body), status=status, content_type="application/x-amz-json-1.0")

    async def ReceiveMessage(self, asked: dict[str, Any]) -> Any:  # noqa: N802 - named as the call is
        self.polls.append(asked)
        try:
            async with asyncio.timeout(0.05):
                await self.changed.wait_for(lambda: self.messages)
        except TimeoutError:
            return {}
        found = list(self.messages.items())[: asked["MaxNumberOfMessages"]]
        self.received += [id_ for id_, _ in found]
        return {
            "Messages": [
                {
                    "MessageId": id_,
                    "ReceiptHandle": id_,
                    "Body": body,
                    "MD5OfBody": hashlib.md5(body.encode()).hexdigest(),
                }
                for id_, body in found
            ]
        }

    async def DeleteMessageBatch(self, asked: dict[str, Any]) -> Any:  # noqa: N802 - named as the call is
        for entry in asked["Entries"]:
            self.messages.pop(entry["ReceiptHandle"], None)
        return {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]], "Failed": []}


@asynccontextmanager
async def local_queue() -> AsyncIterator[LocalQueue]:
    """A queue that is served while the block runs."""
    queue = LocalQueue()
    app = web.Application()
    app.router.add_post("/{path:.*}", queue.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    queue.url = f"http://127.0.0.1:{runner.addresses[0][1]}/000000000000/events"
    try:
        yield queue
    finally:
        await runner.cleanup()
