"""Work of the framework's own that takes the rights of operations: checked, approved and logged as they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from framework.catalog.execution.approvals import question_of
from framework.catalog.execution.preparation import OperationCall

if TYPE_CHECKING:
    from framework.catalog.execution.approvals import Ask
    from framework.catalog.execution.executor import Executor
    from framework.catalog.execution.policy import Policy


@dataclass(frozen=True, slots=True)
class Work:
    """What somebody wants done. `operations` are the ids whose rights it takes; the audit log and the person who
    approves see the last one. `arguments` say exactly what is done. `user_id` is the user in whose name.
    """

    operations: tuple[str, ...]
    arguments: dict[str, Any]
    user_id: str
    do: Callable[[], Awaitable[dict[str, Any]]]


async def carry_out(executor: Executor, policy: Policy, work: Work, ask: Ask | None = None) -> dict[str, Any]:
    """Do the work if the policy allows each of its operations and, where it is needed, a person approves.

    Raises NotAllowedError or ApprovalNeededError, or what the work raises; each is in the audit log by then.
    """
    call = OperationCall(work.operations[-1], work.arguments)
    async with executor.noting(policy, call):
        acts_as = _check(executor, policy, work)
        approved_by = await _approve(executor, policy, work, acts_as, ask)
    return await executor.log_work(policy, call, work.do, acts_as, approved_by)


async def check_rights(executor: Executor, policy: Policy, operations: tuple[str, ...], asked: dict[str, Any]) -> None:
    """Raise NotAllowedError, which the audit log has, before anything is read for somebody who may not do it."""
    async with executor.noting(policy, OperationCall(operations[-1], asked)):
        _check_operations(executor, policy, operations)


def _check_operations(executor: Executor, policy: Policy, operations: tuple[str, ...]) -> None:
    for operation in map(executor.catalog.operation, operations):
        policy.check_operation(operation)
        policy.check_anywhere(operation)


def _check(executor: Executor, policy: Policy, work: Work) -> str:
    """Return as whom it is done. Raises NotAllowedError."""
    _check_operations(executor, policy, work.operations)
    actor = policy.actor(None if policy.permits_app else work.user_id)
    return actor.user_id or "app"


async def _approve(executor: Executor, policy: Policy, work: Work, acts_as: str, ask: Ask | None) -> str:
    """Return who approved; empty where nobody has to."""
    operations = map(executor.catalog.operation, work.operations)
    if not any(policy.needs_approval(operation) for operation in operations):
        return ""
    question = question_of(policy.who, work.operations[-1], work.arguments, acts_as, executor.broker.redact)
    return await executor.approvals.require(question, ask)
