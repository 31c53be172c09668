"""What is stored: flat dataclasses with a key, their times as datetimes, written as JSON documents."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar, Self, get_args, get_type_hints

import orjson

from framework.sandbox.kernel.wire import Entity


@dataclass(slots=True)
class Record:
    """One stored document.

    Subclasses are slotted dataclasses whose fields are JSON values or datetimes; a time must be a field of its own, not
    inside a dict, because only fields are read back as times. A field whose name starts with `_` is derived and not
    stored. `custom` holds the app's own data where the kind has any.
    """

    HIDDEN: ClassVar[frozenset[str]] = frozenset()
    """Fields that the default view leaves out."""

    KEY: ClassVar[tuple[str, ...]] = ()
    """The fields that make the document's key, joined by slashes: unique in its table, unchanged for its life."""

    def __init_subclass__(cls) -> None:
        """Make `key` of `KEY`: keys are asked for too often to look at the names each time."""
        if cls.KEY:
            cls.key = property(_joined(cls.KEY))  # type: ignore[method-assign,assignment]  # a property, as in this class

    @property
    def key(self) -> str:
        """The document's key. Kinds whose key is more than fields define it themselves."""
        raise NotImplementedError

    def encode(self) -> bytes:
        """Return the document's JSON."""
        return orjson.dumps(self, option=orjson.OPT_NON_STR_KEYS)

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Return the record that `encode` wrote; fields added since take their defaults."""
        names, times = _shape(cls)
        document: dict[str, Any] = {name: value for name, value in orjson.loads(raw).items() if name in names}
        for name in times:
            if document.get(name) is not None:
                document[name] = datetime.fromisoformat(document[name])
        return cls(**document)

    @classmethod
    def names(cls) -> frozenset[str]:
        """Return the stored fields."""
        return _shape(cls)[0]

    def copy(self) -> Self:
        """Return a deep copy, through its document."""
        return self.decode(self.encode())

    def become(self, other: Self) -> None:
        """Take over the stored fields of another; the other is not to be used afterwards."""
        for name in self.names():
            setattr(self, name, getattr(other, name))

    def forget_derived(self) -> None:
        """Let what follows from other records be worked out again."""
        for item in _derived(type(self)):
            setattr(self, item.name, item.default)

    def view(self) -> Entity:
        """The record as clients see it: all fields but the empty, derived and hidden ones, and its custom data."""
        fields = {}
        for name in _shown(type(self)):
            value = getattr(self, name)
            if value is not None:
                fields[name] = value
        return Entity(fields, getattr(self, "custom", {}))


def _joined(names: tuple[str, ...]) -> Callable[[Record], str]:
    get: Callable[[Record], Any] = attrgetter(*names)
    return get if len(names) == 1 else lambda record: "/".join(get(record))


def _shape(record: type[Record]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the stored fields of a kind of record, and those of them that are times."""
    if record not in _SHAPES:
        hints = get_type_hints(record)
        stored = [item.name for item in dataclasses.fields(record) if not item.name.startswith("_")]
        times = tuple(name for name in stored if hints[name] is datetime or datetime in get_args(hints[name]))
        _SHAPES[record] = (frozenset(stored), times)
    return _SHAPES[record]


def _derived(record: type[Record]) -> tuple[dataclasses.Field[Any], ...]:
    """Return the fields of a kind of record that are not stored."""
    if record not in _DERIVED:
        _DERIVED[record] = tuple(item for item in dataclasses.fields(record) if item.name.startswith("_"))
    return _DERIVED[record]


def _shown(record: type[Record]) -> tuple[str, ...]:
    """Return the fields of a kind of record that its default view shows, in the order of their declaration."""
    if record not in _SHOWN:
        hidden = record.HIDDEN | {"custom"}
        names = (item.name for item in dataclasses.fields(record))
        _SHOWN[record] = tuple(name for name in names if not name.startswith("_") and name not in hidden)
    return _SHOWN[record]


# Type hints are slow to read, and a start decodes every record. (functools.cache and mypy disagree on type[Record].)
_SHAPES: dict[type[Record], tuple[frozenset[str], tuple[str, ...]]] = {}
_SHOWN: dict[type[Record], tuple[str, ...]] = {}
_DERIVED: dict[type[Record], tuple[dataclasses.Field[Any], ...]] = {}
