"""Asks a bot one question by Stream's own SDK and prints the answer, for a network that only a process of it reaches.

`python -m tests.support.asking URL KEY SECRET CHANNEL USER QUESTION`. Ends with 1 where no answer comes in 90 s.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from stream_chat import StreamChatAsync

PATIENCE = 90.0


async def ask(url: str, key: str, secret: str, channel: str, user: str, question: str) -> str | None:
    """Post the question and return the text of the reply to it, once it is complete."""
    async with StreamChatAsync(key, secret, base_url=url) as server:
        await server.upsert_users([{"id": user}])
        kind, _, name = channel.partition(":")
        place = server.channel(kind, name)
        await place.create(user)
        asked = (await place.send_message({"text": question}, user))["message"]
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            page: list[dict[str, Any]] = (await place.query(messages={"limit": 30}))["messages"]
            for message in page:
                if message.get("reply_to") == asked["id"] and not message.get("generating") and message["text"]:
                    return str(message["text"])
            await asyncio.sleep(0.1)
    return None


def main() -> int:
    """Ask what the arguments say; returns the exit code."""
    answer = asyncio.run(ask(*sys.argv[1:]))
    print(answer or "no answer")  # noqa: T201 - what it is for
    return 0 if answer else 1


if __name__ == "__main__":
    sys.exit(main())
