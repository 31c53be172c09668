"""What waits for the team's word: drafts to send, edit or drop, and tool calls and operations to approve or deny."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import Route

from framework.approvals import Approval, ApprovalStore, Decision
from framework.console.deciding import NotAllowedError, reviews_of
from framework.console.parts import ConsoleParts
from framework.console.visit import Visit, act, page, value_of
from framework.errors import UsageError
from framework.runtime.review.record import outcome_of
from framework.runtime.review.service import Said
from framework.runtime.team.words import Word

LONGEST_DRAFT = 40_000
HOW = "the console"


def routes(parts: ConsoleParts) -> Sequence[Route]:
    """Return the routes of this page."""
    return [
        page(parts, "/reviews", _waiting),
        act(parts, "/reviews/decide", _decide, name="decide", needs="agent"),
        act(parts, "/reviews/operation", _operation, name="decide on an operation", needs="admin"),
    ]


async def _waiting(visit: Visit) -> Response:
    parts = visit.parts
    found = {one.id: one for store in _stores(parts) for one in await store.waiting()}
    now = parts.timing.now()
    waiting = [one for one in found.values() if one.expires_at > now]
    return visit.page("reviews.html.j2", waiting=waiting, now=now)


def _stores(parts: ConsoleParts) -> Sequence[ApprovalStore]:
    """The bots' stores, each database once; the console's own for a process without bots."""
    stores = [bot.approvals for bot in parts.bots() if bot.approvals is not None]
    return stores[:1] or [ApprovalStore(parts.storage, now=parts.timing.now)]


async def _asked(visit: Visit) -> Approval:
    id_ = value_of(visit.form, "id")
    for store in _stores(visit.parts):
        return await store.get(id_)
    raise UsageError("Nothing waits here.")


async def _decide(visit: Visit) -> tuple[str, str]:
    approval = await _asked(visit)
    bot = visit.parts.bot(approval.request.scope)
    reviews = reviews_of(visit.parts, bot) if bot is not None else None
    if reviews is None or approval.request.kind == "operation":
        raise UsageError(f"{approval.request.scope} does not run here.", hint="Decide in its channel.")
    if approval.state != "waiting":
        raise UsageError(f"Number {approval.number} was decided: {outcome_of(approval)}.", hint="Load the page again.")
    word, user = _word(visit), await visit.person()
    said = await reviews.decide(approval, Said(word, user, HOW, f"console-{approval.id}"))
    after = await reviews.store.get(approval.id)
    if after.decision is None or after.decision.by != user.id or after.decision.how != HOW:
        raise NotAllowedError(f"Nothing was decided: {said}.", hint="`team` in bot.yaml says who may decide.")
    return "/reviews", f"Number {after.number}: {outcome_of(after)}."


def _word(visit: Visit) -> Word:
    kind, text = value_of(visit.form, "word"), visit.form.get("text", "").strip()
    match kind:
        case "yes":
            return Word("yes")
        case "no":
            return Word("no")
        case "edit" if 0 < len(text) <= LONGEST_DRAFT:
            return Word("edit", text.replace("\r\n", "\n"))
    raise UsageError("There is nothing to send.", hint="Write a text, or drop the draft.")


async def _operation(visit: Visit) -> tuple[str, str]:
    """Operations have no channel: whoever administers decides, as by `ops approve`."""
    approval = await _asked(visit)
    if approval.request.kind != "operation":
        raise UsageError("That is not an operation.")
    yes = value_of(visit.form, "word") == "yes"
    user = visit.sign_in.user
    if yes and user in {approval.request.asked_by, approval.request.scope}:
        raise NotAllowedError("Who asked for it cannot approve it.", hint="Ask somebody else of the team.")
    store = _stores(visit.parts)[0]
    await store.decide(approval.id, Decision(yes, user, how=HOW, key=f"console-{approval.id}"))
    return "/reviews", f"Number {approval.number}: {'approved' if yes else 'denied'}."
