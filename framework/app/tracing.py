"""Traces while a process runs, if the environment names a collector."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from framework.aio import in_daemon_thread
from framework.extras import extra
from framework.insight.traces import trace_with

if TYPE_CHECKING:
    from framework.settings import Settings

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_LONGEST_END = 3.0
"""Seconds that a collector has at the end of the process."""

_log = structlog.get_logger(__name__)


def has_collector() -> bool:
    """Whether the environment names a collector, and does not switch OpenTelemetry off."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not off and any(os.environ.get(name, "").strip() for name in ENDPOINTS)


@asynccontextmanager
async def tracing(settings: Settings) -> AsyncIterator[None]:
    """Trace while the block runs, if there is a collector. At the end it is given some seconds, and not waited for.

    Raises MissingExtraError if the packages are not installed.
    """
    if not has_collector():
        yield
        return
    with extra("otel", f"Sending traces ({ENDPOINTS[0]})"):
        from framework.insight.otel import OtelTracing
    if (protocol := os.environ.get(_PROTOCOL, "")) and not protocol.startswith("http"):
        hint = "Name the collector's address for OTLP over HTTP, usually port 4318."
        _log.warning("telemetry.protocol_not_used", protocol=protocol, used="http/protobuf", hint=hint)
    kept = OtelTracing(texts=settings.telemetry_text)
    trace_with(kept)
    _log.info("telemetry.on", texts=settings.telemetry_text)
    try:
        yield
    finally:
        trace_with(None)
        try:
            async with asyncio.timeout(_LONGEST_END):
                await in_daemon_thread(kept.close)
        except TimeoutError:
            _log.warning("telemetry.left_unsent", seconds=_LONGEST_END)
