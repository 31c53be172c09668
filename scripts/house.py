"""Measure the layout of the code: `python -m scripts.house [FOLDER]`, with `--list` also what a figure counts.

Figures are for people who decide where something belongs; tests/test_house.py holds those that must not grow.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST_HEADER = 0.12
"""The largest share of a file's lines that its docstring and its imports should take."""
_EVENT = re.compile(r"[a-z_]+(?:\.[a-z_]+)+")
_SUPPRESSION = re.compile(r"#.*?(?:\bnoqa\b|\btype:\s*ignore\b|\bpragma:\s*no cover\b)")


@dataclass(frozen=True)
class Module:
    """A Python file: its path below the root, its source and its tree."""

    path: Path
    source: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The dotted name, as it is imported."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def lines(self) -> int:
        """Lines, empty ones included."""
        return self.source.count("\n")

    @property
    def header(self) -> int:
        """Lines of the docstring and of the imports at the top level, those for types included."""
        nodes = [node for node in self.tree.body if isinstance(node, ast.Import | ast.ImportFrom) or _for_types(node)]
        if self.tree.body and ast.get_docstring(self.tree) is not None:
            nodes.append(self.tree.body[0])
        return sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in nodes)

    @property
    def suppressions(self) -> int:
        """Comments that silence a checker."""
        tokens = tokenize.generate_tokens(io.StringIO(self.source).readline)
        return sum(1 for one in tokens if one.type == tokenize.COMMENT and _SUPPRESSION.search(one.string))

    def imports(self) -> Iterator[str]:
        """The modules and names that this one imports, wherever it does. `from a import b` is both a and a.b."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def read(root: Path, folder: str) -> list[Module]:
    """Return the Python files below a folder of the root."""
    paths = sorted(path for path in (root / folder).rglob("*.py") if "__pycache__" not in path.parts)
    texts = [(path, path.read_text(encoding="utf-8")) for path in paths]
    return [Module(path.relative_to(root), text, ast.parse(text)) for path, text in texts]


def crowded(modules: Iterable[Module]) -> list[tuple[str, int]]:
    """Return the folders with the number of their own modules, `__init__` left out, largest first."""
    return Counter(str(module.path.parent) for module in modules if module.path.name != "__init__.py").most_common()


def single_importers(modules: Iterable[Module], package: str) -> tuple[list[str], int]:
    """Return the modules of a package that exactly one other module imports, and how many modules it has."""
    modules = list(modules)
    names = {module.name for module in modules if module.path.name != "__init__.py"}
    inside = {name for name in names if name.startswith(f"{package}.")}
    importers: dict[str, set[str]] = defaultdict(set)
    for module in modules:
        for name in set(module.imports()) & inside:
            importers[name].add(module.name)
    return sorted(name for name in inside if len(importers[name]) == 1), len(inside)


def classes_twice(modules: Iterable[Module]) -> dict[str, list[str]]:
    """Return the names that several classes have, with the modules that define them. Private names (`_X`) are left
    out: nobody meets them elsewhere.
    """
    places: dict[str, list[str]] = defaultdict(list)
    for module in modules:
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(module.name)
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


def modules_twice(modules: Iterable[Module]) -> dict[str, list[str]]:
    """Return the last parts of names that several modules have, with the modules."""
    places: dict[str, list[str]] = defaultdict(list)
    for module in modules:
        if not module.path.stem.startswith("__"):
            places[module.path.stem].append(module.name)
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


def odd_loggers(modules: Iterable[Module]) -> list[str]:
    """Return the places where a logger is not called `_log`, or where an event of structlog has no dotted name."""
    found: list[str] = []
    for module in modules:
        structured = "structlog.get_logger" in module.source
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Assign) and node.col_offset == 0 and _calls(node.value, "get_logger", "getLogger"):
                odd = [ast.unparse(one) for one in node.targets if ast.unparse(one) != "_log"]
            elif structured and isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_log."):
                odd = [one for one in _texts(node.args[:1]) if not _EVENT.fullmatch(one)]
            else:
                continue
            found += [f"{module.path}:{node.lineno} {one}" for one in odd]
    return found


def report(root: Path, folder: str, *, detailed: bool) -> Iterator[str]:
    """Yield the lines to print."""
    modules, tests = read(root, folder), read(root, "tests")
    lines = sum(module.lines for module in modules)
    header = sum(module.header for module in modules)
    # A package's own file has little but a docstring.
    heavy = [one for one in modules if one.path.stem != "__init__" and one.header > MOST_HEADER * one.lines]
    suppressions = sum(module.suppressions for module in modules)
    folders, twice, stems = crowded(modules), classes_twice(modules), modules_twice(modules)
    single, of = single_importers(modules, f"{folder}.runtime")
    yield f"files                          {len(modules)}"
    yield f"lines                          {lines:,}"
    yield f"tests : code                   {sum(module.lines for module in tests) / max(lines, 1):.2f}"
    yield f"header lines of all            {header / max(lines, 1):.1%}"
    yield f"files with more than {MOST_HEADER:.0%}      {len(heavy)}"
    yield f"largest folder                 {folders[0][1]} ({folders[0][0]})" if folders else "no folders"
    yield f"folders with more than 15      {sum(1 for _, count in folders if count > 15)}"
    yield f"runtime: one importer          {len(single)} of {of}"
    yield f"class names used twice         {len(twice)}"
    yield f"module names used twice        {len(stems)}"
    yield f"suppressions a 1,000 lines     {1000 * suppressions / max(lines, 1):.2f} ({suppressions})"
    if detailed:
        yield from (f"folder  {count:4} {name}" for name, count in folders if count > 15)
        yield from (f"class   {name}: {', '.join(found)}" for name, found in twice.items())
        yield from (f"module  {name}: {', '.join(found)}" for name, found in stems.items())
        yield from (f"single  {name}" for name in single)
        yield from (f"header  {one.header / one.lines:.0%} {one.path}" for one in heavy)
        counts = Counter({str(one.path): one.suppressions for one in modules if one.suppressions})
        yield from (f"silence {count:4} {name}" for name, count in counts.most_common())


def _for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _calls(node: ast.expr, *names: str) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in names


def _texts(nodes: Iterable[ast.expr]) -> Iterator[str]:
    yield from (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def main(arguments: list[str]) -> None:
    """Print the figures of a folder (`framework` unless told)."""
    folders = [one for one in arguments if not one.startswith("-")]
    for line in report(ROOT, folders[0] if folders else "framework", detailed="--list" in arguments):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
