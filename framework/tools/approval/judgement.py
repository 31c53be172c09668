"""Decide whether a person has to approve a call, by the condition of its rule and the arguments of the call."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import structlog
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import BaseModel, ValidationError

from framework.catalog.execution.arguments import fits
from framework.definition.expressions.approval_conditions import FUNCTIONS, SUMS, Condition, Sum
from framework.tools.approval.sums import Amount
from framework.values import Untyped

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

_log = structlog.get_logger(__name__)

_CONDITIONS = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_CONDITIONS.globals = dict(FUNCTIONS)
_UNTOLD = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError)


def _never(_: Mapping[str, float]) -> bool:
    return False


@dataclass(frozen=True)
class Judgement:
    """Whether a person has to be asked.

    `asks`: yes, whatever the sums are. Otherwise `asks_with` decides, given the sums with this call included. `amounts`
    are what this call adds to the sums.
    """

    asks: bool
    amounts: tuple[Amount, ...] = ()
    asks_with: Callable[[Mapping[str, float]], bool] = _never


def judgement_of(
    condition: Condition, tool: BaseTool, arguments: Mapping[str, Any], names: Mapping[str, Any]
) -> Judgement:
    """Judge a call. A person is asked for arguments that the tool does not take, and for numbers that are not finite.

    A negative number is judged as it is and by its absolute value: -5000 is above a bound of 100 as well.
    """
    taken = judged(tool, arguments)
    if taken is None or not _is_finite(taken):
        _log.warning("approval.condition_failed", tool=tool.name)
        return Judgement(asks=True)
    try:
        amounts = tuple(Amount(one, _size_of(one, taken)) for one in condition.sums)
        met = _CONDITIONS.compile_expression(condition.expression, undefined_to_none=False)
    except _UNTOLD as error:
        _log.warning("approval.condition_failed", tool=tool.name, error=str(error)[:200])
        return Judgement(asks=True)

    def asks_with(sums: Mapping[str, float]) -> bool:
        try:
            told = [dict(taken), dict(_sizes(taken))] if _sizes(taken) != taken else [dict(taken)]
            return any(bool(met(args=args, **{SUMS: dict(sums)}, **names)) for args in told) or not _is_finite(sums)
        except _UNTOLD as error:
            reason = str(error)[:200]
            _log.warning("approval.condition_failed", tool=tool.name, error=reason)
            return True

    return Judgement(asks_with({one.sum.name: one.value for one in amounts}), amounts, asks_with)


def _size_of(one: Sum, arguments: Mapping[str, Any]) -> float:
    """Return what a call adds to a sum. Raises TypeError and others if there is no number."""
    value: Any = arguments
    for name in one.path:
        value = value[name]
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(f"{one.name}: not a number")
    size = abs(float(value))
    if not math.isfinite(size):
        raise ValueError(f"{one.name}: not finite")
    return size


def _is_finite(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(_is_finite(item) for item in value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_finite, value))
    return not isinstance(value, float | Decimal) or math.isfinite(value)


def _sizes(value: Untyped) -> Untyped:
    """Return the value with every number as its absolute value."""
    if isinstance(value, Mapping):
        return {name: _sizes(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_sizes(item) for item in value]
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return abs(value) if is_number and value < 0 else value


def judged(tool: BaseTool, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the arguments as the tool's function gets them; None if the schema refuses them.

    "7000" for a number is 7000, `true` for a number is 1. The schema of a tool of an MCP server converts nothing: there
    a value of another type than declared is refused.
    """
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return dict(arguments) if fits(schema, arguments) else None
    if not issubclass(schema, BaseModel):
        return None
    try:
        taken = schema.model_validate(dict(arguments))
    except (ValidationError, ArithmeticError, RecursionError):
        return None
    return taken.model_dump()


def shown_arguments(tool: BaseTool, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments to show to people: as the tool gets them, and those that it does not take."""
    return {**arguments, **(judged(tool, arguments) or {})}
