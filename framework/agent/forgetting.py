"""What a bot remembers in its own database, erased without building its agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from framework.settings import Settings


async def erase_memory(bot: str, folder: Path, settings: Settings, user_id: str) -> int:
    """Erase the facts about a person, and the bot's summaries, which may tell of them and are made anew when needed.

    Returns how many facts and summaries. Raises FrameworkError where the database cannot be changed.
    """
    from sqlalchemy import delete

    from framework.agent.prompt.facts import _FACTS
    from framework.agent.prompt.summary import _SUMMARIES
    from framework.tools.database import FILE, Database

    url = settings.database_url
    shared = url is not None and not url.get_secret_value().startswith("sqlite")
    if not shared and not (folder / FILE).is_file():
        return 0
    database = Database(folder, url if shared else None)

    def work(connection: Connection) -> int:
        facts = delete(_FACTS).where(_FACTS.c.bot == bot, _FACTS.c.user_id == user_id)
        return (
            connection.execute(facts).rowcount
            + connection.execute(delete(_SUMMARIES).where(_SUMMARIES.c.bot == bot)).rowcount
        )

    try:
        erased = await database.run(work)
        if not shared:  # what was deleted still stands in the file that SQLite writes ahead to
            await database.run(lambda connection: connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all())
        return erased
    finally:
        database.close()
