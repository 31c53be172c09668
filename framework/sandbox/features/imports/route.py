"""Taking in the files of imports at the URLs that were handed out for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from framework.sandbox.features.imports.record import IMPORT_FILES

if TYPE_CHECKING:
    from starlette.requests import Request

    from framework.sandbox.kernel.sandbox import Sandbox

MAX_IMPORT = 100 * 1024 * 1024


def import_route(sandbox: Sandbox) -> Route:
    """`PUT /sandbox/imports/{id}/{name}` by a client that was told the random id."""

    async def put(request: Request) -> Response:
        file = sandbox.store[IMPORT_FILES].get(request.path_params["id"])
        if file is None or file.name != request.path_params["name"]:
            return Response("there is no such upload", 404, media_type="text/plain")
        content = bytearray()
        async for chunk in request.stream():
            content += chunk
            if len(content) > MAX_IMPORT:
                return Response(f"the file is larger than {MAX_IMPORT} bytes", 413, media_type="text/plain")
        await asyncio.to_thread(sandbox.files.write, file.id, bytes(content))
        file.size = len(content)
        sandbox.store[IMPORT_FILES].put(file)
        await sandbox.store.commit()
        return Response(status_code=200)

    return Route("/sandbox/imports/{id}/{name:path}", put, methods=["PUT"])
