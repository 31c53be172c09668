"""The routes under `/sandbox/`, and the playground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from framework.sandbox.chat.users import people
from framework.sandbox.features.imports.route import import_route
from framework.sandbox.features.push.log import PUSH_LOG
from framework.sandbox.features.tasks import export_route
from framework.sandbox.features.uploads.route import file_routes
from framework.sandbox.kernel.errors import ApiError, forbidden, invalid, not_found
from framework.sandbox.kernel.faults import Fault
from framework.sandbox.kernel.http.origin import require_own_page
from framework.sandbox.kernel.http.request import read_body, read_headers
from framework.sandbox.kernel.wire import WireDialect, decode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import Scope

    from framework.sandbox.kernel.sandbox import Sandbox

PLAYGROUND = Path(__file__).parent.parent / "playground"
_ANYWHERE = {"access-control-allow-origin": "*", "access-control-allow-headers": "content-type"}
PAGE_HEADERS = {
    "content-security-policy": "frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""No other page may show the playground in a frame. The rest of its policy stands in the page."""
_FAULT_FIELDS: dict[str, tuple[type, ...]] = {
    "pattern": (str,),
    "count": (int,),
    "status": (int, type(None)),
    "code": (int, type(None)),
    "message": (str,),
    "delay_s": (int, float),
    "drop": (str, type(None)),
    "retry_after_s": (int, float, type(None)),
    "webhook": (str, type(None)),
    "socket": (str, type(None)),
    "close_code": (int,),
    "user_id": (str, type(None)),
}
_FAULT_CHOICES = {"drop": ("before", "after"), "webhook": ("duplicate", "reorder"), "socket": ("silent", "close")}
_LONGEST_DELAY_S = 600
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


def routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return the sandbox's own routes."""

    async def token(request: Request) -> dict[str, Any]:
        require_own_page(request, sandbox.config)
        if not sandbox.config.allows_development_tokens:
            raise forbidden("development tokens are off: the server can be reached from other machines")
        user_id = people.check_user_id((await _json(request)).get("user_id"))
        return {"token": sandbox.auth.token_for(user_id), "api_key": sandbox.config.api_key}

    async def faults(request: Request) -> dict[str, Any]:
        _require_local(request, sandbox)
        return await _faults(sandbox, request)

    async def log(request: Request) -> dict[str, Any]:
        _require_local(request, sandbox)
        if request.method == "DELETE":
            sandbox.log.clear()
        return {"calls": sandbox.log.view(request.query_params.get("operation"))}

    async def pushes(request: Request) -> dict[str, Any]:
        _require_local(request, sandbox)
        if request.method == "DELETE":
            sandbox[PUSH_LOG].clear()
        return {"pushes": sandbox[PUSH_LOG].view(request.query_params.get("user"))}

    async def index(_request: Request) -> Response:
        page = PLAYGROUND / "index.html"
        if not page.is_file():
            return Response("the playground is not installed", 404, media_type="text/plain")
        return FileResponse(page, headers=PAGE_HEADERS)

    return [
        Route("/sandbox/token", answering(token), methods=["POST"]),
        Route("/sandbox/faults", answering(faults), methods=["GET", "POST", "DELETE"]),
        Route("/sandbox/log", answering(log), methods=["GET", "DELETE"]),
        Route("/sandbox/pushes", answering(pushes), methods=["GET", "DELETE"]),
        Route("/sandbox/health", answering(_health, _ANYWHERE), methods=["GET"]),
        export_route(sandbox),
        *file_routes(sandbox),
        import_route(sandbox),
        Route("/", index, methods=["GET"]),
        Mount("/playground", GZipMiddleware(_Playground(directory=PLAYGROUND, html=True, check_dir=False))),
    ]


class _Playground(StaticFiles):
    """The page's files, with its headers."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or 404."""
        response = await super().get_response(path, scope)
        response.headers.update(PAGE_HEADERS)
        return response


async def _health(_request: Request) -> dict[str, Any]:
    return {"status": "ok"}


def answering(
    handler: Callable[[Request], Awaitable[dict[str, Any]]], headers: dict[str, str] | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that answers with what a handler returns, or with the error that it raises."""

    async def endpoint(request: Request) -> Response:
        try:
            status, body = 200, await handler(request)
        except ApiError as error:
            status, body = error.status, error.body(None)
        return Response(WireDialect.V1.encode(body), status, headers=headers, media_type="application/json")

    return endpoint


def _require_local(request: Request, sandbox: Sandbox) -> None:
    require_own_page(request, sandbox.config)
    if not sandbox.config.allows_development_tokens:
        raise not_found("this is off: the server can be reached from other machines")


async def _faults(sandbox: Sandbox, request: Request) -> dict[str, Any]:
    """What waits; DELETE forgets it, POST adds to it. The pattern `now` strikes WebSockets at once."""
    if request.method == "DELETE":
        sandbox.faults.clear()
    elif request.method == "POST":
        fault = _fault(await _json(request))
        if fault.pattern == "now":
            hub = sandbox.hub
            fault.strike(hub.of_user(fault.user_id) if fault.user_id is not None else hub.connections())
        else:
            sandbox.faults.add(fault)
    return {"faults": sandbox.faults.waiting()}


def _fault(body: dict[str, Any]) -> Fault:
    for name, value in body.items():
        allowed = _FAULT_FIELDS.get(name)
        if allowed is None:
            raise invalid(f"a fault has no field {name}")
        if not isinstance(value, allowed):
            raise invalid(f"{name} has the wrong type")
    if not body.get("pattern"):
        raise invalid("pattern is a required field: an operation id, or a glob such as 'POST /channels/*/message'")
    for name, choices in _FAULT_CHOICES.items():
        if body.get(name) not in (None, *choices):
            raise invalid(f"{name} must be one of {', '.join(choices)}")
    fault = Fault(**body)
    if not 0 <= fault.delay_s <= _LONGEST_DELAY_S or (fault.status is not None and not 400 <= fault.status <= 599):
        raise invalid(f"delay_s must be from 0 to {_LONGEST_DELAY_S}, and status from 400 to 599")
    if fault.close_code not in _CLOSE_CODES and not 3000 <= fault.close_code <= 4999:
        raise invalid("close_code must be one that a server may send, such as 1001, 1011 or 3000 to 4999")
    return fault


async def _json(request: Request) -> dict[str, Any]:
    return decode(await read_body(read_headers(request.scope), request.receive))
