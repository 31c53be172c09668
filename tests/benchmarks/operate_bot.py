"""A replica that is watched, with metrics, history, discarded traces and the address for operators, or is not."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from framework.app.admin import admin_server
from framework.definition.model import BotDefinition
from framework.engine.opening import open_engine
from framework.insight.history import HistoryWriter
from framework.insight.history_database import DatabaseHistory
from framework.insight.traces import Tracing, trace_with
from framework.logs.log import configure
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.process import run_bots
from framework.settings import Settings
from framework.storage import Storage
from framework.stream.factory import open_chat_service
from tests.benchmarks.turns_bot import Forgetful
from tests.support.agent import Pause, ScriptedAgent, answer


async def run(url: str, key: str, secret: str, database: str, seconds: float, admin: str, traced: str) -> None:
    """Answer every message of `messaging:bench-*` until killed; prints `ready`. `admin`: `off`, or an
    address. `traced`: whether traces are made."""
    configure("json", "error")
    folder = Path(database.removeprefix("sqlite:///")).parent
    settings = Settings(
        stream_api_key=key, stream_api_secret=SecretStr(secret), stream_base_url=url, data=folder, admin=admin
    )
    definition = BotDefinition.model_validate({"identity": {"user_id": "bot"}, "channels": ["messaging:bench-*"]})
    limits = Limits(concurrent_turns=2_000)
    engine = await asyncio.to_thread(open_engine, database, concurrency=limits.concurrent_turns)
    agent = ScriptedAgent(
        lambda conversation: [*([Pause(seconds)] if seconds else []), answer(f"You said: {conversation.question}")]
    )
    agent.asked = Forgetful()  # what the script's agent remembers is no memory of the framework's
    watched = admin != "off"
    history = HistoryWriter(DatabaseHistory(Storage(database))) if watched else None
    if traced == "traced":
        trace_with(_discarding())
    service = open_chat_service(settings, definition.identity)
    bot = RunningBot("bench", definition, service, agent, history=history)
    await run_bots(
        [bot],
        stop=asyncio.Event(),
        ready=lambda: print("ready", flush=True),
        engine=engine,
        limits=limits,
        push_sources=[partial(admin_server, settings)] if watched else [],
    )


def _discarding() -> Tracing:
    """Traces as they are made for a collector, thrown away in its place."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    from framework.insight.otel import OtelTracing

    class Discard(SpanExporter):
        def export(self, _spans: object) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    return OtelTracing(texts=False, exporter=Discard())


if __name__ == "__main__":
    address, app_key, app_secret, kept_in, model_seconds, operators, traces = sys.argv[1:8]
    asyncio.run(run(address, app_key, app_secret, kept_in, float(model_seconds), operators, traces))
