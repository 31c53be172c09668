"""Declarations: a table of records, and indexes derived from one. Declared beside the records they hold."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from framework.sandbox.kernel.store.record import Record

R = TypeVar("R", bound=Record)
R_contra = TypeVar("R_contra", bound=Record, contravariant=True)


class TableIndex(Protocol[R_contra]):
    """Kept in step with a collection. Told of each record once when it comes and once when it goes, not of changes."""

    def added(self, record: R_contra) -> None:
        """A record came (or was read back at start)."""
        ...

    def removed(self, record: R_contra) -> None:
        """A record went."""
        ...


I = TypeVar("I")  # noqa: E741 - the index type


@dataclass(frozen=True, eq=False)
class Table(Generic[R]):
    """A kind of record and the name it is stored under."""

    name: str
    record: type[R]


@dataclass(frozen=True, eq=False)
class Derived(Generic[R, I]):
    """An index over a table; `make` builds it empty."""

    table: Table[R]
    make: Callable[[], I]


class Groups(Generic[R]):
    """Records by a property that never changes, in the order they came."""

    def __init__(self, group_of: Callable[[R], str | None]) -> None:
        self._group_of = group_of
        self._groups: dict[str, dict[str, R]] = {}

    def added(self, record: R) -> None:
        """File the record under its group; None files it nowhere."""
        group = self._group_of(record)
        if group is not None:
            self._groups.setdefault(group, {})[record.key] = record

    def removed(self, record: R) -> None:
        """Take the record out of its group."""
        group = self._group_of(record)
        if group is not None and group in self._groups:
            self._groups[group].pop(record.key, None)
            if not self._groups[group]:
                del self._groups[group]

    def of(self, group: str) -> list[R]:
        """Return the records of one group; a copy that may be iterated while records come and go."""
        return list(self._groups.get(group, {}).values())

    def count(self, group: str) -> int:
        """Return how many records a group holds."""
        return len(self._groups.get(group, ()))

    def names(self) -> Iterator[str]:
        """The groups that hold a record."""
        return iter(list(self._groups))


def grouped(table: Table[R], group_of: Callable[[R], str | None]) -> Derived[R, Groups[R]]:
    """Declare an index by a property that never changes."""
    return Derived(table, lambda: Groups(group_of))


class Ordered(Generic[R]):
    """Records by their keys, in the order of texts: put in order when they are asked for."""

    def __init__(self) -> None:
        self._records: dict[str, R] = {}
        self._keys: list[str] | None = None

    def added(self, record: R) -> None:
        """A record came."""
        self._records[record.key] = record
        self._keys = None

    def removed(self, record: R) -> None:
        """A record went."""
        self._records.pop(record.key, None)
        self._keys = None

    def after(self, key: str) -> Iterator[R]:
        """The records whose keys come after one, in order. Records that come or go meanwhile change nothing."""
        if self._keys is None:
            self._keys = sorted(self._records)
        keys, records = self._keys, self._records
        for place in range(bisect_right(keys, key) if key else 0, len(keys)):
            record = records.get(keys[place])
            if record is not None:
                yield record


def ordered(table: Table[R]) -> Derived[R, Ordered[R]]:
    """Declare an index by the records' keys."""
    return Derived(table, Ordered)
