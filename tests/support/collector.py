"""A collector of OpenTelemetry on loopback that keeps what it is sent by OTLP over HTTP."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Kept:
    """One span, with its ids in hexadecimal."""

    trace: str
    id: str
    parent: str
    name: str
    attributes: dict[str, Any]
    failed: bool


@dataclass
class Collector:
    """The running collector. `hangs`: it takes requests and never answers them."""

    url: str = ""
    hangs: bool = False
    spans: list[Kept] = field(default_factory=list)
    metrics: set[str] = field(default_factory=set)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def named(self, start: str) -> list[Kept]:
        """The spans whose names begin so."""
        return [one for one in self.spans if one.name.startswith(start)]

    async def take(self, request: web.Request) -> web.Response:
        """Keep a request."""
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        if self.hangs:
            await asyncio.sleep(3600)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.bodies.append(body)
        if request.path.endswith("/traces"):
            self._spans(ExportTraceServiceRequest.FromString(body))
        else:
            self._metrics(ExportMetricsServiceRequest.FromString(body))
        return web.Response()

    def _spans(self, sent: Any) -> None:
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                for one in scope.spans:
                    attributes = {item.key: _value(item.value) for item in one.attributes}
                    ids = (one.trace_id.hex(), one.span_id.hex(), one.parent_span_id.hex())
                    self.spans.append(Kept(*ids, one.name, attributes, one.status.code == 2))

    def _metrics(self, sent: Any) -> None:
        for resource in sent.resource_metrics:
            for scope in resource.scope_metrics:
                self.metrics |= {metric.name for metric in scope.metrics}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(item) for item in value.array_value.values] if kind == "array_value" else getattr(value, kind)


@asynccontextmanager
async def collector(*, hangs: bool = False) -> AsyncIterator[Collector]:
    """Run one on a free port."""
    made = Collector(hangs=hangs)
    app = web.Application()
    app.router.add_post("/v1/{kind}", made.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
