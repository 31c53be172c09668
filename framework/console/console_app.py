"""The console as a part of the address for operators: its routes, its files, and its guard."""

from __future__ import annotations

from functools import cache

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import Receive, Scope, Send

from framework.console.guard import ConsoleGuard, Reach
from framework.console.pages import (
    bots,
    campaigns,
    conversation,
    conversations,
    handovers,
    moderation,
    records,
    reviews,
    signing,
)
from framework.console.parts import ConsoleParts
from framework.console.render import FILES, refused
from framework.console.visit import PATH

_TYPES = {".css": "text/css", ".js": "text/javascript", ".txt": "text/plain"}
_SERVED = ("console.css", "console.js", "htmx.min.js", "htmx.LICENSE.txt")
_PAGES = (signing, conversations, conversation, handovers, reviews, moderation, campaigns, bots, records)


def console_routes(parts: ConsoleParts, reach: Reach) -> list[Mount | Route]:
    """Return what is to be mounted. `reach` says by which addresses it may be asked."""
    routes = [route for page in _PAGES for route in page.routes(parts)]
    router = Router([*routes, Route("/static/{name}", _file, methods=["GET"])], default=_unknown)
    return [Route(PATH, _to_front, methods=["GET"]), Mount(PATH, ConsoleGuard(router, reach=reach))]


async def _to_front(_request: Request) -> Response:
    return RedirectResponse(f"{PATH}/", 307)


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    await refused(404, "There is no such page.", "")(scope, receive, send)


async def _file(request: Request) -> Response:
    name = str(request.path_params["name"])
    if name not in _SERVED:
        return refused(404, "There is no such page.", "")
    headers = {"cache-control": "public, max-age=3600"}
    return Response(_read(name), media_type=_TYPES[name[name.rindex(".") :]], headers=headers)


@cache
def _read(name: str) -> bytes:
    return FILES.joinpath("static", name).read_bytes()
