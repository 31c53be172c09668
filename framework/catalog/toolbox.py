"""What an agent or a client is given: search, load, execute, list, in answers that fit into a context window."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from framework.catalog.draft import draft_of
from framework.catalog.execution.plan import read_plan
from framework.catalog.execution.plan_executor import PlanExecutor, PlanOptions
from framework.catalog.execution.preparation import OperationCall
from framework.catalog.execution.rehearsal import NoRehearsalError
from framework.catalog.page import page_of, part_of
from framework.catalog.pager import LARGEST, ResultPager
from framework.errors import ChatServiceError, FrameworkError

if TYPE_CHECKING:
    from framework.catalog.catalog import Catalog
    from framework.catalog.execution.approvals import Ask
    from framework.catalog.execution.executor import Executed, Executor
    from framework.catalog.execution.plan_executor import PlanResult, Screen, StoppedPlan
    from framework.catalog.execution.policy import Policy
    from framework.catalog.operation import Operation
    from framework.catalog.search.search import OperationSearch

LONGEST_INTENT = 2_000
"""Characters of what is wanted that are read: operations are named in a sentence."""


ROOM_OF_PLAN = 5_000
"""Characters that the answers of all steps of a plan share."""
LEAST_OF_STEP = 600
"""Characters that the answer of each step may take."""


class PlanStoppedError(FrameworkError):
    """A step of a plan failed. `record` says what was done, how to take that back, and what is left to do."""

    def __init__(self, record: dict[str, Any]) -> None:
        super().__init__(json.dumps(record, ensure_ascii=False, default=str))
        self.record = record


class Toolbox:
    """The tools, for any number of principals: each call brings its policy."""

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self.catalog = catalog
        self.executor = executor
        self._plans = PlanExecutor(executor)
        self._pager = ResultPager()

    @cached_property
    def _search(self) -> OperationSearch:
        from framework.catalog.search.factory import open_search

        return open_search(self.catalog)

    def warm(self) -> None:
        """Do what the first search would wait for."""
        self._search.warm()

    def search(self, policy: Policy, intent: str, limit: int = 5) -> dict[str, Any]:
        """The operations that do what is wanted, or why there is none. Under 1,000 tokens for five.

        Where several things are wanted, `plan` holds a step for each, in order.
        """
        result = self._search.search(intent[:LONGEST_INTENT], max(1, min(limit, 20)))
        if result.status == "no_operation":
            return {"status": result.status, "reason": result.reason, "hint": result.hint}
        hits = [
            {"id": hit.id, "score": round(hit.score, 2), "summary": hit.summary, "not_this": hit.not_this}
            | ({} if policy.permits(self.catalog.operation(hit.id)) else {"allowed": False})
            for hit in result.hits
        ]
        found: dict[str, Any] = {"status": result.status, "hits": hits}
        if result.steps:
            found["plan"] = draft_of([(step.words, self.catalog.operation(step.hit.id)) for step in result.steps])
        return found

    def load(self, operation_id: str, model: str | None = None) -> dict[str, Any]:
        """What an operation does and takes, or one of its models whole (`arguments`: all arguments).

        Raises FrameworkError for an unknown one.
        """
        operation = self.catalog.operation(operation_id)
        return page_of(self.catalog, operation) if model is None else part_of(self.catalog, operation, model)

    def list(self, policy: Policy, group: str | None = None) -> str:
        """The ids of all operations by group, or those of one group with what they do."""
        groups: dict[str, list[Operation]] = {}
        for operation in self.catalog:
            groups.setdefault(operation.group, []).append(operation)
        if group is None:
            return "\n".join(f"{name}: {', '.join(o.id for o in found)}" for name, found in sorted(groups.items()))
        if group not in groups:
            raise FrameworkError(f"There is no group {group!r}.", hint=f"One of {', '.join(sorted(groups))}.")
        return "\n".join(
            f"{o.id} ({o.effect}{'' if policy.permits(o) else ', not allowed here'}): {o.profile.summary}"
            for o in groups[group]
        )

    async def execute(
        self, policy: Policy, operation_id: str, arguments: object = None, as_user: str | None = None, *,
        more: str | None = None, ask: Ask | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Execute an operation, or read the rest of an earlier result where `more` is given.

        Raises FrameworkError, whose words are meant for whoever asked.
        """
        if more:
            return self._pager.more(policy.holder, more, self.executor.broker.redact)
        call = OperationCall(operation_id, _read(arguments), as_user or None)
        return self._shown(policy, await self.executor.execute(policy, call, ask=ask))

    async def execute_plan(
        self, policy: Policy, steps: object, *, ask: Ask | None = None, screen: Screen | None = None
    ) -> dict[str, Any]:
        """Execute several operations in order: objects with operation_id, arguments and as_user, whose arguments may
        refer to answers of earlier steps, as in `$1.channel.cid`.

        Raises PlanStoppedError if a step failed after the plan was begun, and FrameworkError if nothing was executed.
        """
        result = await self._plans.execute(policy, read_plan(steps), PlanOptions(ask, screen))
        done = self._shown_steps(policy, result)
        if result.stopped is not None:
            raise PlanStoppedError(_stopped(result.stopped, done))
        return {"status": "ok", "steps": done}

    async def rehearse_plan(self, policy: Policy, steps: object) -> dict[str, Any]:
        """Execute a plan on a copy of everything and tell what it would change. Raises NoRehearsalError where the chat
        service keeps no copies, and FrameworkError for a plan that cannot be executed.
        """
        if self.executor.rehearsal is None:
            raise NoRehearsalError("Stream keeps no copies to rehearse on.", hint="Rehearse on the sandbox.")
        done = await self.executor.rehearsal.rehearse(policy, read_plan(steps))
        shown = self._shown_steps(policy, done.result)
        stopped = done.result.stopped
        told = _stopped(stopped, shown) if stopped is not None else {"status": "rehearsed", "steps": shown}
        told.pop("to_undo_it", None)  # nothing is to be undone
        return told | {"difference": list(map(self.executor.broker.redact, done.lines))}

    def _shown_steps(self, policy: Policy, result: PlanResult) -> Sequence[dict[str, Any]]:
        room = max(ROOM_OF_PLAN // max(len(result.done), 1), LEAST_OF_STEP)
        return [{"step": number, **self._shown(policy, one, room)} for number, one in enumerate(result.done, 1)]

    def _shown(self, policy: Policy, done: Executed, room: int = LARGEST) -> dict[str, Any]:
        shown = self._pager.present(policy.holder, done.body, self.executor.broker.redact, room)
        status = unseen(done.body)
        told: dict[str, Any] = {"status": "not shown", "note": status} if status else {"status": "ok"}
        return {**told, "operation": done.operation.id, "as": done.acts_as or "the app", **shown}

    async def issue_user_token(self, policy: Policy, user_id: str, ttl_seconds: float | None = None) -> dict[str, Any]:
        """The right to act as a user, as a handle. Raises NotAllowedError unless the policy names the user."""
        return await self.executor.issue_token(policy, user_id, ttl_seconds)

    async def close(self) -> None:
        """Close all connections."""
        await self.executor.close()


def _stopped(stopped: StoppedPlan, done: Sequence[dict[str, Any]]) -> dict[str, Any]:
    error = stopped.error
    unknown = isinstance(error, ChatServiceError) and error.status is None and "may have happened" in error.what
    record = {
        "status": "stopped",
        "failed": {"step": stopped.step, "operation": stopped.operation_id, "problem": error.what, "hint": error.hint},
        "may_have_happened": unknown,
        "done": done,
        "to_undo_it": stopped.undo,
        "not_done": stopped.rest,
    }
    return {key: value for key, value in record.items() if value not in ([], False)}


def unseen(body: dict[str, Any]) -> str:
    """Why nobody sees the message that was sent or changed, for people; "" where they do."""
    message = body.get("message")
    if not isinstance(message, dict):
        return ""
    moderation = message.get("moderation")
    action = moderation.get("action") if isinstance(moderation, dict) else None
    if message.get("type") == "error":
        kind = "bounced: its author may change and send it again" if action == "bounce" else "blocked"
        return f"Nobody sees this message, and it is not kept: it was {kind}. Moderation of the channel decided so."
    if message.get("shadowed"):
        return "Only its author sees this message: it was shadow blocked, or its author is shadow banned."
    return ""


def _read(arguments: object) -> dict[str, Any]:
    """Arguments as an object; some models write it as text."""
    value = arguments
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except json.JSONDecodeError:
            value = "no JSON"
        except RecursionError:
            raise FrameworkError("`arguments` are nested too deeply.", hint="No operation takes that.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FrameworkError('`arguments` must be an object, such as {"id": "support-123"}.')
    return value
