"""A person's word on one call: asked for at once where a person is there, or kept until somebody gives it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from framework.approvals import Approval, ApprovalStore, Decision, NotWaitingError, Request
from framework.approvals.sheet import lines
from framework.called import called_as
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.catalog.execution.principal import Principal

LIFETIME = timedelta(hours=1)
"""For so long an operation may be decided on, and executed once it was approved."""
AT_CLIENT = "the person at the client"


class ApprovalNeededError(FrameworkError):
    """A person has to approve this very call first."""


@dataclass(frozen=True, slots=True)
class Question:
    """One call that waits for a person. `shown` are its arguments for people to read, one a line, without secrets."""

    request: Request

    @property
    def who(self) -> str:
        """Who wants to execute it."""
        return self.request.scope

    @property
    def operation(self) -> str:
        """The operation's id."""
        return self.request.subject

    @property
    def arguments(self) -> str:
        """All arguments, one a line."""
        return "\n".join(f"  {line}" for line in self.request.shown) or "  (no arguments)"

    @property
    def fingerprint(self) -> str:
        """Of exactly this call: it changes with any argument, also one that is hidden."""
        return self.request.fingerprint

    def with_difference(self, difference: Sequence[str]) -> Question:
        """The same question, which also shows what a rehearsal changed. It is about the same call."""
        if not difference:
            return self
        told = ("rehearsed on a copy, this changed:", *(f"  {line}" for line in difference))
        return Question(replace(self.request, shown=(*self.request.shown, *told)))

    def __str__(self) -> str:
        behalf = f" for {self.request.asked_by}" if self.request.asked_by else ""
        return f"{self.who}{behalf} wants to execute {self.operation} with:\n{self.arguments}\n"


Ask = Callable[[Question], Awaitable[bool | None]]
"""Asks the person who is there: yes, no, or None where nobody can be asked."""
Difference = Callable[[], Awaitable[Sequence[str]]]
"""Tells what a call would change, in lines; none where that cannot be tried."""


def question_of(
    who: Principal, operation: str, arguments: dict[str, Any], acts_as: str, redact: Callable[[str], str]
) -> Question:
    """A question about exactly this call: by this principal, here, as this user, with these arguments."""
    shown = (f"as: {acts_as}", *map(redact, lines(arguments)))
    request = Request(
        kind="operation",
        scope=who.name,
        subject=operation,
        content={"arguments": arguments, "acts_as": acts_as},
        shown=shown,
        lifetime=LIFETIME,
        asked_by=who.caller or "",
        channel=who.channel or "",
        on_card=False,
    )
    return Question(request)


def question_of_plan(
    who: Principal, steps: Sequence[tuple[str, dict[str, Any], str]], redact: Callable[[str], str]
) -> Question:
    """A question about exactly this plan. A step is an operation, its arguments with references in place of what is not
    known yet, and as whom it acts.
    """
    shown: list[str] = []
    for number, (operation, arguments, acts_as) in enumerate(steps, 1):
        shown += [f"step {number}: {operation}, as: {acts_as}", *(f"  {redact(line)}" for line in lines(arguments))]
    request = Request(
        kind="operation",
        scope=who.name,
        subject=f"a plan of {len(steps)} steps",
        content={"steps": [list(step) for step in steps]},
        shown=tuple(shown),
        lifetime=LIFETIME,
        asked_by=who.caller or "",
        channel=who.channel or "",
        on_card=False,
    )
    return Question(request)


class OperationApprovals:
    """Questions and answers about operations, in the store of approvals. An answer counts for one call."""

    def __init__(self, store: ApprovalStore) -> None:
        self.store = store

    async def require(self, question: Question, ask: Ask | None, difference: Difference | None = None) -> str:
        """Return who approved. Raises ApprovalNeededError where nobody has (yet), or somebody said no.

        `difference` tells in lines what the call would change; it is asked only if a person has to decide now.
        """
        taken = await self.store.claim_same("operation", question.fingerprint)
        if taken is not None and taken.decision is not None:
            return taken.decision.by
        if difference is not None:
            question = question.with_difference(await difference())
        answer = await ask(question) if ask else None
        if answer:
            return AT_CLIENT
        if answer is False:
            raise ApprovalNeededError(f"{question.operation} was not executed: the person said no.")
        number = (await self.store.ask(question.request)).number
        raise ApprovalNeededError(
            f"{question.operation} was not executed: it waits for a person's approval, number {number}.",
            hint=f"A person runs `{called_as()} ops approve {number}`; then make exactly the same call again.",
        )

    async def waiting(self) -> Sequence[Approval]:
        """The questions that wait, oldest first."""
        return [one for one in await self.store.waiting(kind="operation") if await self.store.expire(one.id) is None]

    async def decide(self, number: str, *, approve: bool, by: str) -> Approval:
        """Answer a question. Raises FrameworkError where none of that number waits."""
        found = await self.store.numbered(number)
        unknown = FrameworkError(f"No call waits under the number {number!r}.", hint="`ops approvals` lists them.")
        if found is None:
            raise unknown
        if found.request.kind != "operation":
            raise FrameworkError(
                f"Number {found.number} is a {found.request.kind} of {found.request.scope}: its team decides on it.",
                hint="Reply to it in the channel where it is shown.",
            )
        try:
            return await self.store.decide(found.id, Decision(approve, by, how="ops approve"))
        except NotWaitingError:
            raise unknown from None
