"""All operations: those with a handler, those that are merely known, and what `sandbox --coverage` prints of both."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from framework.sandbox.chat.feature import Features
from framework.sandbox.features.catalog import ALL
from framework.sandbox.kernel.http.router import shape_of
from framework.sandbox.kernel.operations import ServedOperation
from framework.sandbox.kernel.wire import WireDialect


def implemented() -> list[ServedOperation]:
    """The operations that have a handler."""
    return list(Features(ALL).operations)


@cache
def known() -> tuple[dict[str, Any], ...]:
    """`{"id", "method", "v1", "v2"}` of every operation that the SDKs have; written by scripts/known_operations.py."""
    text = files("framework.sandbox.dev.known").joinpath("operations.json").read_text()
    return tuple(json.loads(text))


def operations() -> list[ServedOperation]:
    """Return all operations, the implemented ones first: the router lets the first declaration of a path win."""
    return implemented() + [
        ServedOperation(item["id"], item["method"], item["v1"], item["v2"], handler=None) for item in known()
    ]


def coverage() -> dict[WireDialect, tuple[list[str], list[str]]]:
    """For each dialect the ids of the known operations that are implemented, and of those that are not."""
    report = {}
    for dialect in WireDialect:
        have = {(op.method, shape_of(path)) for op in implemented() if (path := op.path(dialect)) is not None}
        done: list[str] = []
        missing: list[str] = []
        for item in known():
            path = item[dialect.value]
            if path is not None:
                (done if (item["method"], shape_of(path)) in have else missing).append(item["id"])
        report[dialect] = (done, missing)
    return report


def lines() -> list[str]:
    """Implemented / known for each dialect, and under it what is missing, by name."""
    told = []
    for dialect, (done, missing) in coverage().items():
        told.append(f"{dialect.value}: {len(done)} / {len(done) + len(missing)}")
        told += [f"  not implemented: {name}" for name in sorted(missing)]
    return told
