"""Imports of the first kind: a URL to put a file at, and a task that reads it."""

from __future__ import annotations

import itertools
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from framework.sandbox.chat.feature import Feature
from framework.sandbox.features.imports import rules as importing
from framework.sandbox.features.imports.record import (
    IMPORT_FILES,
    IMPORT_TASKS,
    IMPORT_V2_TASKS,
    ImportFile,
    ImportTask,
    ImportV2Task,
)
from framework.sandbox.features.uploads.rules import origin
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.paging import page
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
    """Return the imports, the last one first."""
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


CREATED, RUNNING, COMPLETED, FAILED, CANCELLED = 1, 2, 3, 4, 5
PRODUCTS = ("chat", "feeds", "video", "moderation")
_PATH = "/imports/v2"


@DOMAIN.operation("CreateImportV2Task", "POST", _PATH, family="common", access=Access.SERVER)
def create_task(call: Call) -> Result:
    """Read a file that was put, or wait for one in a bucket."""
    product, settings = call.required_text("product", call.body), call.mapping("settings", call.body)
    if product not in PRODUCTS:
        raise invalid(f"product must be one of [{', '.join(PRODUCTS)}]")
    mode = call.text("mode", settings) or "upsert"
    if mode not in ("insert", "upsert"):
        raise invalid("settings.mode must be one of [insert, upsert]")
    path, bucket = call.text("path", settings), call.mapping("s3", settings)
    if not path and not bucket:
        raise invalid("either settings.path or settings.s3 must be provided")
    task = ImportV2Task(call.sandbox.ids.new(), product, call.now, call.now, settings=settings)
    if path and product == "chat":
        report = importing.read(call, importing.file_of(call, path), mode)
        task.state = FAILED if report.errors and not report.imported else COMPLETED
        task.result = report.view()
    return _v2_view(call.store[IMPORT_V2_TASKS].put(task))


@DOMAIN.operation("ListImportV2Tasks", "GET", _PATH, family="common", access=Access.SERVER)
def list_tasks(call: Call) -> Result:
    """Return the imports, the last one first; of one state where it is given."""
    state = call.number("state", 0)
    found = [task for task in call.store[IMPORT_V2_TASKS] if state in (0, task.state)]
    found.sort(key=lambda task: task.created_at, reverse=True)
    shown = page(call, found)
    return {"import_tasks": [_v2_view(task) for task in shown.items], **shown.cursors()}


@DOMAIN.operation("GetImportV2Task", "GET", _PATH + "/{id}", family="common", access=Access.SERVER)
def get_task(call: Call) -> Result:
    """How an import stands."""
    return _v2_view(_find(call))


@DOMAIN.operation("DeleteImportV2Task", "DELETE", _PATH + "/{id}", family="common", access=Access.SERVER)
def delete_task(call: Call) -> Result:
    """Forget an import; what it took in stays."""
    call.store[IMPORT_V2_TASKS].remove(_find(call).id)
    return {}


@DOMAIN.operation(
    "CancelImportV2Task", "POST", _PATH + "/{id}/cancel", family="common", access=Access.SERVER, status=200
)
def cancel_task(call: Call) -> Result:
    """Cancel an import that is not done."""
    task = _find(call)
    if task.state not in (CREATED, RUNNING):
        raise invalid("the import is done and cannot be cancelled")
    task.state, task.updated_at = CANCELLED, call.now
    call.store[IMPORT_V2_TASKS].put(task)
    return {}


def _find(call: Call) -> ImportV2Task:
    task = call.store[IMPORT_V2_TASKS].get(call.path["id"])
    if task is None:
        raise not_found(f"import task with id {call.path['id']} not found")
    return task


def _v2_view(task: ImportV2Task) -> dict[str, Any]:
    return {**task.view().fields, "app_pk": 1}


FEATURE = Feature(operations=(DOMAIN,))
