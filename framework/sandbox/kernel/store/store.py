"""The working set: typed collections in memory, each change noted in a journal that makes it durable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar, cast

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Derived, Table, TableIndex

R = TypeVar("R", bound=Record)
I = TypeVar("I")  # noqa: E741 - the index type
Undo = Callable[[Mapping[tuple[str, str], bytes | None]], None]


class StoreJournal(Protocol):
    """Makes changes durable."""

    def load(self, table: str) -> Iterable[bytes]:
        """Return the documents of a table, as they were last committed, oldest first."""
        ...

    def note(self, table: str, key: str, record: Record | None) -> None:
        """A record was put, or removed (None)."""
        ...

    def on_failure(self, undo: Undo) -> None:
        """Whom to tell of changes that could not be committed, each with the document that still holds."""
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

    def on_failure(self, undo: Undo) -> None:
        """Nothing can fail."""

    async def commit(self) -> None:
        """Nothing to wait for."""

    async def close(self) -> None:
        """Nothing to let go of."""


class Collection(Generic[R]):
    """The records of one table by key. A record that was changed in place must be `put` again."""

    def __init__(self, table: Table[R], store: RecordStore) -> None:
        self._name = table.name
        self._store = store
        self._records: dict[str, R] = {}
        self._indexes: list[TableIndex[R]] = []

    def get(self, key: str) -> R | None:
        """Return the record with this key, or None."""
        return self._records.get(key)

    def put(self, record: R) -> R:
        """Store a new or changed record; another record of the same key gives way to it."""
        key = record.key
        held = self._records.get(key)
        if held is not record:
            self._records[key] = record
            for index in self._indexes:
                if held is not None:
                    index.removed(held)
                index.added(record)
        self._store.noted(self._name, key, record)
        return record

    def remove(self, key: str) -> R | None:
        """Forget a record; returns it, or None if there was none."""
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

    def take_back(self, key: str, held: R | None) -> None:
        """Make a record what it was before a change that could not be kept; None: there was none."""
        record = self._records.get(key)
        if held is None:
            if record is not None:
                del self._records[key]
                for index in self._indexes:
                    index.removed(record)
        elif record is not None:
            # Indexes and callers hold this very object.
            record.become(held)
        else:
            self._records[key] = held
            for index in self._indexes:
                index.added(held)

    def attach(self, index: TableIndex[R]) -> None:
        """Keep an index from now on, starting with what is there."""
        for record in self._records.values():
            index.added(record)
        self._indexes.append(index)


class RecordStore:
    """All collections. A table is read back when it is first asked for, so a domain brings its own tables along."""

    def __init__(self, journal: StoreJournal) -> None:
        self._journal = journal
        journal.on_failure(self._take_back)
        self._tables: dict[str, Table[Any]] = {}
        self._collections: dict[str, Collection[Any]] = {}
        self._derived: dict[Derived[Any, Any], Any] = {}
        self.version = 0
        """Grows with each change: a call that left it alone has nothing to commit."""

    def __getitem__(self, table: Table[R]) -> Collection[R]:
        collection = self._collections.get(table.name)
        if collection is None:
            self._tables[table.name] = table
            collection = self._collections[table.name] = Collection(table, self)
            collection.restore(table.record.decode(raw) for raw in self._journal.load(table.name))
        return cast("Collection[R]", collection)

    def index(self, derived: Derived[R, I]) -> I:
        """Return the live index of a declaration."""
        index = self._derived.get(derived)
        if index is None:
            index = self._derived[derived] = derived.make()
            self[derived.table].attach(cast("TableIndex[R]", index))
        return cast("I", index)

    @property
    def journal(self) -> StoreJournal:
        """What the store was read from."""
        return self._journal

    def documents(self) -> dict[str, list[bytes]]:
        """The records of every table that was read, as they are now."""
        return {name: [record.encode() for record in found] for name, found in self._collections.items()}

    def document(self, table: str, key: str) -> bytes | None:
        """One record of a table that was read, or None."""
        record = self._collections[table].get(key)
        return record.encode() if record is not None else None

    def kind(self, table: str) -> type[Record]:
        """What the records of a table that was read are."""
        found: type[Record] = self._tables[table].record
        return found

    def noted(self, table: str, key: str, record: Record | None) -> None:
        """A collection changed."""
        self.version += 1
        self._journal.note(table, key, record)

    def _take_back(self, held: Mapping[tuple[str, str], bytes | None]) -> None:
        """Return to what is stored, for records whose changes could not be."""
        for (name, key), document in held.items():
            record = self._tables[name].record
            self._collections[name].take_back(key, record.decode(document) if document is not None else None)
        for collection in self._collections.values():
            for record in collection:
                record.forget_derived()

    async def commit(self) -> None:
        """Return when every change made so far is durable."""
        await self._journal.commit()

    async def close(self) -> None:
        """Commit what is left and let go of the file."""
        await self._journal.close()
