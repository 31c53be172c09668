"""The pages for operators, and for the programs that watch over the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from framework.errors import FrameworkError
from framework.insight.metrics import CONTENT_TYPE, Metrics
from framework.runtime.core.bot import Limits
from framework.runtime.facts import why_not
from framework.stream.sources.delivery import Facts

FACTS_SECONDS = 2.0

_log = structlog.get_logger(__name__)


def admin_app(
    metrics: Metrics,
    ready: Callable[[], bool],
    facts: Facts,
    hosts: frozenset[str] = frozenset(),
    console: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the routes. `hosts` are the only names that it may be reached by; none named: any.

    `/livez` answers as long as the event loop does. `/readyz` answers 200 while the bots can answer, else 503, and says
    by part what is wrong and since when. `/metrics` is for Prometheus. `console` are further routes.
    """

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        found, wrong = await _looked(facts)
        is_ready = ready() and not wrong
        body = {"status": "ready" if is_ready else "not ready", "why": wrong, **found}
        return JSONResponse(body, 200 if is_ready else 503)

    async def tell(_request: Request) -> Response:
        found, wrong = await _looked(facts)
        metrics.told(found, ready=ready() and not wrong)
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    routes = [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", tell), *console]
    app = Starlette(routes=routes)
    app.add_middleware(_KnownHost, hosts=hosts)
    return app


class _KnownHost:
    """Refuses requests by another name than the server's own: a page of the internet that was led to this address by
    its own name's server would otherwise read what it says.
    """

    def __init__(self, app: Any, *, hosts: frozenset[str]) -> None:  # noqa: ANN401 - an ASGI app
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - the form of ASGI
        if scope["type"] == "http" and self._hosts:
            name = Request(scope).url.hostname
            if name not in self._hosts:
                await PlainTextResponse("This address is not known by that name.\n", 421)(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _looked(facts: Facts) -> tuple[Mapping[str, Any], dict[str, str]]:
    """The facts, and what is wrong by part."""
    try:
        async with asyncio.timeout(FACTS_SECONDS):
            found = await facts()
    except TimeoutError:
        return {}, {"engine": f"the database did not answer within {FACTS_SECONDS:.0f} s"}
    except FrameworkError as error:
        return {}, {"engine": error.what}
    return found, why_not(found, behind=Limits.behind)
