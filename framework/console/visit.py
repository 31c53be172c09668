"""One request of somebody who is signed in: who it is, what they may do, and what they sent."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from framework.audit import Entry
from framework.console.parts import ConsoleParts
from framework.console.render import refused, rendered
from framework.console.roles import Role, allows
from framework.console.sign_ins import SignIn
from framework.errors import FrameworkError
from framework.stream.model import User

_log = structlog.get_logger(__name__)
MOST_BYTES = 128 * 1024
"""Of a form: a draft of 20,000 characters fits."""
PATH = "/console"
PAGES: tuple[tuple[str, str], ...] = (
    ("/", "Conversations"),
    ("/handovers", "Handovers"),
    ("/reviews", "Reviews"),
    ("/moderation", "Moderation"),
    ("/campaigns", "Campaigns"),
    ("/bots", "Bots"),
    ("/dead", "Dead letters"),
    ("/turns", "Turns"),
    ("/audit", "Audit log"),
    ("/report", "Report"),
)
"""The pages that stand in the menu."""
OF_AGENTS = ("/audit",)


@dataclass(frozen=True)
class Visit:
    """A request, its session and the role. `form` holds the fields of a POST, each once."""

    parts: ConsoleParts
    request: Request
    sign_in: SignIn
    role: Role
    form: Mapping[str, str]

    @property
    def query(self) -> Mapping[str, str]:
        """The fields in the address."""
        return self.request.query_params

    def may(self, needed: Role) -> bool:
        """Whether the person may do what needs this role."""
        return allows(self.role, needed)

    async def person(self) -> User:
        """Return the person as the chat service knows them. Raises ChatServiceError."""
        return await self.parts.roles.person(self.sign_in.user)

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """Return a page, or a part of one."""
        known = {"visit": self, "user": self.sign_in.user, "role": self.role, "form_token": self.sign_in.form_token}
        more = {"path": self.request.url.path, "bots": self.parts.bots(), "pages": self._pages()}
        return rendered(template, status, **{**known, **more, **values})

    def _pages(self) -> list[tuple[str, str]]:
        """What stands in the menu of this person."""
        return [one for one in PAGES if one[0] not in OF_AGENTS or self.may("agent")]

    def back(self, to: str, said: str = "") -> Response:
        """Lead on to a page of ours after an act. `said` is shown there."""
        mark = "&" if "?" in to else "?"
        return RedirectResponse(f"{PATH}{to}{mark}said={quote(said)}" if said else f"{PATH}{to}", 303)


Handler = Callable[[Visit], Awaitable[Response]]
Act = Callable[[Visit], Awaitable[tuple[str, str]]]
"""Does something, and returns the page to go to and a sentence on what came of it. Raises FrameworkError."""


def page(parts: ConsoleParts, path: str, handler: Handler, *, needs: Role = "viewer", by_itself: bool = False) -> Route:
    """Return the route of a page that shows something. `by_itself`: pages ask for it while nobody does anything, so
    that it keeps no session alive.
    """

    async def serve(request: Request) -> Response:
        visit = await _visit(parts, request, needs, by_itself=by_itself)
        if isinstance(visit, Response):
            return visit
        try:
            return await handler(visit)
        except FrameworkError as error:
            return visit.page("trouble.html.j2", 503, error=error)

    return Route(path, serve, methods=["GET"])


def act(parts: ConsoleParts, path: str, handler: Act, *, name: str, needs: Role) -> Route:
    """Return the route of an act. It is in the audit log before it is done, and after it with what came of it."""

    async def serve(request: Request) -> Response:
        visit = await _visit(parts, request, needs)
        if isinstance(visit, Response):
            return visit
        try:
            return await _acted(visit, name, handler)
        except FrameworkError as error:
            return visit.page("trouble.html.j2", 409, error=error)

    return Route(path, serve, methods=["POST"])


async def _acted(visit: Visit, name: str, handler: Act) -> Response:
    sent = {key: value for key, value in visit.form.items() if key != "form_token"}
    arguments = "\n".join(f"{key}: {value}" for key, value in {**visit.request.path_params, **sent}.items())
    entry = Entry(
        at=visit.parts.timing.now().isoformat(timespec="milliseconds"),
        who=visit.sign_in.user,
        caller=None,
        channel=sent.get("channel") or None,
        acts_as=None,
        operation=f"console: {name}",
        arguments=arguments,
        outcome="started",
        detail=f"as {visit.role}",
    )
    audit, began = visit.parts.audit, visit.parts.timing.monotonic()
    number = await audit.begin(entry)

    def took() -> float:
        return (visit.parts.timing.monotonic() - began) * 1000

    try:
        to, said = await handler(visit)
    except FrameworkError as error:
        await audit.end(number, "refused", error.what, took())
        raise
    except Exception as error:
        await audit.end(number, "failed", type(error).__name__, took())
        raise
    await audit.end(number, "done", said, took())
    _log.info("console.act", by=visit.sign_in.user, act=name, audit=True)
    return visit.back(to, said)


async def _visit(parts: ConsoleParts, request: Request, needs: Role, *, by_itself: bool = False) -> Visit | Response:
    """The visit, or the answer to somebody who is not signed in, may not do it, or sent a form that is not ours."""
    cookie = request.cookies.get(cookie_name(request), "")
    try:
        sign_in = await parts.sign_ins.find(cookie, noted=not by_itself) if cookie else None
        role = await parts.roles.of(sign_in) if sign_in is not None else None
    except FrameworkError as error:
        return refused(503, "Who you are cannot be looked up just now.", error.what)
    if sign_in is None:
        answer = refused(401, "You are not signed in.", "")
        if by_itself:
            answer.headers["hx-redirect"] = f"{PATH}/sign-in"
        return answer
    if role is None:
        return refused(403, "You are not of the team.", f"{sign_in.user} is not in `team` of any bot that runs here.")
    form: Mapping[str, str] = {}
    if request.method == "POST":
        sent = await sent_form(request)
        if sent is None:
            return refused(413, "That was too much.", f"A form may have {MOST_BYTES // 1024} kB.")
        if not hmac.compare_digest(sent.get("form_token", "").encode(), sign_in.form_token.encode()):
            return refused(403, "This form is not of your session.", "Load the page again, and send it again.")
        form = sent
    if not allows(role, needs):
        return refused(403, "You may not do this.", f"It needs the role {needs}; yours is {role}.")
    return Visit(parts, request, sign_in, role, form)


async def sent_form(request: Request) -> dict[str, str] | None:
    """Return the fields of a form; None if it is too large. What is not a form has none."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return {}
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50))
    except ValueError:  # more fields than any form of ours has
        return None


def is_secure(request: Request) -> bool:
    """Whether people reach the console by TLS."""
    return str(request.scope.get("console_origin", "")).startswith("https://")


def cookie_name(request: Request) -> str:
    """Return the cookie's name. With TLS, browsers let no other host and no plain page set one of this name."""
    return "__Host-console" if is_secure(request) else "console"


def value_of(form: Mapping[str, Any], name: str, longest: int = 200) -> str:
    """Return a field of a form; empty if it is missing or too long."""
    value = str(form.get(name, ""))
    return value if len(value) <= longest else ""
