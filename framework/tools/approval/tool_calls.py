"""Tool calls that wait for approval: recorded, looked up, claimed and finished."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from framework.approvals import Approval, ApprovalStore, Request
from framework.approvals.approval import fingerprint
from framework.approvals.sheet import lines
from framework.errors import EngineError, FrameworkError, ToolError
from framework.tools.approval.sums import Payer, SumBook

if TYPE_CHECKING:
    from framework.tools.context import ToolContext


LONGEST = 60_000
"""Characters of arguments that people are shown. Nothing is cut: a longer call is refused."""


class ToolApprovals:
    """The tool calls of one bot in the store of approvals."""

    def __init__(self, bot: str, store: ApprovalStore, lifetime: timedelta) -> None:
        """`lifetime`: how long a call may be decided on."""
        self._bot = bot
        self._store = store
        self.sums = SumBook(store.storage, now=store.now)
        self._lifetime = lifetime

    async def ask(
        self, tool: str, arguments: Mapping[str, Any], context: ToolContext, *, judged: Mapping[str, Any] | None = None
    ) -> Approval:
        """Record a call; the same call of the same turn is recorded once. `context.key` is the call's own.

        `judged` are the arguments as the tool takes them, with its defaults: these are shown to people. Raises
        EngineError if the database cannot be used, ToolError if the arguments cannot be shown to a person in full.
        """
        shown = lines(arguments if judged is None else judged)
        if sum(map(len, shown)) > LONGEST:
            raise ToolError(
                f"The arguments of {tool} are too long for a person to read before they approve it.",
                hint=f"Shorten them to less than {LONGEST} characters.",
            )
        request = Request(
            kind="tool",
            scope=self._bot,
            subject=tool,
            content=dict(arguments),
            shown=shown,
            lifetime=self._lifetime,
            asked_by=context.user_id,
            asked_name=context.user_name,
            channel=context.channel,
            key=context.key,
            about={"roles": list(context.roles)},
        )
        try:
            return await self._store.ask(request)
        except EngineError:
            raise
        except FrameworkError as error:
            raise ToolError(error.what, hint=error.hint) from None

    def payer(self, tool: str, user_id: str) -> Payer:
        """Return whose sums a call adds to."""
        return Payer(self._bot, tool, user_id)

    async def get(self, id_: str) -> Approval:
        """Return a call by its id, in any state. Raises NotWaitingError if it is not a call of this bot."""
        return await self._store.get(id_)

    async def claim(self, approval: Approval, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Return whether the caller may run an approved call: true once, for the first caller of all processes.

        Raises FrameworkError if `tool` and `arguments`, which are about to run, are not what was approved.
        """
        request = approval.request
        exact = fingerprint("tool", self._bot, tool, dict(arguments), request.asked_by, request.channel)
        return await self._store.claim(approval.id, exact)

    async def finish(self, id_: str, result: str) -> None:
        """Record the result of a claimed call."""
        await self._store.finish(id_, result)


def roles_of(approval: Approval) -> tuple[str, ...]:
    """Return the roles of the person for whom the call was requested, as they were then."""
    return tuple(str(role) for role in approval.request.about.get("roles", ()))
