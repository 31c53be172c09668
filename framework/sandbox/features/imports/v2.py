"""Imports of the second kind. Their states are 1 created, 2 running, 3 completed, 4 failed, 5 cancelled.

One from a bucket stays created: the sandbox reaches no bucket. It can be cancelled.
"""

from __future__ import annotations

from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.features.imports import rules as importing
from framework.sandbox.features.imports.record import IMPORT_V2_TASKS, ImportV2Task
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.paging import page

DOMAIN = Domain("imports_v2")
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
    return _view(call.store[IMPORT_V2_TASKS].put(task))


@DOMAIN.operation("ListImportV2Tasks", "GET", _PATH, family="common", access=Access.SERVER)
def list_tasks(call: Call) -> Result:
    """The imports, the last one first; of one state where it is given."""
    state = call.number("state", 0)
    found = [task for task in call.store[IMPORT_V2_TASKS] if state in (0, task.state)]
    found.sort(key=lambda task: task.created_at, reverse=True)
    shown = page(call, found)
    return {"import_tasks": [_view(task) for task in shown.items], **shown.cursors()}


@DOMAIN.operation("GetImportV2Task", "GET", _PATH + "/{id}", family="common", access=Access.SERVER)
def get_task(call: Call) -> Result:
    """How an import stands."""
    return _view(_find(call))


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


def _view(task: ImportV2Task) -> dict[str, Any]:
    return {**task.view().fields, "app_pk": 1}


FEATURE = Feature(operations=(DOMAIN,))
