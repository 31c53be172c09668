"""The tools by which a language model makes promises, for the person of the turn and nobody else."""

from __future__ import annotations

from typing import Annotated, Literal

from langchain.tools import ToolRuntime
from langchain_core.tools import BaseTool, tool
from pydantic import Field

from framework.agent.own_tools import LIST_PROMISES, PROMISE, TAKE_BACK
from framework.definition.parts.promises import Promises
from framework.errors import ToolError
from framework.tools.context import ToolContext
from framework.tools.promiser import Promiser


def promise_tools(rules: Promises) -> tuple[BaseTool, ...]:
    """The tools to promise, to list and to take back. Each returns a sentence for the person."""
    events = "; ".join(f"{name}: {one.means}" for name, one in rules.events.items()) or "none"

    @tool(PROMISE)
    async def promise(
        what: Annotated[str, Field(description="What they want to be reminded of or told, in their own words.")],
        runtime: ToolRuntime[ToolContext],
        at: Annotated[
            str, Field(description="When, as 2026-12-24T09:00, on the person's clock. Empty if it is for an event.")
        ] = "",
        event: Annotated[str, Field(description=f"For which event, by its name. The events: {events}.")] = "",
        kind: Annotated[
            Literal["remind", "ask"], Field(description="Remind them, or ask them the same question again.")
        ] = "remind",
    ) -> str:
        """Promise to write to this person here later: at a time, or when an event comes. Call it only if they ask for
        it. Ask back if they do not say when. Then tell them the sentence that it returns. Promise nothing without it.
        """
        return await _promiser(runtime).promise(runtime.context.key, what, at=at, event=event, asks=kind == "ask")

    @tool(LIST_PROMISES)
    async def list_promises(runtime: ToolRuntime[ToolContext]) -> str:
        """List what you promised this person here."""
        return await _promiser(runtime).promised()

    @tool(TAKE_BACK)
    async def cancel_promises(runtime: ToolRuntime[ToolContext]) -> str:
        """Take back what you promised this person here: when they say that there is no need any more."""
        return await _promiser(runtime).take_back()

    return promise, list_promises, cancel_promises


def _promiser(runtime: ToolRuntime[ToolContext]) -> Promiser:
    if runtime.context.promiser is None:
        raise ToolError("Nothing can be promised here: run the bot in a channel.")
    return runtime.context.promiser
