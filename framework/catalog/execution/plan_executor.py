"""Executes plans: all steps are checked and approved before the first one, and the first failure ends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from framework.approvals.sheet import hidden
from framework.catalog.execution.approvals import question_of_plan
from framework.catalog.execution.pending import PendingValue
from framework.catalog.execution.plan import PlanError
from framework.catalog.execution.preparation import PreparedCall, without_own_id
from framework.catalog.execution.undo import inverse_of
from framework.catalog.values import Json
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.catalog.execution.approvals import Ask
    from framework.catalog.execution.executor import Executed, Executor
    from framework.catalog.execution.plan import Plan
    from framework.catalog.execution.policy import Policy
    from framework.catalog.execution.preparation import OperationCall

Screen = Callable[[str, Mapping[str, Any]], dict[str, Any]]
"""Returns the arguments of an operation as they may be sent. Raises FrameworkError for what may not be sent."""


@dataclass(frozen=True, slots=True)
class StoppedPlan:
    """Why a plan ended before its end. `step` failed; `undo` are steps that take back what was done, the last first;
    `rest` is what was not done, as a plan that can be executed.
    """

    step: int
    operation_id: str
    error: FrameworkError
    undo: list[dict[str, Any]]
    rest: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The steps that were done, in order, and why the others were not."""

    done: tuple[Executed, ...]
    stopped: StoppedPlan | None = None


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """`ask` asks the person who is there. `screen` looks at what a bot would post."""

    ask: Ask | None = None
    screen: Screen | None = None


class PlanExecutor:
    """Executes plans for every principal of a process."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def execute(self, policy: Policy, plan: Plan, options: PlanOptions) -> PlanResult:
        """Execute the steps in order until one fails.

        Raises PlanError if any step cannot be executed as it stands, and ApprovalNeededError; then nothing was
        executed.
        """
        checked = await self._check(policy, plan, options.screen)
        approved_by = await self._approve(policy, plan, checked, options)
        done: list[Executed] = []
        answers: dict[int, Json] = {}
        for number, prepared in enumerate(checked, 1):
            try:
                call = await self._filled(policy, plan, number, answers, options.screen)
                covered = _covered(prepared, approved_by)
                part = _part(number, plan)
                done.append(await self._executor.execute_step(policy, call, options.ask, covered, part))
            except FrameworkError as error:
                return PlanResult(tuple(done), self._stopped(plan, number, error, done, answers))
            # A secret in an answer is not for other places.
            answers[number] = hidden(done[-1].body)
        return PlanResult(tuple(done))

    async def close(self) -> None:
        """Close all connections."""
        await self._executor.close()

    async def _check(self, policy: Policy, plan: Plan, screen: Screen | None) -> list[PreparedCall]:
        """Every step as far as it is known. Raises PlanError that names all that is wrong."""
        checked: list[PreparedCall] = []
        wrong: list[str] = []
        hints: list[str] = []
        for number, call in enumerate(plan.steps, 1):
            try:
                async with self._executor.noting(policy, call, _part(number, plan)):
                    complete = not plan.has_references(number)
                    waiting = plan.waiting(number)
                    if complete and screen is not None:
                        waiting = replace(waiting, arguments=screen(call.operation_id, waiting.arguments))
                    checked.append(await self._executor.prepare(policy, waiting, complete=complete))
            except FrameworkError as error:
                wrong.append(f"Step {number}, {call.operation_id}: {error.what}")
                hints += [error.hint] if error.hint and error.hint not in hints else []
        if wrong:
            raise PlanError("Nothing was executed. " + "\n".join(wrong), hint="\n  ".join(hints) or None)
        return checked

    async def _approve(self, policy: Policy, plan: Plan, checked: list[PreparedCall], options: PlanOptions) -> str:
        """Return who approved the whole plan; "" where nobody has to."""
        if not any(policy.needs_approval(one.operation, one.effects) for one in checked):
            return ""
        steps = [(one.operation.id, _as_text(without_own_id(one)), one.acts_as or "app") for one in checked]
        question = question_of_plan(policy.who, steps, self._executor.broker.redact)
        try:
            return await self._executor.require(policy, plan, question, options.ask)
        except FrameworkError as error:
            for number, call in enumerate(plan.steps, 1):
                await self._executor.note(policy, call, error, _part(number, plan))
            raise

    async def _filled(
        self, policy: Policy, plan: Plan, number: int, answers: Mapping[int, Json], screen: Screen | None
    ) -> OperationCall:
        """A step with the values of its references, as it may be sent."""
        async with self._executor.noting(policy, plan.steps[number - 1], _part(number, plan)):
            call = plan.filled(number, answers)
            return call if screen is None else replace(call, arguments=screen(call.operation_id, call.arguments))

    def _stopped(
        self, plan: Plan, number: int, error: FrameworkError, done: list[Executed], answers: Mapping[int, Json]
    ) -> StoppedPlan:
        undo = [step for one in reversed(done) if (step := self._inverse(one)) is not None]
        return StoppedPlan(number, plan.steps[number - 1].operation_id, error, undo, plan.rest(number, answers))

    def _inverse(self, one: Executed) -> dict[str, Any] | None:
        """The step that takes another one back, without secrets."""
        step = inverse_of(self._executor.catalog, one.operation, one.arguments, one.body)
        if step is None:
            return None
        shown = hidden(step)
        own: dict[str, Any] = shown if isinstance(shown, dict) else {}
        return own | ({"as_user": one.token_of} if one.token_of else {})


def _covered(checked: PreparedCall, approved_by: str) -> Callable[[PreparedCall], str]:
    """An approval of the plan is one of the step, unless its arguments made it another kind of call."""
    return lambda ready: approved_by if set(ready.effects) <= set(checked.effects) else ""


def _part(number: int, plan: Plan) -> str:
    return f"step {number} of {len(plan.steps)}; "


def _as_text(arguments: Json) -> Json:
    """Arguments with references in place of the values that they stand for."""
    if isinstance(arguments, PendingValue):
        return arguments.text
    if isinstance(arguments, list):
        return [_as_text(item) for item in arguments]
    return {key: _as_text(item) for key, item in arguments.items()} if isinstance(arguments, dict) else arguments
