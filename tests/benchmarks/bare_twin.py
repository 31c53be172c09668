"""The calls of Stream that a bot makes for an instant answer, by processes without an engine, SDK or framework.

Of several such processes each hears every event and answers in its share of the channels, by a hash: so they keep
nothing, and lose what one of them does not hear. What whole turns are compared with.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
import zlib
from typing import Any

import aiohttp
import jwt

from tests.benchmarks.peers import stay

_MESSAGES = 20


class Twin:
    """One of `of` processes."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str, user_id: str) -> None:
        self._session = session
        self._url = url
        self._key = {"api_key": key}
        self._user = user_id

    async def answer(self, event: dict[str, Any]) -> None:
        """Read the newest messages, and post."""
        asked = {
            "filter_conditions": {"cid": event["cid"]},
            "limit": 1,
            "state": True,
            "message_limit": _MESSAGES,
            "member_limit": 1,
        }
        page = await self._call("/channels", asked)
        question = page["channels"][0]["messages"][-1]
        told = {"id": str(uuid.uuid4()), "text": f"You said: {event['message']['text']}", "ai_generated": True}
        message = {**told, "reply_to": event["message"]["id"], "seen": question["id"], "user_id": self._user}
        await self._call(f"/channels/{event['cid'].replace(':', '/')}/message", {"message": message})

    async def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self._session.post(f"{self._url}{path}", params=self._key, json=body) as reply:
            reply.raise_for_status()
            answer: dict[str, Any] = await reply.json()
            return answer


async def run(app: tuple[str, str, str], user_id: str, channels: str, mine: int, of: int) -> None:
    """Answer messages of channels, given as type:id with commas between, until killed; prints `ready`.

    `app`: its address, key and secret.
    """
    url, key, secret = app
    issued = int(time.time()) - 5
    server = jwt.encode({"server": True, "iat": issued}, secret, algorithm="HS256")
    own = jwt.encode({"user_id": user_id, "iat": issued}, secret, algorithm="HS256")
    headers = {"authorization": server, "stream-auth-type": "jwt"}
    theirs = {"authorization": own, "stream-auth-type": "jwt"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=200)) as session:
        hello = json.dumps({"user_id": user_id, "user_details": {"id": user_id}})
        query = {"api_key": key, **theirs, "json": hello}
        async with session.ws_connect(f"{url}/connect", params=query, headers=theirs, max_msg_size=0) as socket:
            connection = (await socket.receive_json())["connection_id"]
            names = channels.split(",")
            for start in range(0, len(names), 30):
                chunk = {"filter_conditions": {"cid": {"$in": names[start : start + 30]}}, "watch": True, "limit": 30}
                asked = {"api_key": key, "connection_id": connection}
                async with session.post(f"{url}/channels", params=asked, json=chunk, headers=theirs) as reply:
                    reply.raise_for_status()
            twin, tasks = Twin(session, url, key, user_id), {asyncio.create_task(stay(socket))}
            print("ready", flush=True)
            async for frame in socket:
                event = json.loads(frame.data)
                if event["type"] != "message.new" or event["user"]["id"] == user_id:
                    continue
                if zlib.crc32(event["cid"].encode()) % of == mine:
                    task = asyncio.create_task(twin.answer(event))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    address, app_key, app_secret, bot_user, listed, number, processes = sys.argv[1:8]
    asyncio.run(run((address, app_key, app_secret), bot_user, listed, int(number), int(processes)))
