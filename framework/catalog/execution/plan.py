"""A plan: several operations in order, whose arguments may refer to the answers of earlier ones (`$1.channel.cid`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from framework.catalog.answers import UnknownFieldError, fields_of, kind_at
from framework.catalog.execution.forms import is_deep
from framework.catalog.execution.pending import PendingValue
from framework.catalog.execution.preparation import OperationCall
from framework.catalog.execution.references import ANSWER, StepReference, filled, references, replaced
from framework.catalog.values import Json
from framework.errors import FrameworkError

MOST_STEPS = 20
_NAMES = {
    "operation_id": ("operation_id", "operation", "id"),
    "arguments": ("arguments", "args"),
    "as_user": ("as_user",),
    "for": ("for", "missing", "note", "step"),
}
"""Names that a step may have. What a drafted plan says for people is left alone."""
_EXAMPLE = (
    '[{"operation_id": "CreatePoll", "arguments": {"name": "Lunch?"}}, '
    '{"operation_id": "GetPoll", "arguments": {"poll_id": "$1.poll.id"}}]'
)


class PlanError(FrameworkError):
    """A plan cannot be executed as it stands. Nothing was executed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls in order; step 1 is the first."""

    steps: tuple[OperationCall, ...]

    def waiting(self, number: int) -> OperationCall:
        """The step with a `PendingValue` in place of each reference. Raises PlanError for a reference to no earlier
        step, and for one to a field that no answer of that step can have.
        """

        def part(text: str) -> Json:
            own = list(references(text))
            for reference in own:
                self._kind(number, reference)
            return PendingValue(text, "string") if own else filled(text, _nothing)

        call = self.steps[number - 1]
        given = replaced(call.arguments, lambda whole: PendingValue(whole.text, self._kind(number, whole)), part)
        return replace(call, arguments=given)

    def filled(self, number: int, answers: Mapping[int, Json]) -> OperationCall:
        """The step with the values that its references stand for. Raises FrameworkError for one that is missing."""

        def value_of(reference: StepReference) -> Json:
            return reference.of(answers[reference.step])

        call = self.steps[number - 1]
        return replace(call, arguments=replaced(call.arguments, value_of, lambda text: filled(text, value_of)))

    def rest(self, first: int, answers: Mapping[int, Json]) -> list[dict[str, Any]]:
        """The steps from a number on, as a plan of their own: what is known is filled in, the others are renumbered."""

        def moved(reference: StepReference) -> Json:
            if reference.step < first:
                return reference.of(answers[reference.step])
            return reference.text.replace(str(reference.step), str(reference.step - first + 1), 1)

        left = []
        for call in self.steps[first - 1 :]:
            given = replaced(call.arguments, moved, lambda text: filled(text, moved))
            left.append(_as_json(call.operation_id, given, call.as_user))
        return left

    def has_references(self, number: int) -> bool:
        """Whether a step needs the answer of another one."""
        return any(True for _ in references(self.steps[number - 1].arguments))

    def _kind(self, number: int, reference: StepReference) -> str:
        if not 1 <= reference.step <= len(self.steps):
            raise PlanError(f"{reference.text}: there is no step {reference.step}.")
        if reference.step >= number:
            raise PlanError(f"{reference.text}: step {reference.step} is not executed before this one.")
        operation = self.steps[reference.step - 1].operation_id
        path = reference.path
        if path[0] == ANSWER and ANSWER not in fields_of(operation):
            path = path[1:]
        try:
            return kind_at(operation, path)
        except UnknownFieldError as error:
            raise PlanError(f"{reference.text}: of {operation}, {error.what}", hint=error.hint) from None


def read_plan(value: Json) -> Plan:
    """A plan from JSON: a list of objects with operation_id, arguments and perhaps as_user, or that list as text.

    Raises PlanError.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            raise PlanError("The steps are not JSON.", hint=f"For example {_EXAMPLE}") from None
    if isinstance(value, dict) and set(value) == {"steps"}:
        value = value["steps"]
    if not isinstance(value, list) or not value:
        raise PlanError("`steps` must be a list of operations.", hint=f"For example {_EXAMPLE}")
    if len(value) > MOST_STEPS:
        raise PlanError(f"A plan has at most {MOST_STEPS} steps; this one has {len(value)}.", hint="Make two of it.")
    return Plan(tuple(_step(number, item) for number, item in enumerate(value, 1)))


def _step(number: int, item: Json) -> OperationCall:
    if not isinstance(item, dict):
        raise PlanError(f"Step {number} must be an object.", hint=f"For example {_EXAMPLE}")
    known = {name for names in _NAMES.values() for name in names}
    unknown = sorted(str(name) for name in item if name not in known)
    if unknown:
        raise PlanError(
            f"Step {number} has {unknown[0]!r}, which no step has.",
            hint="A step has operation_id, arguments and as_user; what the operation takes stands in `arguments`.",
        )
    given = {own: next((item[name] for name in names if name in item), None) for own, names in _NAMES.items()}
    operation_id, arguments, as_user = given["operation_id"], given["arguments"] or {}, given["as_user"] or None
    if not isinstance(operation_id, str) or not operation_id:
        raise PlanError(f"Step {number} names no operation.", hint="Put its id under operation_id, as in SendMessage.")
    if not isinstance(arguments, dict):
        raise PlanError(f"Step {number}: `arguments` must be an object.")
    if is_deep(arguments):
        raise PlanError(f"Step {number}: the arguments are nested too deeply. No operation takes that.")
    if as_user is not None and not isinstance(as_user, str):
        raise PlanError(f"Step {number}: as_user must be a user's id.")
    if as_user is not None and any(True for _ in references(as_user)):
        raise PlanError(f"Step {number}: as_user must be known before; it cannot refer to an answer.")
    return OperationCall(operation_id, arguments, as_user)


def _as_json(operation_id: str, arguments: dict[str, Any], as_user: str | None) -> dict[str, Any]:
    step: dict[str, Any] = {"operation_id": operation_id, "arguments": arguments}
    return step | ({"as_user": as_user} if as_user else {})


def _nothing(reference: StepReference) -> Json:
    raise PlanError(f"{reference.text}: nothing is known of it.")
