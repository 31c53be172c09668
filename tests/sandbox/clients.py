"""One sandbox for a whole test module, and the real SDK clients of both dialects for it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import stream_chat

from tests.sandbox.conftest import World
from tests.sandbox.v2_contract import watch_answers
from tests.support.sandbox import RunningSandbox, start_sandbox


@asynccontextmanager
async def shared_world() -> AsyncIterator[World]:
    """A sandbox with a server-side v1 client. Tests that share it use names of their own: see `fresh`."""
    async with (
        start_sandbox() as running,
        stream_chat.StreamChatAsync(running.api_key, running.api_secret, base_url=running.url) as server,
        aiohttp.ClientSession() as http,
    ):
        yield World(running, server, http)


def fresh(prefix: str = "x") -> str:
    """A name that no other test has."""
    return f"{prefix}-{uuid.uuid4()}"


def connect(running: RunningSandbox) -> Any:
    """The v1 SDK's asynchronous client."""
    return stream_chat.StreamChatAsync(running.api_key, running.api_secret, base_url=running.url)


def sync_client(running: RunningSandbox) -> Any:
    """The v1 SDK's blocking client; to be called in a thread."""
    return stream_chat.StreamChat(running.api_key, running.api_secret, base_url=running.url)


def v2_client(running: RunningSandbox) -> Any:
    """The v2 SDK's asynchronous client, which holds every answer to the SDK's own types.

    Skips the test where that SDK is not installed.
    """
    getstream = pytest.importorskip("getstream", reason="the v2 SDK (getstream) is not installed")
    watch_answers()
    return getstream.AsyncStream(running.api_key, running.api_secret, base_url=running.url)


async def people(world: World, amount: int, **fields: Any) -> list[str]:
    """Ids of fresh users."""
    ids = [fresh("user") for _ in range(amount)]
    await world.server.upsert_users([{"id": user_id, **fields} for user_id in ids])
    return ids
