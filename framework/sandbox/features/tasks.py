"""Tasks, and the files of exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from framework.sandbox.chat.feature import Feature
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.tasks import EXPORT_FILES, TASKS, Task
from framework.sandbox.kernel.wire import WireDialect

if TYPE_CHECKING:
    from starlette.requests import Request

    from framework.sandbox.kernel.sandbox import Sandbox

DOMAIN = Domain("tasks")


@DOMAIN.operation("GetTask", "GET", "/tasks/{id}", family="common", access=Access.SERVER)
def get_task(call: Call) -> Result:
    """Return the state of a task, and its result once it is completed."""
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


def export_route(sandbox: Sandbox) -> Route:
    """`GET /exports/{kind}/{id}.json`: a file, to a client that was told its random id."""

    async def fetch(request: Request) -> Response:
        file = sandbox.store[EXPORT_FILES].get(request.path_params["id"])
        if file is None or file.kind != request.path_params["kind"]:
            return Response("there is no such export", 404, media_type="text/plain")
        headers = {"access-control-allow-origin": "*"}
        return Response(WireDialect.V1.encode(file.content), headers=headers, media_type="application/json")

    return Route("/exports/{kind}/{id}.json", fetch, methods=["GET"])
