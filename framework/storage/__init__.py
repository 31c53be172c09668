"""The one way to a SQL database: SQLite or Postgres, as `DATABASE_URL` says.

A store declares its tables as a `Schema` and does its work through a `Storage`:

    METADATA = MetaData()
    NOTES = Table("notes", METADATA, Column("id", Text, primary_key=True), Column("text", Text, nullable=False))
    SCHEMA = Schema("notes", version=1, tables=lambda: METADATA)

    await storage.write(SCHEMA, lambda connection: connection.execute(insert(NOTES).values(id="1", text="hello")))
    found = await storage.read(SCHEMA, lambda connection: connection.execute(select(NOTES)).all())

Each call is one transaction. The tables are created before the first one. A change of a table raises `version` and adds
a step to `migrations`. SQLAlchemy costs half a second to import: import it, and modules with tables, inside functions.
"""

from framework.storage.schema import Schema
from framework.storage.storage import Storage

__all__ = ["Schema", "Storage"]
