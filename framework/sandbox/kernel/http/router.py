"""Finding the operation that a request is for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.sandbox.kernel.wire import WireDialect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from framework.sandbox.kernel.operations import ServedOperation


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """Where a request leads."""

    operation: ServedOperation
    dialect: WireDialect
    path_params: dict[str, str]


class _Node:
    __slots__ = ("by_method", "children", "parameter")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.by_method: dict[str, tuple[ServedOperation, WireDialect, tuple[str, ...]]] = {}


class Router:
    """Finds the operation of a request, by path segments: its cost does not grow with the number of operations.

    Starlette tries one pattern after another; with some 440 of them that alone would halve the sends a second.
    """

    def __init__(self, operations: Iterable[ServedOperation]) -> None:
        self._root = _Node()
        for operation in operations:
            for dialect in WireDialect:
                template = operation.path(dialect)
                if template is not None:
                    self._add(operation, dialect, template)

    def _add(self, operation: ServedOperation, dialect: WireDialect, template: str) -> None:
        node, names = self._root, []
        for segment in template.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.children.setdefault(segment, _Node())
        # The first declaration wins: implemented operations come before the merely known ones.
        node.by_method.setdefault(operation.method, (operation, dialect, tuple(names)))

    def match(self, method: str, segments: list[str]) -> RouteMatch | None:
        """Return the operation for a method and decoded path segments, or None."""
        values: list[str] = []
        node = self._find(self._root, segments, 0, values, method)
        if node is None:
            return None
        operation, dialect, names = node.by_method[method]
        return RouteMatch(operation, dialect, dict(zip(names, values, strict=True)))

    def _find(self, node: _Node, segments: list[str], at: int, values: list[str], method: str) -> _Node | None:
        if at == len(segments):
            return node if method in node.by_method else None
        child = node.children.get(segments[at])
        if child is not None:
            found = self._find(child, segments, at + 1, values, method)
            if found is not None:
                return found
        if node.parameter is not None:
            values.append(segments[at])
            found = self._find(node.parameter, segments, at + 1, values, method)
            if found is not None:
                return found
            values.pop()
        return None


_PARAMETER = re.compile(r"\{[^}]*\}")


def shape_of(template: str) -> str:
    """A path template without the names of its parameters, to compare templates of different sources."""
    return _PARAMETER.sub("{}", template)
