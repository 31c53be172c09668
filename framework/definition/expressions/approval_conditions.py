"""Conditions of `approval`: Jinja expressions, which may contain sums over time: `args.amount per day > 100`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

CONDITION_NAMES = frozenset({"args", "user", "channel"})
"""The variables of a condition."""
FUNCTIONS: Mapping[str, Callable[..., Any]] = {"abs": abs, "len": len, "max": max, "min": min, "round": round}
"""The functions of a condition."""
PERIODS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
SUMS = "sums"
"""The variable that holds the sums."""
_PATH = r"args((?:\.[A-Za-z_]\w*)+)"
_SUM = re.compile(rf"\b(?:abs\(\s*{_PATH}\s*\)|{_PATH})\s+per\s+({'|'.join(PERIODS)})\b")


@dataclass(frozen=True)
class Sum:
    """An argument (`path` into the arguments) that is summed up over the calls of one person in a period."""

    path: tuple[str, ...]
    period: str

    @property
    def name(self) -> str:
        """Return the sum as the condition writes it."""
        return f"args.{'.'.join(self.path)} per {self.period}"

    @property
    def length(self) -> timedelta:
        """Return how far back calls count."""
        return PERIODS[self.period]


@dataclass(frozen=True)
class Condition:
    """A condition as an expression over `CONDITION_NAMES` and `sums`, whose items are named as the sums are."""

    expression: str
    sums: tuple[Sum, ...] = ()


def read_condition(text: str) -> Condition:
    """Return a condition, with its sums taken out."""
    sums: dict[str, Sum] = {}

    def take(found: re.Match[str]) -> str:
        one = Sum(tuple((found[1] or found[2]).strip(".").split(".")), found[3])
        sums[one.name] = one
        return f'{SUMS}["{one.name}"]'

    return Condition(_SUM.sub(take, text), tuple(sums.values()))


def check_condition(text: str) -> None:
    """Raise ValueError if it is not a Jinja expression, or uses an unknown variable or function."""
    from jinja2 import TemplateSyntaxError, meta
    from jinja2.sandbox import SandboxedEnvironment

    environment, condition = SandboxedEnvironment(), read_condition(text)
    try:
        environment.compile_expression(condition.expression)
        spoken = meta.find_undeclared_variables(environment.parse("{{ " + condition.expression + " }}"))
    except TemplateSyntaxError as error:
        told = "; a sum is written `args.NAME per hour`, `per day` or `per week`" if " per" in text else ""
        raise ValueError(f"{text!r} is not a condition: {error.message}{told}") from None
    known = CONDITION_NAMES | set(FUNCTIONS) | ({SUMS} if condition.sums else set())
    if unknown := spoken - known:
        raise ValueError(
            f"the condition speaks of {', '.join(sorted(unknown))}; it is given {', '.join(sorted(CONDITION_NAMES))}"
        )


def arguments_of(text: str) -> frozenset[str]:
    """Return the arguments that a condition names: `args.amount`, `args["amount"]`."""
    from jinja2 import nodes
    from jinja2.sandbox import SandboxedEnvironment

    condition = read_condition(text)
    tree = SandboxedEnvironment().parse("{{ " + condition.expression + " }}")
    found = [node.attr for node in tree.find_all(nodes.Getattr) if _is_args(node.node)]
    items = (node.arg for node in tree.find_all(nodes.Getitem) if _is_args(node.node))
    found += [item.value for item in items if isinstance(item, nodes.Const) and isinstance(item.value, str)]
    return frozenset(found) | {one.path[0] for one in condition.sums}


def _is_args(node: object) -> bool:
    return getattr(node, "name", "") == "args"
