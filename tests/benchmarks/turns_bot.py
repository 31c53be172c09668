"""A replica whose model takes a given time and none of the processor: what is left is the framework's own."""

from __future__ import annotations

import asyncio
import sys

from pydantic import SecretStr

from framework.definition.model import BotDefinition
from framework.engine.opening import open_engine
from framework.logs.log import configure
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.process import run_bots
from framework.settings import Settings
from framework.stream.factory import open_chat_service
from tests.support.agent import Pause, ScriptedAgent, answer


async def run(url: str, key: str, secret: str, database: str, seconds: float) -> None:
    """Answer every message of `messaging:bench-*` until killed; prints `ready`. `seconds`: of the model, for each."""
    configure("json", "error")
    settings = Settings(stream_api_key=key, stream_api_secret=SecretStr(secret), stream_base_url=url)
    definition = BotDefinition.model_validate({"identity": {"user_id": "bot"}, "channels": ["messaging:bench-*"]})
    engine = await asyncio.to_thread(open_engine, database, concurrency=Limits().concurrent_turns)
    agent = ScriptedAgent(
        lambda conversation: [
            *([Pause(seconds)] if seconds else []),
            answer(f"You said: {conversation.question}"),
        ]
    )
    bot = RunningBot("bench", definition, open_chat_service(settings, definition.identity), agent)
    # What the script's agent remembers of its questions is no memory of the framework's.
    agent.asked = Forgetful()
    await run_bots([bot], stop=asyncio.Event(), ready=lambda: print("ready", flush=True), engine=engine)


class Forgetful(list):  # type: ignore[type-arg]  # stands in for the agent's own list
    def append(self, _: object) -> None:
        """Forget it."""


if __name__ == "__main__":
    address, app_key, app_secret, kept_in, model_seconds = sys.argv[1:6]
    asyncio.run(run(address, app_key, app_secret, kept_in, float(model_seconds)))
