"""Lines of the protocol: cut where they are nested too deeply, otherwise as they are."""

from __future__ import annotations

import json

import pytest

from framework.mcp.bounded_input import DEEPEST, shallow


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@pytest.mark.parametrize("levels", [DEEPEST + 1, 200, 900])
@pytest.mark.parametrize(("opened", "closed"), [('{"a":', "}"), ("[", "]"), ('["]}",', "]")])
def test_what_is_nested_too_deeply_is_cut_and_the_rest_stays(levels: int, opened: str, closed: str) -> None:
    line = f'{{"id":7,"a":{opened * levels}1{closed * levels},"b":[1,"]"]}}\n'
    cut = json.loads(shallow(line.encode()))
    assert (cut["id"], cut["b"], depth(cut)) == (7, [1, "]"], DEEPEST)


@pytest.mark.parametrize(
    "line",
    [b'{"a":' * 90 + b"1" + b"}" * 90 + b"\n", b'{"a":"' + b"[" * 5_000 + b'"}\n', b"not json\n", b"[{}" * 200 + b"\n"],
)
def test_any_other_line_stays_as_it_is_or_is_still_no_json(line: bytes) -> None:
    assert shallow(line) == line or b"{}" in line


def test_a_line_that_never_ends_its_nesting_is_short() -> None:
    assert len(shallow(b"[" * 100_000 + b"\n")) <= DEEPEST + 10
