"""The routes under `/sandbox/`, and the playground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from framework.sandbox.errors import ApiError, forbidden, invalid, not_found
from framework.sandbox.extras.exports import export_route
from framework.sandbox.extras.faults import Fault
from framework.sandbox.extras.files import file_routes
from framework.sandbox.extras.origin import require_own_page
from framework.sandbox.services import people
from framework.sandbox.wire import Dialect, decode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from framework.sandbox.sandbox import Sandbox

PLAYGROUND = Path(__file__).parent.parent / "playground"
_ANYWHERE = {"access-control-allow-origin": "*", "access-control-allow-headers": "content-type"}
_FAULT_FIELDS: dict[str, tuple[type, ...]] = {
    "pattern": (str,),
    "count": (int,),
    "status": (int, type(None)),
    "code": (int, type(None)),
    "message": (str,),
    "delay_s": (int, float),
    "drop": (str, type(None)),
    "retry_after_s": (int, float, type(None)),
}


def routes(sandbox: Sandbox) -> list[BaseRoute]:
    """The sandbox's own routes."""

    async def token(request: Request) -> dict[str, Any]:
        require_own_page(request, sandbox.config)
        if not sandbox.config.allows_development_tokens:
            raise forbidden("development tokens are off: the server can be reached from other machines")
        user_id = people.check_user_id((await _json(request)).get("user_id"))
        return {"token": sandbox.auth.token_for(user_id), "api_key": sandbox.config.api_key}

    async def faults(request: Request) -> dict[str, Any]:
        _require_local(request, sandbox)
        if request.method == "DELETE":
            sandbox.faults.clear()
        elif request.method == "POST":
            sandbox.faults.add(_fault(await _json(request)))
        return {"faults": sandbox.faults.waiting()}

    async def log(request: Request) -> dict[str, Any]:
        _require_local(request, sandbox)
        if request.method == "DELETE":
            sandbox.log.clear()
        return {"calls": sandbox.log.view(request.query_params.get("operation"))}

    async def index(_request: Request) -> Response:
        page = PLAYGROUND / "index.html"
        if not page.is_file():
            return Response("the playground is not installed", 404, media_type="text/plain")
        return FileResponse(page)

    return [
        Route("/sandbox/token", _answering(token), methods=["POST"]),
        Route("/sandbox/faults", _answering(faults), methods=["GET", "POST", "DELETE"]),
        Route("/sandbox/log", _answering(log), methods=["GET", "DELETE"]),
        Route("/sandbox/health", _answering(_health, _ANYWHERE), methods=["GET"]),
        export_route(sandbox),
        *file_routes(sandbox),
        Route("/", index, methods=["GET"]),
        Mount("/playground", StaticFiles(directory=PLAYGROUND, html=True, check_dir=False)),
    ]


async def _health(_request: Request) -> dict[str, Any]:
    return {"status": "ok"}


def _answering(
    handler: Callable[[Request], Awaitable[dict[str, Any]]], headers: dict[str, str] | None = None
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            status, body = 200, await handler(request)
        except ApiError as error:
            status, body = error.status, error.body(None)
        return Response(Dialect.V1.encode(body), status, headers=headers, media_type="application/json")

    return endpoint


def _require_local(request: Request, sandbox: Sandbox) -> None:
    require_own_page(request, sandbox.config)
    if not sandbox.config.allows_development_tokens:
        raise not_found("this is off: the server can be reached from other machines")


def _fault(body: dict[str, Any]) -> Fault:
    for name, value in body.items():
        allowed = _FAULT_FIELDS.get(name)
        if allowed is None:
            raise invalid(f"a fault has no field {name}")
        if not isinstance(value, allowed):
            raise invalid(f"{name} has the wrong type")
    if not body.get("pattern"):
        raise invalid("pattern is a required field: an operation id, or a glob such as 'POST /channels/*/message'")
    if body.get("drop") not in (None, "before", "after"):
        raise invalid('drop must be "before" or "after"')
    return Fault(**body)


async def _json(request: Request) -> dict[str, Any]:
    return decode(await request.body())
