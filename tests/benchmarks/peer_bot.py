"""A bot as samples for this chat service build it, written from their documented behaviour: what ours is compared with.

One webhook endpoint; one object for each channel, with a flag while it answers; an empty placeholder, partial updates
with the app's own token every few pieces, AI states, a final update. The request stays open until the answer stands.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from openai import AsyncOpenAI, OpenAIError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from stream_chat import StreamChatAsync
from stream_chat.base.exceptions import StreamAPIException

_log = logging.getLogger("peer")
_HISTORY = 5
READY = "peer ready"


def bot_of(channel: str) -> str:
    """The user as whom it answers in a channel."""
    return f"ai-bot-{channel}"


class ChannelAgent:
    """Answers in one channel, one message at a time; what comes meanwhile is not for it."""

    def __init__(self, client: StreamChatAsync, model: AsyncOpenAI, channel: str) -> None:
        self.processing = False
        self._client = client
        self._model = model
        self._channel = client.channel("messaging", channel)
        self._bot = bot_of(channel)

    async def handle(self, message: dict[str, Any]) -> None:
        """Answer a message, from the placeholder to the last update."""
        self.processing = True
        try:
            if message.get("ai_generated") or not message.get("text"):
                return
            history = await self._history(message)
            posted = await self._channel.send_message({"text": "", "ai_generated": True}, self._bot)
            message_id = posted["message"]["id"]
            try:
                await self._state(message_id, "AI_STATE_THINKING")
                await self._write(message_id, history)
            except (OpenAIError, StreamAPIException, OSError, TimeoutError):
                _log.exception("no answer")
                await self._state(message_id, "AI_STATE_ERROR")
        finally:
            self.processing = False

    async def _history(self, message: dict[str, Any]) -> list[dict[str, str]]:
        """The last messages; the question is the last of them, whatever was written after it."""
        state = await self._channel.query(messages={"limit": _HISTORY})
        before = [one for one in state["messages"] if one["id"] != message["id"] and one["text"]]
        told = [("assistant" if one.get("ai_generated") else "user", one["text"]) for one in before]
        return [{"role": role, "content": text} for role, text in [*told, ("user", message["text"])]]

    async def _write(self, message_id: str, history: list[dict[str, str]]) -> None:
        text, pieces = "", 0
        messages: Any = history  # plain dicts, as the API takes them
        stream = await self._model.chat.completions.create(model="scripted-1", messages=messages, stream=True)
        async for chunk in stream:
            if not chunk.choices or not chunk.choices[0].delta.content:
                continue
            if pieces == 0:
                await self._state(message_id, "AI_STATE_GENERATING")
            text += chunk.choices[0].delta.content
            pieces += 1
            if pieces % 15 == 0 or (pieces < 8 and pieces % 2 == 0):
                await self._update(message_id, text, generating=True)
        await self._update(message_id, text, generating=False)
        await self._channel.send_event({"type": "ai_indicator.clear", "message_id": message_id}, self._bot)

    async def _update(self, message_id: str, text: str, *, generating: bool) -> None:
        await self._client.update_message_partial(
            message_id, {"set": {"text": text, "generating": generating}}, self._bot
        )

    async def _state(self, message_id: str, state: str) -> None:
        await self._channel.send_event(
            {"type": "ai_indicator.update", "ai_state": state, "message_id": message_id}, self._bot
        )


def app(client: StreamChatAsync, model: AsyncOpenAI) -> Starlette:
    """The endpoint. An agent begins with its channel's first message."""
    agents: dict[str, ChannelAgent] = {}

    async def new_message(request: Request) -> JSONResponse:
        event = await request.json()
        message = event.get("message") or {}
        channel = event["cid"].partition(":")[2]
        agent = agents.setdefault(channel, ChannelAgent(client, model, channel))
        if not agent.processing:
            await agent.handle(message)
        return JSONResponse({})

    @contextlib.asynccontextmanager
    async def ready(_: Starlette) -> AsyncIterator[None]:
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        yield

    return Starlette(routes=[Route("/new-message", new_message, methods=["POST"])], lifespan=ready)


async def serve(port: int) -> None:
    """Serve until killed."""
    key, secret, url = (os.environ[f"STREAM_{name}"] for name in ("API_KEY", "API_SECRET", "BASE_URL"))
    async with StreamChatAsync(key, secret, base_url=url, timeout=30) as client:
        model = AsyncOpenAI(api_key="none", base_url=os.environ["OPENAI_BASE_URL"])
        config = uvicorn.Config(app(client, model), port=port, log_level="error", access_log=False)
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    asyncio.run(serve(parser.parse_args().port))
