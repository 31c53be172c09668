"""The least that a bot can be: one WebSocket in, one POST out, no framework. What latency is measured against."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid

import aiohttp
import jwt


async def run(url: str, key: str, secret: str, user_id: str, channel: str) -> None:
    """Answer every message of channels, given as type:id with commas between, until killed; prints `ready`."""
    token = jwt.encode({"user_id": user_id, "iat": int(time.time()) - 5}, secret, algorithm="HS256")
    query = {"api_key": key, "stream-auth-type": "jwt", "authorization": token}
    headers = {"authorization": token, "stream-auth-type": "jwt"}
    async with aiohttp.ClientSession(headers=headers) as session:
        hello = json.dumps({"user_id": user_id, "user_details": {"id": user_id}})
        async with session.ws_connect(f"{url}/connect", params={**query, "json": hello}) as socket:
            connection = (await socket.receive_json())["connection_id"]
            watch = {"watch": True, "state": True}
            for one in channel.split(","):
                path = f"{url}/channels/{one.replace(':', '/')}"
                await session.post(f"{path}/query", params={"api_key": key, "connection_id": connection}, json=watch)
            print("ready", flush=True)
            async for frame in socket:
                event = json.loads(frame.data)
                if event["type"] == "message.new" and event["user"]["id"] != user_id:
                    message = {"id": str(uuid.uuid4()), "text": f"You said: {event['message']['text']}"}
                    path = f"{url}/channels/{event['cid'].replace(':', '/')}"
                    await session.post(f"{path}/message", params={"api_key": key}, json={"message": message})


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:6]))
