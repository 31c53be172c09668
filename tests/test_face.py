"""The public face: every name is there, for programs and for type checkers alike, and importing it costs nothing."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import framework
import framework.testing
import framework.version

FACES = ("framework", "framework.testing")


def imported_for_type_checkers(face: str) -> dict[str, str]:
    """Where a type checker finds each name."""
    file = import_module(face).__file__
    assert file is not None
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module or "" for node in imports for alias in node.names}


@pytest.mark.parametrize("face", FACES)
def test_a_program_gets_what_a_type_checker_sees(face: str) -> None:
    module = import_module(face)
    declared = imported_for_type_checkers(face)
    assert set(declared) == set(module.__all__) - {"__version__"}
    for name, room in declared.items():
        assert getattr(module, name) is getattr(import_module(room), name), name
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("face", FACES)
def test_a_name_that_is_not_there_is_an_attribute_error(face: str) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Basil'"):
        getattr(import_module(face), "Basil")  # noqa: B009 - mypy would rightly refuse it


def test_every_public_name_is_documented() -> None:
    for name in sorted(set(framework.__all__) - {"__version__", "AgentEvent", "Decision"}):  # unions have no docstring
        assert getattr(framework, name).__doc__, name


def test_importing_the_face_imports_no_room() -> None:
    code = (
        "import sys, framework, framework.testing; print(*sorted(m for m in sys.modules if m.startswith('framework')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["framework", "framework.testing", "framework.version"]


def test_there_is_one_version() -> None:
    assert framework.__version__ == framework.version.__version__
    assert 'dynamic = ["version"]' in Path("pyproject.toml").read_text(encoding="utf-8")


def test_clients_of_mcp_are_told_this_version() -> None:
    told = json.loads(Path("server.json").read_text(encoding="utf-8"))
    assert {told["version"], *(package["version"] for package in told["packages"])} == {framework.__version__}


def test_types_are_shipped() -> None:
    assert (Path(framework.__path__[0]) / "py.typed").is_file()
