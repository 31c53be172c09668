"""Traces: one from the event to the final text, over replicas and kills, without words, and without waiting."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import enduser_attributes, gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

from framework.insight import genai, traces
from framework.insight.otel import OtelTracing
from tests.chaos.app import App
from tests.chaos.plan import Question
from tests.support.collector import Collector, collector
from tests.support.model_server import Pace, model_process
from tests.support.replicas import Replica, Sandbox
from tests.support.waiting import until

BOT = Path(__file__).parents[1] / "chaos" / "bot"
SECRET_HEADER = "very-secret-of-a-collector"
CHANNEL = "support-of-bertha-mueller"
QUESTION = Question(CHANNEL, "c01-01", noting=False, at=0.0)


def test_names_are_those_of_the_pinned_conventions() -> None:
    known = {getattr(module, name) for module in (gen_ai_attributes, gen_ai_metrics, enduser_attributes)
             for name in dir(module) if name.isupper() and isinstance(getattr(module, name), str)}  # fmt: skip
    ours = {value for name, value in vars(genai).items() if name.isupper() and isinstance(value, str)}
    assert {one for one in ours if one.startswith(("gen_ai.", "enduser."))} <= known
    operations = {one.value for one in gen_ai_attributes.GenAiOperationNameValues}
    assert {genai.INVOKE_AGENT, genai.CHAT, genai.EXECUTE_TOOL} <= operations


@pytest.fixture
def kept() -> Iterator[Callable[[], dict[str, Any]]]:
    """The spans that ended, by name, with what was said of them."""
    exporter = InMemorySpanExporter()
    tracing = OtelTracing(texts=True, exporter=exporter)

    def look() -> dict[str, Any]:
        tracing._provider.force_flush()
        return {span.name: span for span in exporter.get_finished_spans()}

    traces.trace_with(tracing)
    yield look
    traces.trace_with(None)
    tracing.close()


def test_a_call_of_a_model_says_how_long_and_how_much(kept: Callable[[], dict[str, Any]]) -> None:
    times = iter([10.0, 10.5, 12.0])
    with traces.agent("support_bot", "openai:m"), traces.model_call("openai", "m", lambda: next(times)) as call:
        assert call is not None
        call.first_chunk()
        call.first_chunk()
        call.answered({"input_tokens": 7, "output_tokens": 3}, "m-2026", "stop")
        call.said("[asked]", "[said]")
    spans = kept()
    chat = dict(spans["chat m"].attributes)
    assert chat == {
        genai.OPERATION: "chat", genai.PROVIDER: "openai", genai.REQUEST_MODEL: "m", genai.TIME_TO_FIRST_CHUNK: 0.5,
        genai.INPUT_TOKENS: 7, genai.OUTPUT_TOKENS: 3, genai.RESPONSE_MODEL: "m-2026",
        genai.FINISH_REASONS: ("stop",), genai.INPUT_MESSAGES: "[asked]", genai.OUTPUT_MESSAGES: "[said]",
    }  # fmt: skip
    assert spans["chat m"].parent.span_id == spans["invoke_agent support_bot"].context.span_id


def test_an_error_is_told_by_its_class_alone(kept: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="words of Maria"), traces.tool_call("open_ticket", "c1"):
        raise ValueError("words of Maria")
    span = kept()["execute_tool open_ticket"]
    assert span.attributes[genai.ERROR_TYPE] == "ValueError"
    assert not span.events
    assert not span.status.description


def test_what_came_twice_and_what_no_turn_asked_for_is_no_trace(kept: Callable[[], dict[str, Any]]) -> None:
    first, second = traces.received("support_bot", "live"), traces.received("support_bot", "live")
    first.keep()
    assert first.context != second.context
    with traces.service_call("QueryChannels"):
        pass
    assert list(kept()) == ["receive support_bot"]


def test_without_a_collector_nothing_is_kept() -> None:
    assert not traces.is_tracing()
    assert traces.received("support_bot", "live").context == ""
    with traces.turn("support_bot", "", lambda: pytest.fail("it is not asked")), traces.agent("b", "m") as span:
        span.set("x", "y")
    with traces.model_call("p", "m", lambda: pytest.fail("no clock is read")) as call:
        assert call is None


@asynccontextmanager
async def running(
    folder: Path, sent_to: Collector, *, replicas: int, **more: str
) -> AsyncIterator[tuple[App, list[Replica]]]:
    """A sandbox, a model that takes its time, and replicas on one database that send traces."""
    sandbox = Sandbox(folder)
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": sent_to.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{SECRET_HEADER}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_METRIC_EXPORT_INTERVAL": "300",
        "FRAMEWORK_ADMIN": "off",
        **more,
    }
    with model_process(replace(Pace(), low=2.0, high=2.0)) as model:
        database = f"sqlite:///{folder / 'jobs.sqlite'}"
        made = [
            Replica(f"r{n}", BOT, folder, sandbox=sandbox, model=model, database=database, environment=environment)
            for n in range(replicas)
        ]
        try:
            sandbox.start()
            await sandbox.until_ready()
            async with aiohttp.ClientSession() as session:
                app = App(sandbox, session)
                await app.prepare([CHANNEL])
                for one in made:
                    one.start()
                await asyncio.gather(*(one.until_ready() for one in made))
                yield app, made
        finally:
            for program in (*made, sandbox):
                program.kill()


async def _answered(app: App) -> bool:
    messages = (await app.messages([CHANNEL]))[CHANNEL]
    return any(one["user"]["id"] == "agent-bot" and "c01-01" in one["text"] for one in messages)


async def test_one_trace_goes_on_over_a_kill_and_holds_no_words(tmp_path: Path) -> None:
    wanted = {genai.DURATION_METRIC, genai.FIRST_CHUNK_METRIC, genai.TOKENS_METRIC}
    async with collector() as sent_to, running(tmp_path, sent_to, replicas=2) as (app, replicas):
        await app.ask(QUESTION)
        at_work = await until(
            lambda: next((one for one in replicas if '"turn.received"' in one.log.read_text("utf-8")), None)
        )
        await asyncio.sleep(0.5)
        await at_work.end(signal.SIGKILL)
        await until(lambda: _answered(app))
        turn = await until(lambda: next(iter(sent_to.named("turn ")), None))
        await until(lambda: wanted <= sent_to.metrics)
    received, agent = sent_to.named("receive "), sent_to.named("invoke_agent ")
    chats = sent_to.named("chat scripted-1")
    posts = [one for one in sent_to.named("stream ") if "Message" in one.name]
    assert len(received) == 1
    assert {one.trace for one in (*received, turn, *agent, *chats, *posts)} == {received[0].trace}
    assert turn.parent == received[0].id
    assert turn.attributes["framework.attempt"] == 2
    assert turn.attributes["framework.outcome"] == "answered"
    assert chats[0].attributes[genai.OUTPUT_TOKENS] > 0
    assert chats[0].attributes[genai.TIME_TO_FIRST_CHUNK] > 0
    assert posts
    sent = b"".join(sent_to.bodies)
    for word in (b"c01-01", b"garden", b"maria", b"bertha", b"key-of-r", Sandbox.SECRET.encode()):
        assert word not in sent
    assert sent_to.headers[0]["authorization"] == f"Bearer {SECRET_HEADER}"
    assert not any(SECRET_HEADER in one.log.read_text("utf-8") for one in replicas)


async def test_a_collector_that_hangs_holds_up_neither_answers_nor_the_end(tmp_path: Path) -> None:
    late = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    async with collector(hangs=True) as sent_to, running(tmp_path, sent_to, replicas=1, **late) as (app, replicas):
        await app.ask(QUESTION)
        await until(lambda: _answered(app))
        [one] = replicas
        await until(lambda: "telemetry.not_taken" in one.log.read_text("utf-8"))
        assert await one.end(signal.SIGTERM) == 0
    log = one.log.read_text("utf-8")
    assert 1 <= log.count("telemetry.not_taken") <= 2  # of traces and of metrics
    assert "Traceback" not in log


async def test_words_are_sent_where_they_are_switched_on(tmp_path: Path) -> None:
    async with (
        collector() as sent_to,
        running(tmp_path, sent_to, replicas=1, FRAMEWORK_TELEMETRY_TEXT="on") as (app, _),
    ):
        await app.ask(QUESTION)
        chat = await until(lambda: next(iter(sent_to.named("chat scripted-1")), None))
    assert "What about c01-01" in chat.attributes[genai.INPUT_MESSAGES]
    assert '"role": "assistant"' in chat.attributes[genai.OUTPUT_MESSAGES]
