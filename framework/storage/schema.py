"""The tables of one store, and how those of an older version become those of this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from framework.errors import EngineError
from framework.storage.connection import lock_schema

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection

Step = Callable[["Connection"], None]
_CREATE = "CREATE TABLE IF NOT EXISTS storage_versions (name VARCHAR(64) PRIMARY KEY, version INTEGER NOT NULL)"


@dataclass(frozen=True)
class Schema:
    """The tables of one store in a database that others use as well.

    `name` is the store's own, such as "approvals". `tables` returns its tables, so that they are made late. `version`
    counts from 1. `migrations` holds, for each later version, what is done to the tables of the version before it; it
    must do no harm where those tables were just created by an even older program. `with_` are the schemas of other
    stores whose tables the same transactions use. `first` is called when the tables are created, to deal with what
    came before them in the same database.
    """

    name: str
    version: int
    tables: Callable[[], MetaData]
    migrations: Mapping[int, Step] = field(default_factory=dict)
    with_: tuple[Schema, ...] = ()
    first: Step | None = None

    def prepare(self, connection: Connection) -> None:
        """Create or upgrade the tables, inside the caller's transaction.

        Raises EngineError if a newer version of this program wrote them.
        """
        for other in self.with_:
            other.prepare(connection)
        lock_schema(connection)
        connection.exec_driver_sql(_CREATE)
        found = _version(connection, self.name)
        if found is not None and found > self.version:
            raise EngineError(
                f"The tables of {self.name} were written by a newer version of this program "
                f"(theirs: {found}, ours: {self.version}).",
                hint="Install the newer version, or give this one a database of its own by DATABASE_URL.",
            )
        for version in range((found or self.version) + 1, self.version + 1):
            if version in self.migrations:
                self.migrations[version](connection)
        if found is None and self.first is not None:
            self.first(connection)
        self.tables().create_all(connection)
        if found != self.version:
            _note_version(connection, self)


def _version(connection: Connection, name: str) -> int | None:
    from sqlalchemy import text

    query = text("SELECT version FROM storage_versions WHERE name = :name")
    version: int | None = connection.execute(query, {"name": name}).scalar_one_or_none()
    return version


def _note_version(connection: Connection, schema: Schema) -> None:
    from sqlalchemy import text

    values = {"name": schema.name, "version": schema.version}
    connection.execute(text("DELETE FROM storage_versions WHERE name = :name"), values)
    connection.execute(text("INSERT INTO storage_versions (name, version) VALUES (:name, :version)"), values)
