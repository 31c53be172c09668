"""The framework with a model that takes no time, so that what is left is the framework's own."""

from __future__ import annotations

import asyncio
import sys

from pydantic import SecretStr

from framework.agent.conversation import Conversation, TextDelta
from framework.definition.model import BotDefinition
from framework.logs.log import configure
from framework.runtime.core.bot import RunningBot
from framework.runtime.process import run_bots
from framework.settings import Settings
from framework.stream.factory import open_chat_service
from tests.support.agent import ScriptedAgent, Step, echo


def streamed(conversation: Conversation) -> list[Step]:
    """The same answer in pieces: a first write, and a final one."""
    return [TextDelta("You said: "), TextDelta(conversation.question), *echo(conversation)]


async def run(url: str, key: str, secret: str, user_id: str, channel: str) -> None:
    """Answer every message of a channel, given as type:id, until killed; prints `ready`."""
    configure("json", "error")
    settings = Settings(stream_api_key=key, stream_api_secret=SecretStr(secret), stream_base_url=url)
    definition = BotDefinition.model_validate({"identity": {"user_id": user_id}, "channels": [channel]})
    service = open_chat_service(settings, definition.identity)
    bot = RunningBot("instant", definition, service, ScriptedAgent(streamed))
    await run_bots([bot], stop=asyncio.Event(), ready=lambda: print("ready", flush=True))


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:6]))
