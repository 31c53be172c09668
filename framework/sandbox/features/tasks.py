"""Tasks, and the status of channel exports, which v1 asks for by a path of its own."""

from __future__ import annotations

from framework.sandbox.chat.feature import Feature
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.tasks import TASKS, Task

DOMAIN = Domain("tasks")


@DOMAIN.operation("GetTask", "GET", "/tasks/{id}", family="common", access=Access.SERVER)
def get_task(call: Call) -> Result:
    """How a task stands, and its result once it is completed."""
    return _view(_find(call))


@DOMAIN.operation("GetExportChannelsStatus", "GET", "/export_channels/{id}", v2=None, access=Access.SERVER)
def get_export_channels_status(call: Call) -> Result:
    """How an export of channels stands."""
    task = _find(call)
    if task.kind != "export.channels":
        raise not_found(f"Can't find task with id {task.id}")
    return _view(task)


def _find(call: Call) -> Task:
    task = call.store[TASKS].get(call.path["id"])
    if task is None:
        raise not_found(f"Can't find task with id {call.path['id']}")
    return task


def _view(task: Task) -> Result:
    view = {
        "task_id": task.id,
        "status": task.status,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
    }
    if task.result is not None:
        view["result"] = task.result
    if task.error is not None:
        view["error"] = task.error
    return view


FEATURE = Feature(operations=(DOMAIN,))
