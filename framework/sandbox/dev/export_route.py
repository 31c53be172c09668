"""Serving the files of exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from framework.sandbox.kernel.tasks import EXPORT_FILES
from framework.sandbox.kernel.wire import Dialect

if TYPE_CHECKING:
    from starlette.requests import Request

    from framework.sandbox.kernel.sandbox import Sandbox


def export_route(sandbox: Sandbox) -> Route:
    """`GET /exports/{kind}/{id}.json`: a file, to whoever was told its random id."""

    async def fetch(request: Request) -> Response:
        file = sandbox.store[EXPORT_FILES].get(request.path_params["id"])
        if file is None or file.kind != request.path_params["kind"]:
            return Response("there is no such export", 404, media_type="text/plain")
        headers = {"access-control-allow-origin": "*"}
        return Response(Dialect.V1.encode(file.content), headers=headers, media_type="application/json")

    return Route("/exports/{kind}/{id}.json", fetch, methods=["GET"])
