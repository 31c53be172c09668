"""The least that a bot can be that streams a language model's answer: no framework, no SDK, four calls of Stream.

It reads the channel's newest messages, posts the first text, shows the text once more while it grows, and completes it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt

_MESSAGES = 20
_MIDDLE = 6
"""After so many pieces of text the growing answer is shown once more."""


class Bot:
    """Answers in channels of one app, with one pool of connections for the service and the model."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str, user_id: str, model: str) -> None:
        self._session = session
        self._url = url
        self._key = {"api_key": key}
        self._user = user_id
        self._model = f"{model}/v1/chat/completions"

    async def answer(self, event: dict[str, Any]) -> None:
        """Answer one message."""
        channel = f"{self._url}/channels/{event['cid'].replace(':', '/')}"
        page = await self._call("POST", f"{channel}/query", {"state": True, "messages": {"limit": _MESSAGES}})
        told = [
            {"role": "assistant" if one["user"]["id"] == self._user else "user", "content": one["text"]}
            for one in page["messages"]
        ]
        message = {"id": str(uuid.uuid4()), "reply_to": event["message"]["id"], "ai_generated": True}
        path, text, pieces = f"{self._url}/messages/{message['id']}", "", 0
        async for piece in self._pieces(told):
            text += piece
            pieces += 1
            if pieces == 1:
                first = {**message, "text": text, "generating": True}
                await self._call("POST", f"{channel}/message", {"message": {**first, "user_id": self._user}})
            elif pieces == _MIDDLE:
                await self._call("PATCH", f"{path}/ephemeral", {"set": {"text": text}, "user": {"id": self._user}})
        done = {"text": text, "generating": False}
        await self._call("PUT", path, {"set": done, "user": {"id": self._user}})

    async def _pieces(self, told: list[dict[str, str]]) -> AsyncIterator[str]:
        messages = [{"role": "system", "content": "Answer the last message."}, *told]
        asked = {"model": "scripted-1", "messages": messages, "stream": True, "stream_options": {"include_usage": True}}
        async with self._session.post(self._model, json=asked, headers={"authorization": "Bearer none"}) as reply:
            async for line in reply.content:
                if line.startswith(b"data: {"):
                    for choice in json.loads(line[6:])["choices"]:
                        if text := choice["delta"].get("content"):
                            yield text

    async def _call(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self._session.request(method, path, params=self._key, json=body) as reply:
            reply.raise_for_status()
            answer: dict[str, Any] = await reply.json()
            return answer


async def run(url: str, key: str, secret: str, user_id: str, channels: str, model: str) -> None:
    """Answer every message of channels, given as type:id with commas between, until killed; prints `ready`."""
    token = jwt.encode({"server": True, "iat": int(time.time()) - 5}, secret, algorithm="HS256")
    own = jwt.encode({"user_id": user_id, "iat": int(time.time()) - 5}, secret, algorithm="HS256")
    headers = {"authorization": token, "stream-auth-type": "jwt"}
    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        hello = json.dumps({"user_id": user_id, "user_details": {"id": user_id}})
        query = {"api_key": key, "stream-auth-type": "jwt", "authorization": own, "json": hello}
        mine = {"authorization": own, "stream-auth-type": "jwt"}
        async with session.ws_connect(f"{url}/connect", params=query, headers=mine) as socket:
            connection = (await socket.receive_json())["connection_id"]
            watch = {"watch": True, "state": True}
            for one in channels.split(","):
                path = f"{url}/channels/{one.replace(':', '/')}/query"
                asked = {"api_key": key, "connection_id": connection}
                async with session.post(path, params=asked, json=watch, headers=mine) as reply:
                    reply.raise_for_status()
            bot, tasks = Bot(session, url, key, user_id, model), set()
            print("ready", flush=True)
            async for frame in socket:
                event = json.loads(frame.data)
                if event["type"] == "message.new" and event["user"]["id"] != user_id:
                    task = asyncio.create_task(bot.answer(event))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:7]))
