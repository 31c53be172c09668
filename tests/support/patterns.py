"""Finds every regular expression of a folder of Python modules, and what is done with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.support.pumps import METHODS

_CALLS: Final = frozenset({*METHODS, "compile"})
_FLAGS: Final = {"subn": 4, "sub": 4, "split": 3}
"""The place of `flags` among the arguments, if it is not the third."""


@dataclass(frozen=True)
class Place:
    """A call of the module `re`: which method, with which pattern (None if it is made at run time)."""

    path: str
    line: int
    method: str
    pattern: str | None
    flags: int
    name: str
    """The name that the result of `compile` is kept under; the function that the call stands in otherwise."""

    @property
    def id(self) -> str:
        """A name for people, which does not change with the line."""
        return f"{self.path}:{self.name}"


def places_in(folder: Path, root: Path) -> list[Place]:
    """All calls in a folder."""
    files = [file for file in sorted(folder.rglob("*.py")) if "node_modules" not in file.parts]
    return [place for file in files for place in _places_of(file, file.relative_to(root).as_posix())]


def methods_of(place: Place, folder: Path) -> frozenset[str]:
    """What is done with a pattern: `search` and so on. All of it, if nothing is found."""
    if place.method != "compile":
        return frozenset({place.method})
    found = _methods_by_name(folder).get(place.name, frozenset())
    return found or frozenset(METHODS)


@cache
def _methods_by_name(folder: Path) -> dict[str, frozenset[str]]:
    """For each name in capitals or with an underscore: the methods called on it anywhere in the folder."""
    found: dict[str, set[str]] = {}
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in METHODS:
                found.setdefault(node.value.id, set()).add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found.setdefault(node.id, set())
    return {name: frozenset(methods) for name, methods in found.items()}


def _places_of(file: Path, path: str) -> Iterator[Place]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    if not any(_imports_re(node) for node in ast.walk(tree)):
        return
    names: dict[ast.AST, str] = {}
    _name_all(tree, "", names)
    constants = constants_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (method := _method(node)) in _CALLS:
            flags = _flags(node, method)
            text = text_of(node.args[0], constants) if node.args else None
            yield Place(path, node.lineno, method, text, flags, names.get(node, ""))


def _imports_re(node: ast.AST) -> bool:
    return isinstance(node, ast.Import) and any(alias.name == "re" for alias in node.names)


def _method(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "re":
        return function.attr
    return ""


def _name_all(node: ast.AST, name: str, names: dict[ast.AST, str]) -> None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        name = node.name
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and not name:
        name = node.targets[0].id
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not name:
        name = node.target.id
    names[node] = name
    for child in ast.iter_child_nodes(node):
        _name_all(child, name, names)


def constants_of(tree: ast.Module) -> dict[str, str]:
    """The texts that stand under a name at the top of a module."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = text_of(node.value, found)
            if text is not None:
                found[node.targets[0].id] = text
    return found


def text_of(node: ast.AST, constants: dict[str, str]) -> str | None:
    """A text that is known without running anything."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = text_of(node.left, constants), text_of(node.right, constants)
        return None if left is None or right is None else left + right
    if isinstance(node, ast.FormattedValue):
        return text_of(node.value, constants)
    if isinstance(node, ast.JoinedStr):
        parts = [text_of(part, constants) for part in node.values]
        return None if any(part is None for part in parts) else "".join(part or "" for part in parts)
    return None


def _flags(node: ast.Call, method: str) -> int:
    place = _FLAGS.get(method, 1 if method == "compile" else 2)
    given = [keyword.value for keyword in node.keywords if keyword.arg == "flags"] or node.args[place : place + 1]
    names = [part.attr for one in given for part in ast.walk(one) if isinstance(part, ast.Attribute)]
    flags = 0
    for name in names:
        flags |= int(getattr(re, name))
    return flags
