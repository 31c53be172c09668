"""The picture of the rooms says what pyproject.toml and the imports say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import rooms

PICTURE = rooms.PICTURE.read_text(encoding="utf-8")
ALL = [room for layer in rooms.layers() for room in layer]


def test_the_picture_is_current() -> None:
    assert rooms.picture() == PICTURE, "run: python -m scripts.rooms"


def test_every_folder_with_code_is_a_room_of_the_picture() -> None:
    folders = {file.parent.name for file in Path("framework").glob("*/__init__.py")}
    assert folders == set(ALL)
    assert len(ALL) == len(set(ALL))
    for room in ALL:
        assert f">{room}</text>" in PICTURE


def test_every_import_between_rooms_is_a_line_and_nothing_else_is() -> None:
    drawn = set(re.findall(r"<title>(\w+) imports (\w+)</title>", PICTURE))
    assert ("runtime", "agent") in drawn
    assert ("stream", "runtime") not in drawn
    files = {room: list((Path("framework") / room).rglob("*.py")) for room in ALL}
    named = re.compile(rf"^ *(?:from|import) framework\.({'|'.join(ALL)})\b", re.MULTILINE)
    found = {(room, other) for room in ALL for file in files[room] for other in named.findall(file.read_text("utf-8"))}
    assert drawn <= {(one, other) for one, other in found if one != other}


@pytest.mark.parametrize(
    ("edges", "short"),
    [
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, {"a": {"b"}, "b": {"c"}, "c": set()}),
        ({"a": {"b", "c"}, "b": set(), "c": set()}, {"a": {"b", "c"}, "b": set(), "c": set()}),
    ],
)
def test_a_line_is_light_if_a_longer_way_leads_there(edges: dict[str, set[str]], short: dict[str, set[str]]) -> None:
    assert rooms.reduced(edges) == short


def test_each_room_has_tests_of_its_own() -> None:
    """`make test ROOM=x` works for every room."""
    for room in ALL:
        assert list((Path("tests") / room).rglob("test_*.py")), f"tests/{room} has no tests"
