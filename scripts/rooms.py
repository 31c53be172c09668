"""Write docs/rooms.svg: the rooms of framework/ in their layers, and which room imports which.

The layers are those of the contract in pyproject.toml. The imports are the real ones. The text beside a room is the
first sentence of its docstring. Run it after a change of these: `python -m scripts.rooms`. `tests/docs/test_rooms.py`
compares.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import grimp

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "rooms.svg"
_PACKAGE = "framework"
_APART = "sandbox"
"""In no layer: it shares nothing with the others but errors."""
_ROW, _TOP, _LEFT, _BOX, _TEXT, _ARCS = 34, 58, 16, 116, 690, 230
_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
 font-family="sans-serif" font-size="13">
<title>The rooms of framework/ and their imports</title>
<style>.page {{ fill: #fff }} .band {{ fill: #f1f3f5 }} .box {{ fill: #1c5d99 }}
.name {{ fill: #fff; font-weight: bold }} .what, .note {{ fill: #333 }}
.note {{ font-size: 12px }} .arc {{ fill: none; stroke: #1c5d99; stroke-width: 1.6 }}
.tip {{ fill: #1c5d99 }} .long {{ stroke: #b9c6d3; stroke-width: 1 }} .longtip {{ fill: #b9c6d3 }}</style>
<rect class="page" width="{width}" height="{height}"/>
<text class="note" x="16" y="24">A room may import rooms below it, and none in its own band.
The sandbox imports only errors, and only the upper rooms start it.</text>
<text class="note" x="16" y="42">A line on the right leads from a room to one that it imports.
It is light if a way of dark lines leads there as well.</text>
"""


def layers() -> list[list[str]]:
    """The rooms that are folders, top layer first, as the contract has them; the one apart comes last."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (stacked,) = [one for one in contracts if one["type"] == "layers" and "framework.cli" in one["layers"]]
    named = [re.findall(rf"{_PACKAGE}\.(\w+)", layer) for layer in stacked["layers"]]
    found = [[room for room in layer if (ROOT / _PACKAGE / room).is_dir()] for layer in named]
    return [layer for layer in [*found, [_APART]] if layer]


def imports(rooms: list[str]) -> dict[str, set[str]]:
    """Which rooms each room imports. Imports for types alone do not count."""
    graph: Any = grimp.build_graph(_PACKAGE, exclude_type_checking_imports=True, cache_dir=None)

    def has(one: str, other: str) -> bool:
        names = {"importer": f"{_PACKAGE}.{one}", "imported": f"{_PACKAGE}.{other}"}
        return one != other and bool(graph.direct_import_exists(**names, as_packages=True))

    return {one: {other for other in rooms if has(one, other)} for one in rooms}


def reduced(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The imports without those that a longer way also has."""

    def reached(room: str) -> set[str]:
        return edges[room].union(*(reached(other) for other in edges[room]))

    return {
        room: {other for other in others if not any(other in reached(way) for way in others if way != other)}
        for room, others in edges.items()
    }


def purpose(room: str) -> str:
    """The first sentence of a room's docstring."""
    tree = ast.parse((ROOT / _PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))
    text = " ".join((ast.get_docstring(tree) or "").split("\n\n")[0].split())
    return text.split(". ")[0].rstrip(".").replace("`", "") + "."


def picture() -> str:
    """The whole picture."""
    stacked = layers()
    rooms = [room for layer in stacked for room in layer]
    edges = imports(rooms)
    height = _TOP + _ROW * len(rooms) + 12
    head = _HEAD.format(width=_LEFT + _BOX + _TEXT + _ARCS, height=height)
    return "".join([head, *_bands(stacked), *_lines(rooms, edges), *_boxes(rooms), "</svg>\n"])


def _bands(stacked: list[list[str]]) -> Iterator[str]:
    row = 0
    for number, layer in enumerate(stacked):
        if number % 2 == 0:
            size = f'width="{_LEFT + _BOX + _TEXT + _ARCS}" height="{_ROW * len(layer)}"'
            yield f'<rect class="band" x="0" y="{_TOP + _ROW * row}" {size}/>\n'
        row += len(layer)


def _boxes(rooms: list[str]) -> Iterator[str]:
    for row, room in enumerate(rooms):
        y = _TOP + _ROW * row
        yield f'<rect class="box" x="{_LEFT}" y="{y + 5}" width="{_BOX}" height="{_ROW - 10}" rx="4"/>\n'
        yield f'<text class="name" x="{_LEFT + 10}" y="{y + 22}">{room}</text>\n'
        yield f'<text class="what" x="{_LEFT + _BOX + 14}" y="{y + 22}">{escape(purpose(room))}</text>\n'


def _lines(rooms: list[str], edges: Mapping[str, set[str]]) -> Iterator[str]:
    """One arc an import, on the right: the light ones first, so that the dark ones lie above them."""
    short = reduced(edges)
    pairs = [(one, other) for one in rooms for other in rooms if other in edges[one]]
    for one, other in sorted(pairs, key=lambda pair: pair[1] in short[pair[0]]):
        dark = other in short[one]
        start, end = rooms.index(one), rooms.index(other)
        x, y, below = _LEFT + _BOX + _TEXT, _TOP + _ROW * start + 21, _TOP + _ROW * end + 13
        bulge = min(24 + 11 * abs(end - start), _ARCS - 12)
        kind, tip = ("arc", "tip") if dark else ("arc long", "longtip")
        yield f'<path class="{kind}" d="M{x},{y} C{x + bulge},{y} {x + bulge},{below} {x + 7},{below}">'
        yield f"<title>{one} imports {other}</title></path>\n"
        yield f'<path class="{tip}" d="M{x},{below} l8,-4 v8 z"/>\n'


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    sys.stdout.write(f"{PICTURE}\n")
