"""Facts that people told about themselves: kept for each person, never shown to another one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from langchain.tools import ToolRuntime, tool
from pydantic import Field
from sqlalchemy import Column, Connection, Integer, String, Table, Text, delete, insert, select

from framework.agent.own_tools import FORGET, RECALL, REMEMBER
from framework.errors import ToolError
from framework.tools.context import ToolContext
from framework.tools.database import TABLES, Database

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from framework.definition.parts.memory import Memory

LONGEST = 300
"""Characters of one fact."""

_FACTS = Table(
    "agent_facts",
    TABLES,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("bot", String(255), nullable=False, index=True),
    Column("user_id", String(255), nullable=False, index=True),
    Column("channel", String(255), nullable=False),
    Column("fact", Text, nullable=False),
    Column("at", String(32), nullable=False),
)


class Facts:
    """One bot's facts. Every query names the person, and the channel where facts are kept apart for each."""

    def __init__(self, bot: str, database: Database, memory: Memory, *, now: Callable[[], datetime]) -> None:
        self._bot = bot
        self._database = database
        self._memory = memory
        self._now = now

    async def of(self, user_id: str, channel: str) -> tuple[str, ...]:
        """What is known of a person in a channel, oldest first; nothing of nobody."""
        if not user_id:
            return ()
        # The limit holds here too: two processes that write at once may both leave one too many.
        newest = (
            select(_FACTS.c.fact)
            .where(_FACTS.c.bot == self._bot, _FACTS.c.user_id == user_id, _FACTS.c.channel == self._channel(channel))
            .order_by(_FACTS.c.id.desc())
            .limit(self._memory.limit)
        )
        return await self._database.run(lambda connection: tuple(connection.scalars(newest).all())[::-1])

    async def remember(self, user_id: str, channel: str, fact: str) -> None:
        """Keep a fact; the same one is kept once, and the oldest ones go beyond the limit."""
        place, text = self._channel(channel), " ".join(fact.split())[:LONGEST]
        own = (_FACTS.c.bot == self._bot, _FACTS.c.user_id == user_id, _FACTS.c.channel == place)

        def work(connection: Connection) -> None:
            connection.execute(delete(_FACTS).where(*own, _FACTS.c.fact == text))
            connection.execute(
                insert(_FACTS).values(
                    bot=self._bot,
                    user_id=user_id,
                    channel=place,
                    fact=text,
                    at=self._now().isoformat(timespec="seconds"),
                )
            )
            newest = select(_FACTS.c.id).where(*own).order_by(_FACTS.c.id.desc()).limit(self._memory.limit)
            kept = connection.scalars(newest).all()
            # Older ones, not other ones: another process may have added one since the line before.
            connection.execute(delete(_FACTS).where(*own, _FACTS.c.id < min(kept)))

        await self._database.run(work)

    async def forget(self, user_id: str, channel: str, about: str = "") -> int:
        """Erase facts of a person in a channel that hold these words; all without words. Returns how many."""
        words = about.casefold().split()

        def work(connection: Connection) -> int:
            own = (
                _FACTS.c.bot == self._bot,
                _FACTS.c.user_id == user_id,
                _FACTS.c.channel == self._channel(channel),
            )
            rows = connection.execute(select(_FACTS.c.id, _FACTS.c.fact).where(*own)).all()
            gone = [row.id for row in rows if all(word in row.fact.casefold() for word in words)]
            connection.execute(delete(_FACTS).where(_FACTS.c.id.in_(gone)))
            return len(gone)

        return await self._database.run(work)

    async def erase(self, user_id: str) -> int:
        """Erase all that is known of a person, in every channel. Returns how many facts."""

        def work(connection: Connection) -> int:
            return connection.execute(
                delete(_FACTS).where(_FACTS.c.bot == self._bot, _FACTS.c.user_id == user_id)
            ).rowcount

        return await self._database.run(work)

    def _channel(self, channel: str) -> str:
        return channel if self._memory.per_channel else ""


def fact_tools(facts: Facts) -> tuple[BaseTool, ...]:
    """The tools with which a model remembers, lists and forgets, for the person of the turn and nobody else."""

    def who(runtime: ToolRuntime[ToolContext]) -> tuple[str, str]:
        if not runtime.context.user_id:
            raise ToolError("There is no person in this turn.")
        return runtime.context.user_id, runtime.context.channel

    @tool(
        REMEMBER,
        extras={"phrases": [r"^\W*(please )?(remember|keep in mind|note)( that|:)\s+(?P<fact>.{3,})"]},
    )
    async def remember_fact(
        fact: Annotated[str, Field(description="One fact about this person, as they said it, in one sentence.")],
        runtime: ToolRuntime[ToolContext],
    ) -> str:
        """Remember a lasting fact that the person you answer told about themselves and that helps later, such as which
        model they own. Never passwords, card numbers, health or what they say about others.
        """
        if runtime.context.restricted:  # an answer that everybody reads may tell it later
            raise ToolError("What only some people see is not remembered. Tell the person so.")
        await facts.remember(*who(runtime), fact)
        return f"I will remember: {' '.join(fact.split())[:LONGEST]}"

    @tool(
        RECALL,
        extras={"phrases": [r"\bwhat (do|did) you (know|remember|have) (about|of|on) me\b", r"^\W*/memory\b"]},
    )
    async def recall_facts(runtime: ToolRuntime[ToolContext]) -> str:
        """List what is remembered of the person you answer."""
        known = await facts.of(*who(runtime))
        return (
            "\n".join(["I remember:", *(f"- {fact}" for fact in known)]) if known else "I remember nothing about you."
        )

    @tool(
        FORGET,
        extras={"phrases": [r"\bforget (me|everything|all|what you know)\b", r"^\W*/forget\b"]},
    )
    async def forget_facts(
        runtime: ToolRuntime[ToolContext],
        about: Annotated[str, Field(description="Words that the facts to forget hold; empty for all of them.")] = "",
    ) -> str:
        """Forget what is remembered of the person you answer, when they ask for it."""
        count = await facts.forget(*who(runtime), about)
        return f"Forgotten: {count} fact{'' if count == 1 else 's'}."

    return remember_fact, recall_facts, forget_facts
