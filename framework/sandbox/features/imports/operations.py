"""Imports of the first kind: a URL to put a file at, and a task that reads it."""

from __future__ import annotations

import itertools
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from framework.sandbox.chat.feature import Feature
from framework.sandbox.features.imports import rules as importing
from framework.sandbox.features.imports.record import IMPORT_FILES, IMPORT_TASKS, ImportFile, ImportTask
from framework.sandbox.features.uploads.rules import origin
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.wire import parse_time

DOMAIN = Domain("imports")
MODES = ("insert", "upsert")
_STEPS = ("uploaded", "analyzing", "analyzing_completed", "importing")


@DOMAIN.operation("CreateImportUrl", "POST", "/import_urls", family="common", access=Access.SERVER)
def create_import_url(call: Call) -> Result:
    """Where to put a file, and the path that an import names it by."""
    name = PurePath((call.text("filename", call.body) or "import.json").replace("\\", "/")).name or "import.json"
    file = call.store[IMPORT_FILES].put(ImportFile(call.sandbox.ids.new(), name[:255], call.now))
    return {"path": file.path, "upload_url": f"{origin(call)}/sandbox/imports/{file.id}/{quote(file.name)}"}


@DOMAIN.operation("CreateImport", "POST", "/imports", family="common", access=Access.SERVER)
def create_import(call: Call) -> Result:
    """Read a file that was put; the task is done when its id is answered."""
    path, mode = call.required_text("path", call.body), call.text("mode", call.body) or "upsert"
    if mode not in MODES:
        raise invalid(f"mode must be one of [{', '.join(MODES)}]")
    file = importing.file_of(call, path)
    task = ImportTask(call.sandbox.ids.new(), path, mode, call.now, call.now, size=file.size or 0)
    report = importing.read(call, file, mode)
    failed = bool(report.errors) and not report.imported
    states = (*_STEPS, "failed" if failed else "completed")
    at = call.now.isoformat()
    task.steps = [{"prev_state": a, "next_state": b, "at": at} for a, b in itertools.pairwise(states)]
    task.state, task.result, task.updated_at = states[-1], report.view(), call.now
    return {"import_task": _view(call.store[IMPORT_TASKS].put(task))}


@DOMAIN.operation("GetImport", "GET", "/imports/{id}", family="common", access=Access.SERVER)
def get_import(call: Call) -> Result:
    """How an import stands."""
    task = call.store[IMPORT_TASKS].get(call.path["id"])
    if task is None:
        raise not_found(f"import task with id {call.path['id']} not found")
    return {"import_task": _view(task)}


@DOMAIN.operation("ListImports", "GET", "/imports", family="common", access=Access.SERVER)
def list_imports(call: Call) -> Result:
    """The imports, the last one first."""
    found = sorted(call.store[IMPORT_TASKS], key=lambda task: task.created_at, reverse=True)
    limit, offset = call.number("limit", 100, high=1000), call.number("offset", 0)
    return {"import_tasks": [_view(task) for task in found[offset : offset + (limit or 100)]]}


def _view(task: ImportTask) -> dict[str, Any]:
    steps = [
        {
            "prev_state": step["prev_state"],
            "next_state": step["next_state"],
            "created_at": parse_time(step["at"], "created_at"),
        }
        for step in task.steps
    ]
    return {
        "id": task.id,
        "path": task.path,
        "mode": task.mode,
        "state": task.state,
        "size": task.size,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "history": steps,
        "result": task.result,
    }


FEATURE = Feature(operations=(DOMAIN,))
