"""The figures of scripts/house.py, on a small tree."""

from pathlib import Path

import pytest

from scripts import house

FIRST = '''"""First.

Two lines more.
"""

from __future__ import annotations

import os
from typing import (
    TYPE_CHECKING,
)

if TYPE_CHECKING:
    from room.second import Store


class Store2:
    """Once."""


class _Hidden:
    """Private."""


def read(value):  # noqa: ANN401 - JSON
    text = "# noqa: in a text"
    return os.fspath(value)  # type: ignore[arg-type]
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "room/__init__.py": "",
        "room/first.py": FIRST,
        "room/second.py": "class Store: ...\nclass _Hidden: ...\n",
        "room/inner/__init__.py": "",
        "room/inner/first.py": "from room import second\nclass Store: ...\n",
        "room/inner/user.py": "def late():\n    import room.inner.first\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_header_is_the_docstring_and_every_import_at_the_top(root: Path) -> None:
    first = next(one for one in house.read(root, "room") if one.name == "room.first")
    assert (first.header, first.lines) == (4 + 1 + 1 + 3 + 2, FIRST.count("\n"))


def test_suppressions_are_comments_and_no_texts(root: Path) -> None:
    assert {one.name: one.suppressions for one in house.read(root, "room") if one.suppressions} == {"room.first": 2}


def test_names_that_stand_twice(root: Path) -> None:
    modules = house.read(root, "room")
    assert house.classes_twice(modules) == {"Store": ["room.inner.first", "room.second"]}
    assert house.modules_twice(modules) == {"first": ["room.first", "room.inner.first"]}


def test_a_module_with_one_importer_is_found_wherever_the_import_stands(root: Path) -> None:
    assert house.single_importers(house.read(root, "room"), "room.inner") == (["room.inner.first"], 2)
    # Two modules import it: one for types only, one as a name of its package.
    single, of = house.single_importers(house.read(root, "room"), "room")
    assert (single, of) == (["room.inner.first"], 4)


def test_a_folder_counts_its_own_modules(root: Path) -> None:
    assert house.crowded(house.read(root, "room")) == [("room", 2), ("room/inner", 2)]


def test_a_logger_with_another_name_and_an_event_that_is_a_sentence_are_found(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        "log = structlog.get_logger(__name__)\n_log = structlog.get_logger(__name__)\n"
        "_log.info('tool failed')\n_log.info('tool.failed', reason='a sentence')\n"
    )
    assert house.odd_loggers(house.read(tmp_path, ".")) == ["odd.py:1 log", "odd.py:3 tool failed"]


def test_loggers_have_one_name_and_events_are_dotted() -> None:
    assert house.odd_loggers(house.read(house.ROOT, "framework")) == []


def test_few_class_names_stand_twice_and_few_lines_silence_a_checker() -> None:
    modules = house.read(house.ROOT, "framework")
    twice = house.classes_twice(modules)
    assert len(twice) <= 10, twice
    assert sum(one.suppressions for one in modules) <= 2 * sum(one.lines for one in modules) / 1000


def test_the_report_reads_the_real_tree() -> None:
    lines = list(house.report(house.ROOT, "framework", detailed=False))
    assert [line.split("  ")[0] for line in lines][:2] == ["files", "lines"]
    assert int(lines[0].split()[-1]) > 100
