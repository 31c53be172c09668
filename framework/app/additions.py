"""Rules and observers that a program adds to the pipeline of its bots."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from framework.errors import UsageError

if TYPE_CHECKING:
    from framework.runtime.core.rule import Observer, Rule


@dataclass(frozen=True)
class Additions:
    """They run in the order in which they were added, for every bot of the app."""

    rules: list[Rule] = field(default_factory=list)
    observers: list[Observer] = field(default_factory=list)

    def add_rule(self, rule: Rule) -> None:
        """Raises UsageError for what cannot be awaited."""
        _require_async(rule, "rule", "turn, view")
        self.rules.append(rule)

    def add_observer(self, observer: Observer) -> None:
        """Raises UsageError for what cannot be awaited."""
        _require_async(observer, "observer", "turn, event")
        self.observers.append(observer)


def _require_async(added: object, kind: str, arguments: str) -> None:
    call = added if inspect.isroutine(added) else getattr(added, "__call__", None)  # noqa: B004 - its code is looked at
    if call is not None and inspect.iscoroutinefunction(call):
        return
    name = getattr(added, "__name__", type(added).__name__)
    code = getattr(added, "__code__", None)
    raise UsageError(
        f"The {kind} {name} is not an async function.",
        where=f"{code.co_filename}:{code.co_firstlineno}" if code is not None else None,
        hint=f"Write it as `async def {name}({arguments})`.",
    )
