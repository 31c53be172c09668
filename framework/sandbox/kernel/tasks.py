"""What the service does in the background, and the sandbox at once: tasks and their files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table
from framework.sandbox.kernel.wire import Json, WireDialect

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call


@dataclass(slots=True)
class Task(Record):
    """Work that the service does after its answer. The sandbox does it at once: a stored task is done."""

    KEY = ("id",)

    id: str
    created_at: datetime
    updated_at: datetime
    kind: str
    status: str = "completed"
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


@dataclass(slots=True)
class ExportFile(Record):
    """A file made by an export. A client that knows its random id may read it, as with the service's signed URLs."""

    KEY = ("id",)

    id: str
    kind: str
    created_at: datetime
    content: Any = field(default_factory=dict)


TASKS = Table("tasks", Task)
EXPORT_FILES = Table("export_files", ExportFile)


OK = {"status": "ok"}
"""What the result of a task over several things says of each that went well."""


def completed(call: Call, kind: str, result: dict[str, Any]) -> str:
    """Keep a task that is done; returns its id. `result` is what `GetTask` answers."""
    task = Task(call.sandbox.ids.new(), call.now, call.now, kind, result=result)
    return call.store[TASKS].put(task).id


def failed(call: Call, kind: str, reason: str) -> str:
    """Keep a task that could not be done; returns its id."""
    error = {"type": kind, "description": reason, "stacktrace": "", "version": ""}
    task = Task(call.sandbox.ids.new(), call.now, call.now, kind, status="failed", error=error)
    return call.store[TASKS].put(task).id


def export(call: Call, kind: str, content: Json) -> str:
    """Keep an export's file and a task whose result has its `url`; returns the task's id."""
    # Encoded as v1 writes it: times in a stored document's depth would not be read back as times.
    document = orjson.loads(WireDialect.V1.encode(content))
    file = call.store[EXPORT_FILES].put(ExportFile(call.sandbox.ids.new(), kind, call.now, document))
    return completed(call, f"export.{kind}", {"url": f"{_origin(call)}/exports/{kind}/{file.id}.json"})


def _origin(call: Call) -> str:
    """Return the server as the caller reached it."""
    if call.request is not None and call.request.headers.get("host"):
        return f"{call.request.url.scheme}://{call.request.headers['host']}"
    return f"http://{call.sandbox.config.host}:{call.sandbox.config.port}"
