"""SECURITY.md names a test for each boundary, and the test is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

PAGE = Path("SECURITY.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.partition("## Boundaries")[2].partition("## Not promised")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| boundary")
]
NAMED = re.compile(r"`(tests/[\w/.]+\.py)::(\w+)`")


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def test_there_are_boundaries() -> None:
    assert len(ROWS) >= 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_a_boundary_says_what_holds_it_and_names_tests_that_exist(row: list[str]) -> None:
    assert len(row) == 3, "a row has three cells: the boundary, what holds it, its tests"
    named = NAMED.findall(row[2])
    assert named, "the last cell names at least one test as `tests/ROOM/test_FILE.py::test_NAME`"
    assert NAMED.sub("", row[2]).strip() == "", "the last cell names tests and nothing else"
    for path, test in named:
        assert Path(path).is_file(), path
        assert test in names_in(path), f"{path} has no {test}"
    for path in re.findall(r"`([\w/.]+)`", row[1]):
        assert "/" not in path or Path(path).exists(), path


def test_every_file_of_attacks_is_named() -> None:
    files = {path.as_posix() for path in Path("tests/security").glob("test_*.py")} - {
        "tests/security/test_boundaries.py"
    }
    named = {path for row in ROWS for path, _ in NAMED.findall(row[2])}
    assert files <= named, f"SECURITY.md says nothing of {sorted(files - named)}"
