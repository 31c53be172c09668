"""Jobs as rows of the engine's tables, and lists as parameters of statements."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from framework.engine.port import APART, Job
from framework.values import Untyped

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.engine import RowMapping


def job_of(row: RowMapping) -> Job:
    """The job as it was accepted."""
    lane = row["lane"].partition(APART)[2] if APART in row["lane"] else row["lane"]
    return Job(row["key"], lane, row["order"], json.loads(row["payload"]), row["delay"], row["scope"])


def among(kind: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column is one of a list, which is one parameter (see `list_of`): the statement stays the same."""
    from sqlalchemy import ARRAY, Text, any_, bindparam, func, select

    if kind == "postgresql":
        return column == any_(bindparam(name, type_=ARRAY(Text)))
    values = func.json_each(bindparam(name, type_=Text)).table_valued("value")
    return column.in_(select(values.c.value))


def list_of(kind: str, names: Collection[str]) -> Untyped:
    """A list as `among` expects it."""
    ordered = sorted(names)
    return ordered if kind == "postgresql" else json.dumps(ordered)
