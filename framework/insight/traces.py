"""What the rooms tell of the way of a turn, for traces. A call costs next to nothing until `trace_with` is called.

One trace goes from the event to the final text. Its context travels in the job of the turn, so a replica that goes on
with it adds to the same trace. Neither texts nor ids of people are told, unless `with_texts` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal, Protocol

from framework.insight import genai

Value = str | int | float | bool | Sequence[str]
SpanKind = Literal["internal", "client", "consumer"]


class Span(Protocol):
    """A part of the way that has not ended."""

    def set(self, name: str, value: Value) -> None:
        """Say something of it."""

    def fail(self, kind: str) -> None:
        """It failed; `kind` is the name of a class of errors, or a status."""


class Arrival(Protocol):
    """A span for an event that came in. Only `keep` has it told, so what came twice is there once."""

    context: str
    """The place in the trace, as W3C `traceparent`."""

    def keep(self) -> None:
        """The event led to a job."""


class Tracing(Protocol):
    """Keeps the traces of a process."""

    with_texts: bool

    def span(
        self, name: str, kind: SpanKind, attributes: Mapping[str, Value], parent: str
    ) -> AbstractContextManager[Span]:
        """Begin a span, below `parent` (a `traceparent`) or below the one that is under way."""

    def arrival(self, name: str, attributes: Mapping[str, Value]) -> Arrival:
        """Begin a trace, or a part of the one under way."""

    def measure(self, metric: str, value: float, attributes: Mapping[str, Value]) -> None:
        """Add a value to a metric of `framework.insight.genai`."""


class _NoSpan:
    def set(self, name: str, value: Value) -> None:
        """Nothing is kept."""

    def fail(self, kind: str) -> None:
        """Nothing is kept."""


class _NoArrival:
    context = ""

    def keep(self) -> None:
        """Nothing is kept."""


NO_SPAN, _NO_ARRIVAL = _NoSpan(), _NoArrival()
_NOTHING: AbstractContextManager[Span] = nullcontext(NO_SPAN)
_tracing: Tracing | None = None


def trace_with(tracing: Tracing | None) -> None:
    """Trace from now on with this, for the whole process; None: trace nothing."""
    global _tracing  # noqa: PLW0603 - the one tracer of the process
    _tracing = tracing


def is_tracing() -> bool:
    """Whether traces are kept: whoever would compute something for them alone asks first."""
    return _tracing is not None


def with_texts() -> bool:
    """Whether prompts and answers may be told."""
    return _tracing is not None and _tracing.with_texts


def received(bot: str, origin: str) -> Arrival:
    """Something came that a bot may answer."""
    if _tracing is None:
        return _NO_ARRIVAL
    return _tracing.arrival(f"receive {bot}", {genai.AGENT: bot, "framework.origin": origin})


def turn(bot: str, parent: str, about: Callable[[], Mapping[str, Value]]) -> AbstractContextManager[Span]:
    """A turn runs, from its job to its outcome. `about` is called only if traces are kept."""
    if _tracing is None:
        return _NOTHING
    return _tracing.span(f"turn {bot}", "consumer", {genai.AGENT: bot, **about()}, parent)


def agent(bot: str, model: str) -> AbstractContextManager[Span]:
    """The agent makes an answer."""
    if _tracing is None:
        return _NOTHING
    attributes = {genai.OPERATION: genai.INVOKE_AGENT, genai.AGENT: bot, genai.REQUEST_MODEL: model}
    return _tracing.span(f"{genai.INVOKE_AGENT} {bot}", "internal", attributes, "")


def tool_call(name: str, call_id: str) -> AbstractContextManager[Span]:
    """A tool runs."""
    if _tracing is None:
        return _NOTHING
    attributes = {genai.OPERATION: genai.EXECUTE_TOOL, genai.TOOL_NAME: name, genai.TOOL_CALL_ID: call_id}
    return _tracing.span(f"{genai.EXECUTE_TOOL} {name}", "internal", attributes, "")


def service_call(operation: str) -> AbstractContextManager[Span]:
    """The chat service is called, once."""
    if _tracing is None:
        return _NOTHING
    return _tracing.span(f"stream {operation}", "client", {"framework.stream.operation": operation}, "")


class ModelCall:
    """One call of a model that is under way. `monotonic` is a clock in seconds."""

    def __init__(
        self, span: Span, tracing: Tracing, names: Mapping[str, Value], monotonic: Callable[[], float]
    ) -> None:
        self._span = span
        self._tracing = tracing
        self._names = names
        self._monotonic = monotonic
        self._began = monotonic()
        self._has_begun = False

    def first_chunk(self) -> None:
        """A piece came. Only the first one counts."""
        if self._has_begun:
            return
        self._has_begun = True
        seconds = self._monotonic() - self._began
        self._span.set(genai.TIME_TO_FIRST_CHUNK, seconds)
        self._tracing.measure(genai.FIRST_CHUNK_METRIC, seconds, self._names)

    def answered(self, usage: Mapping[str, int], model: str, finish: str) -> None:
        """The whole answer is there. `usage` has `input_tokens` and `output_tokens`, as far as they are known."""
        for name, kind in ((genai.INPUT_TOKENS, "input"), (genai.OUTPUT_TOKENS, "output")):
            count = usage.get(f"{kind}_tokens")
            if count:
                self._span.set(name, count)
                self._tracing.measure(genai.TOKENS_METRIC, count, {**self._names, genai.USAGE_TYPE: kind})
        if model:
            self._span.set(genai.RESPONSE_MODEL, model)
        if finish:
            self._span.set(genai.FINISH_REASONS, [finish])

    def said(self, asked: str, answer: str) -> None:
        """Prompt and answer as JSON, for those who switched texts on."""
        self._span.set(genai.INPUT_MESSAGES, asked)
        self._span.set(genai.OUTPUT_MESSAGES, answer)

    def fail(self, kind: str) -> None:
        """It failed."""
        self._span.fail(kind)
        self._names = {**self._names, genai.ERROR_TYPE: kind}

    def end(self) -> None:
        """Measure how long it took."""
        self._tracing.measure(genai.DURATION_METRIC, self._monotonic() - self._began, self._names)


@contextmanager
def model_call(provider: str, model: str, monotonic: Callable[[], float]) -> Iterator[ModelCall | None]:
    """A model is asked; None if nobody traces."""
    if _tracing is None:
        yield None
        return
    names = {genai.OPERATION: genai.CHAT, genai.PROVIDER: provider, genai.REQUEST_MODEL: model}
    with _tracing.span(f"{genai.CHAT} {model}", "client", names, "") as span:
        call = ModelCall(span, _tracing, names, monotonic)
        try:
            yield call
        finally:
            call.end()
