"""Puts the parts together: the operations of the Stream app that the environment names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.catalog.catalog import Catalog
from framework.errors import SettingsError
from framework.stream.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from framework.audit import AuditLog
    from framework.catalog.execution.approvals import OperationApprovals
    from framework.catalog.toolbox import Toolbox
    from framework.settings import Settings

FORMER_AUDIT_FILE = "audit.sqlite"
"""Where earlier versions kept the audit log, in the data folder."""


def open_records(settings: Settings, *, now: Callable[[], datetime]) -> tuple[AuditLog, OperationApprovals]:
    """The audit log and the approvals, in the database that the environment names. Nothing is opened yet."""
    from framework.approvals import ApprovalStore
    from framework.audit import AuditLog
    from framework.catalog.execution.approvals import OperationApprovals
    from framework.storage import Storage

    storage = Storage(settings.database.get_secret_value())
    return AuditLog(storage, former=settings.data / FORMER_AUDIT_FILE), OperationApprovals(
        ApprovalStore(storage, now=now)
    )


def open_toolbox(settings: Settings, *, timing: Timing | None = None, catalog: Catalog | None = None) -> Toolbox:
    """The operations of the Stream app in `settings`. Nothing is connected yet; the data folder must exist.

    Raises SettingsError where the environment names no app.
    """
    from framework.catalog.execution.broker import CredentialBroker
    from framework.catalog.execution.caller import ServiceCaller
    from framework.catalog.execution.executor import Executor
    from framework.catalog.execution.plan_executor import PlanExecutor
    from framework.catalog.execution.rehearsal import NoAudit, Rehearsal
    from framework.catalog.execution.transport import Transport
    from framework.catalog.toolbox import Toolbox
    from framework.settings import STREAM_URL
    from framework.stream.factory import shared_app

    if settings.stream_api_key is None or settings.stream_api_secret is None:
        raise SettingsError(
            "No Stream app is named.",
            where="environment",
            hint="Set STREAM_API_KEY and STREAM_API_SECRET, or start the sandbox.",
        )
    timing = timing or Timing()
    catalog = catalog or Catalog.load()
    broker = CredentialBroker(settings.stream_api_key, settings.stream_api_secret, now=timing.now)
    app = shared_app(settings.stream_api_key, settings.base_url, timing)
    caller = ServiceCaller(Transport(settings.base_url, broker.key, broker.redact), broker, timing, app)
    audit, approvals = open_records(settings, now=timing.now)

    def on_copy(path: str) -> PlanExecutor:
        copy = Transport(settings.base_url + path, broker.key, broker.redact)
        calls = ServiceCaller(copy, broker, timing, app)
        return PlanExecutor(Executor(catalog, broker, calls, NoAudit(), approvals, timing))

    rehearsal = None
    if settings.base_url != STREAM_URL:
        rehearsal = Rehearsal(Transport(settings.base_url, broker.key, broker.redact), broker, on_copy)
    return Toolbox(catalog, Executor(catalog, broker, caller, audit, approvals, timing, rehearsal=rehearsal))
