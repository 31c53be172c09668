"""Puts the parts together for the Stream app that the environment names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.catalog.catalog import Catalog
from framework.errors import SettingsError
from framework.stream.timing import Timing

if TYPE_CHECKING:
    from pathlib import Path

    from framework.catalog.toolbox import Toolbox
    from framework.settings import Settings

AUDIT_FILE = "audit.sqlite"


def audit_file(data: Path) -> Path:
    """Where the audit log and the approvals of a data folder are."""
    return data / AUDIT_FILE


def open_toolbox(settings: Settings, *, timing: Timing | None = None, catalog: Catalog | None = None) -> Toolbox:
    """The operations of the Stream app in `settings`. Nothing is connected yet; the data folder must exist.

    Raises SettingsError where the environment names no app.
    """
    from framework.catalog.approvals import Approvals
    from framework.catalog.audit import AuditFile
    from framework.catalog.broker import CredentialBroker
    from framework.catalog.caller import Caller
    from framework.catalog.execute import Executor
    from framework.catalog.toolbox import Toolbox
    from framework.catalog.transport import Transport
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
    caller = Caller(Transport(settings.base_url, broker.key, broker.redact), broker, timing, app)
    file = audit_file(settings.data)
    approvals = Approvals(file, now=timing.now)
    return Toolbox(catalog, Executor(catalog, broker, caller, AuditFile(file), approvals, timing))
