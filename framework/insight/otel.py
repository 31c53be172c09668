"""Traces and the metrics of models by OpenTelemetry, sent by OTLP over HTTP. Import it late: it costs 0.3 s.

The standard variables count: `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`,
`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`. Spans wait in a bounded queue that a thread empties: nothing waits for
a collector.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind as Kind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from framework.insight import genai
from framework.insight.traces import NO_SPAN, Arrival, Span, SpanKind, Value
from framework.version import __version__

SERVICE = "agents-in-channels"
LONGEST_TEXT = 32_000
"""Characters of an attribute."""
_KINDS: Mapping[SpanKind, Kind] = {"internal": Kind.INTERNAL, "client": Kind.CLIENT, "consumer": Kind.CONSUMER}
_UNITS = {genai.DURATION_METRIC: "s", genai.FIRST_CHUNK_METRIC: "s", genai.TOKENS_METRIC: "{token}"}
_PROPAGATOR = TraceContextTextMapPropagator()
_log = structlog.get_logger(__name__)


class _Said:
    """Tells once that a collector does not take what it is sent, and once that it does again."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_away = False

    def note(self, *, taken: bool) -> None:
        if taken and self._is_away:
            _log.info("telemetry.taken_again", what=self._what)
        elif not taken and not self._is_away:
            hint = "See whether the collector at OTEL_EXPORTER_OTLP_ENDPOINT runs and takes OTLP over HTTP."
            _log.warning("telemetry.not_taken", what=self._what, hint=hint)
        self._is_away = not taken


class _SpanSender(SpanExporter):
    """An exporter whose failures are told once."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._said = _Said("traces")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        self._said.note(taken=result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


class _MetricSender(OTLPMetricExporter):
    """The same for metrics."""

    def __init__(self) -> None:
        super().__init__()
        self._said = _Said("metrics of models")

    def export(self, *arguments: Any, **named: Any) -> MetricExportResult:  # noqa: ANN401 - as the base class has it
        result = super().export(*arguments, **named)
        self._said.note(taken=result is MetricExportResult.SUCCESS)
        return result


class OtelTracing:
    """See `framework.insight.traces.Tracing`. `exporter` in place of OTLP, for measurements: none of it is sent."""

    def __init__(self, *, texts: bool, exporter: SpanExporter | None = None) -> None:
        for name in ("opentelemetry.exporter", "opentelemetry.sdk"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # a failure of each try; `_Said` tells the first one
        self.with_texts = texts
        name = os.environ.get("OTEL_SERVICE_NAME", "") or SERVICE
        resource = Resource.create({"service.name": name, "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or _SpanSender(OTLPSpanExporter())))
        readers = [] if exporter else [PeriodicExportingMetricReader(_MetricSender())]
        self._meters = MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)
        self._tracer = self._provider.get_tracer(SERVICE, __version__)
        meter = self._meters.get_meter(SERVICE, __version__)
        self._histograms = {name: meter.create_histogram(name, unit=unit) for name, unit in _UNITS.items()}

    @contextmanager
    def span(self, name: str, kind: SpanKind, attributes: Mapping[str, Value], parent: str) -> Iterator[Span]:
        """See `Tracing.span`. Of an exception only the class is told: its text may hold words."""
        if kind == "client" and not trace.get_current_span().get_span_context().is_valid:
            yield NO_SPAN  # a look around that no turn made: it would be a trace of its own every few seconds
            return
        context = _PROPAGATOR.extract({"traceparent": parent}) if parent else None
        begun = self._tracer.start_as_current_span(
            name,
            context=context,
            kind=_KINDS[kind],
            attributes=dict(attributes),
            record_exception=False,
            set_status_on_exception=False,
        )
        with begun as inner:
            span = _OtelSpan(inner)
            try:
                yield span
            except BaseException as error:
                span.fail(type(error).__name__)
                raise

    def arrival(self, name: str, attributes: Mapping[str, Value]) -> Arrival:
        """See `Tracing.arrival`."""
        return _OtelArrival(self._tracer.start_span(name, kind=Kind.CONSUMER, attributes=dict(attributes)))

    def measure(self, metric: str, value: float, attributes: Mapping[str, Value]) -> None:
        """See `Tracing.measure`."""
        self._histograms[metric].record(value, dict(attributes))

    def close(self) -> None:
        """Send what waits, and end. Blocks for as long as a try to send takes."""
        self._provider.shutdown()
        self._meters.shutdown(timeout_millis=1_000)


class _OtelSpan:
    def __init__(self, inner: trace.Span) -> None:
        self._inner = inner

    def set(self, name: str, value: Value) -> None:
        self._inner.set_attribute(name, value[:LONGEST_TEXT] if isinstance(value, str) else value)

    def fail(self, kind: str) -> None:
        self._inner.set_attribute(genai.ERROR_TYPE, kind)
        self._inner.set_status(trace.Status(trace.StatusCode.ERROR))


class _OtelArrival:
    """A span that is never ended is never sent."""

    def __init__(self, inner: trace.Span) -> None:
        self._inner = inner
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, trace.set_span_in_context(inner))
        self.context = carrier.get("traceparent", "")

    def keep(self) -> None:
        if isinstance(self._inner, SdkSpan):
            self._inner.end()
