"""A copy of a store, to try something on: what changes in it changes nothing else, and can be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from framework.sandbox.kernel.store.record import Record
    from framework.sandbox.kernel.store.store import RecordStore, StoreJournal, Undo

_BOOKKEEPING = frozenset({"past_events", "dues"})
"""Tables that say nothing of what people see."""
_TIMES = frozenset({"updated_at", "last_active"})
"""Fields that change with every other one."""


class CopyJournal:
    """What a copy is read from, and which records changed in it. Nothing of it outlives the copy."""

    def __init__(self, store: RecordStore) -> None:
        """The records of `store` as they are now."""
        self._held = store.documents()
        self._source: StoreJournal = store.journal
        self._changed: dict[tuple[str, str], None] = {}

    def load(self, table: str) -> Iterable[bytes]:
        """The documents of a table when the copy was made, oldest first."""
        if table not in self._held:
            self._held[table] = list(self._source.load(table))
        return self._held[table]

    def note(self, table: str, key: str, record: Record | None) -> None:
        """Remember which record changed."""
        self._changed[table, key] = None

    def on_failure(self, undo: Undo) -> None:
        """Nothing can fail."""

    async def commit(self) -> None:
        """Nothing to wait for."""

    async def close(self) -> None:
        """Nothing to let go of."""

    def difference(self, copy: RecordStore) -> list[dict[str, Any]]:
        """What is other in the copy that reads from this: `table`, `key`, `before` and `after`.

        `before` and `after` hold the fields that differ; None stands for a record that was not, or is no longer, there.
        """
        told = []
        for table, key in self._changed:
            if table in _BOOKKEEPING:
                continue
            kind = copy.kind(table)
            before = next((raw for raw in self.load(table) if kind.decode(raw).key == key), None)
            after = copy.document(table, key)
            if before != after:
                told += _change(table, key, before, after)
        return told


def _change(table: str, key: str, before: bytes | None, after: bytes | None) -> list[dict[str, Any]]:
    old = orjson.loads(before) if before is not None else None
    new = orjson.loads(after) if after is not None else None
    if old is not None and new is not None:
        differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        if set(differing) <= _TIMES:
            return []
        old = {name: old.get(name) for name in differing}
        new = {name: new.get(name) for name in differing}
    return [{"table": table, "key": key, "before": old, "after": new}]
