"""Signing in by a link that works once, and signing out."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from framework.audit import Entry
from framework.console.parts import ConsoleParts
from framework.console.render import refused, rendered
from framework.console.sign_ins import LONGEST
from framework.console.visit import PATH, Visit, act, cookie_name, is_secure, sent_form, value_of

_USED = "It works once, and for 15 minutes. `python -m framework console token NAME` prints another one."


def routes(parts: ConsoleParts) -> Sequence[Route]:
    """Return the routes of this page."""

    async def ask(request: Request) -> Response:
        """Ask before the link is used up: a program that looks at links must not do that."""
        return rendered("sign_in.html.j2", token=request.query_params.get("token", "")[:200])

    async def enter(request: Request) -> Response:
        form = await sent_form(request)
        cookie = await parts.sign_ins.redeem(value_of(form or {}, "token"))
        if cookie is None:
            return refused(403, "This link does not work.", _USED)
        sign_in = await parts.sign_ins.find(cookie)
        await _noted(parts, sign_in.user if sign_in is not None else "", "signed in")
        answer = RedirectResponse(f"{PATH}/", 303)
        _set(answer, request, cookie)
        return answer

    async def leave(visit: Visit) -> tuple[str, str]:
        await parts.sign_ins.end(visit.request.cookies.get(cookie_name(visit.request), ""))
        return "/sign-in", ""

    return [
        Route("/sign-in", ask, methods=["GET"]),
        Route("/sign-in", enter, methods=["POST"]),
        act(parts, "/sign-out", leave, name="sign out", needs="viewer"),
    ]


def _set(answer: Response, request: Request, cookie: str) -> None:
    secure = is_secure(request)
    answer.set_cookie(
        cookie_name(request),
        cookie,
        max_age=int(LONGEST.total_seconds()),
        path="/" if secure else PATH,
        secure=secure,
        httponly=True,
        samesite="strict",
    )


async def _noted(parts: ConsoleParts, user: str, what: str) -> None:
    entry = Entry(
        at=parts.timing.now().isoformat(timespec="milliseconds"),
        who=user,
        caller=None,
        channel=None,
        acts_as=None,
        operation=f"console: {what}",
        arguments="",
        outcome="done",
    )
    await parts.audit.begin(entry)
