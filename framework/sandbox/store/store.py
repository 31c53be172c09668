"""The working set: typed collections in memory, each change noted in a journal that makes it durable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar, cast

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Derived, Index, Table

R = TypeVar("R", bound=Record)
I = TypeVar("I")  # noqa: E741 - the index type


class Journal(Protocol):
    """Makes changes durable."""

    def load(self, table: str) -> Iterable[bytes]:
        """The documents of a table, as they were last committed, oldest first."""
        ...

    def note(self, table: str, key: str, record: Record | None) -> None:
        """A record was put, or removed (None)."""
        ...

    async def commit(self) -> None:
        """Return when every change noted so far is durable."""
        ...

    async def close(self) -> None:
        """Commit what is left and let go of the file."""
        ...


class NoJournal:
    """Memory mode: nothing outlives the process."""

    def load(self, table: str) -> Iterable[bytes]:
        """Nothing was stored."""
        return ()

    def note(self, table: str, key: str, record: Record | None) -> None:
        """Forget it."""

    async def commit(self) -> None:
        """Nothing to wait for."""

    async def close(self) -> None:
        """Nothing to let go of."""


class Collection(Generic[R]):
    """The records of one table by key. A record that was changed in place must be `put` again."""

    def __init__(self, table: Table[R], store: Store) -> None:
        self._name = table.name
        self._store = store
        self._records: dict[str, R] = {}
        self._indexes: list[Index[R]] = []

    def get(self, key: str) -> R | None:
        """The record with this key, or None."""
        return self._records.get(key)

    def put(self, record: R) -> R:
        """Store a new or changed record."""
        key = record.key
        if key not in self._records:
            self._records[key] = record
            for index in self._indexes:
                index.added(record)
        self._store.noted(self._name, key, record)
        return record

    def remove(self, key: str) -> R | None:
        """Forget a record; returns it, or None where there was none."""
        record = self._records.pop(key, None)
        if record is not None:
            for index in self._indexes:
                index.removed(record)
            self._store.noted(self._name, key, None)
        return record

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._records.values()))

    def __len__(self) -> int:
        return len(self._records)

    def restore(self, records: Iterable[R]) -> None:
        """Take in what was read back at start."""
        self._records.update((record.key, record) for record in records)

    def attach(self, index: Index[R]) -> None:
        """Keep an index from now on, starting with what is there."""
        for record in self._records.values():
            index.added(record)
        self._indexes.append(index)


class Store:
    """All collections. A table is read back when it is first asked for, so a domain brings its own tables along."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._collections: dict[str, Collection[Any]] = {}
        self._derived: dict[Derived[Any, Any], Any] = {}
        self.version = 0
        """Grows with each change: a call that left it alone has nothing to commit."""

    def __getitem__(self, table: Table[R]) -> Collection[R]:
        collection = self._collections.get(table.name)
        if collection is None:
            collection = self._collections[table.name] = Collection(table, self)
            collection.restore(table.record.decode(raw) for raw in self._journal.load(table.name))
        return cast("Collection[R]", collection)

    def index(self, derived: Derived[R, I]) -> I:
        """The live index of a declaration."""
        index = self._derived.get(derived)
        if index is None:
            index = self._derived[derived] = derived.make()
            self[derived.table].attach(cast("Index[R]", index))
        return cast("I", index)

    def noted(self, table: str, key: str, record: Record | None) -> None:
        """A collection changed."""
        self.version += 1
        self._journal.note(table, key, record)

    async def commit(self) -> None:
        """Return when every change made so far is durable."""
        await self._journal.commit()

    async def close(self) -> None:
        """Commit what is left and let go of the file."""
        await self._journal.close()
