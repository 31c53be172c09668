"""The campaigns of bots as tools: listed, planned, started, stopped and watched, under the client's policy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from fastmcp import Context, FastMCP
from fastmcp.tools import ToolResult
from mcp_types import InputRequiredResult
from pydantic import Field

from framework.mcp.answers import once, told
from framework.mcp.approval import AskFirst, Elicitation
from framework.mcp.listing import CAMPAIGN_RIGHTS, changing, reading

if TYPE_CHECKING:
    from framework.catalog.execution.policy import Policy
    from framework.catalog.execution.work import Work
    from framework.catalog.toolbox import Toolbox

_READ, _START, _STOP = (
    tuple(operation for operation, _ in CAMPAIGN_RIGHTS[tool])
    for tool in ("list_campaigns", "start_campaign", "stop_campaign")
)

Name = Annotated[str, Field(description="The campaign's name, as list_campaigns tells it: camp_welcome_2026.")]
Status = Annotated[
    str | None, Field(description="Only those that are draft, scheduled, running, stopped, completed or failed.")
]
Again = Annotated[bool, Field(description="Begin another run of one that was sent, for those who got nothing.")]
AsStarted = Annotated[bool, Field(description="Go on with a stopped run although its file was edited since.")]


class CampaignActions(Protocol):
    """What is done with campaigns. Methods raise FrameworkError in words for whoever asked."""

    async def listed(self, status: str | None) -> list[dict[str, Any]]:
        """Return campaigns with the state of their last run."""

    async def plan(self, name: str) -> dict[str, Any]:
        """Return who would get it, when, and examples."""

    async def results(self, name: str) -> dict[str, Any]:
        """Return where its last run stands."""

    def about(self, name: str) -> dict[str, Any]:
        """Return what a person who approves has to know: `sender`, the bot's user, and `file`, a fingerprint."""

    async def start(self, name: str, *, file: str, again: bool, as_started: bool) -> dict[str, Any]:
        """Begin a run, or go on with a stopped one."""

    async def stop(self, name: str) -> dict[str, Any]:
        """Stop the run that is open."""


def add_campaigns(
    server: FastMCP[Any], actions: CampaignActions, toolbox: Callable[[], Toolbox], policy_of: Callable[[], Policy]
) -> None:
    """Add the tools."""
    tools = _CampaignTools(actions, toolbox, policy_of)
    server.tool(tools.list_campaigns, annotations=reading("List the campaigns of bots"), output_schema=None)
    server.tool(tools.plan_campaign, annotations=reading("Plan a campaign"), output_schema=None)
    server.tool(tools.watch_campaign, annotations=reading("See how a campaign goes"), output_schema=None)
    server.tool(tools.start_campaign, annotations=changing("Start a campaign"), output_schema=None)
    server.tool(tools.stop_campaign, annotations=changing("Stop a campaign"), output_schema=None)


class _CampaignTools:
    def __init__(
        self, actions: CampaignActions, toolbox: Callable[[], Toolbox], policy_of: Callable[[], Policy]
    ) -> None:
        self._actions = actions
        self._toolbox = toolbox
        self._policy_of = policy_of

    async def list_campaigns(self, status: Status = None) -> ToolResult:
        """The campaigns that bots have as files, with the state of their last run; draft: never started. Campaigns
        that were made in the chat service alone are found by the operation QueryCampaigns.
        """
        return await self._read({"status": status}, lambda: self._listed(status))

    async def plan_campaign(self, name: Name) -> ToolResult:
        """Who would get a campaign now: how many, who not and why, when, and the text for five. Sends nothing."""
        return await self._read({"campaign": name}, lambda: self._actions.plan(name))

    async def watch_campaign(self, name: Name) -> ToolResult:
        """How a campaign goes: its status (running, completed, ...), how many got it, read it, answered it."""
        return await self._read({"campaign": name}, lambda: self._actions.results(name))

    async def start_campaign(
        self, context: Context, name: Name, again: Again = False, as_started: AsStarted = False
    ) -> ToolResult | InputRequiredResult:
        """Start a campaign of a bot, or let a stopped one go on. The answer has its status: running, or scheduled until
        its time. Nobody gets it twice.
        """
        with told():
            about = await self._about(name, _START)
            asked = {"campaign": name, "again": again, "as_started": as_started, **about}
            file = str(about["file"])
            return await self._do(
                context,
                _START,
                asked,
                lambda: self._actions.start(name, file=file, again=again, as_started=as_started),
            )

    async def stop_campaign(self, context: Context, name: Name) -> ToolResult | InputRequiredResult:
        """Stop a campaign of a bot in the middle; what was sent stays sent. start_campaign lets it go on."""
        with told():
            asked = {"campaign": name, "sender": (await self._about(name, _STOP))["sender"]}
            return await self._do(context, _STOP, asked, lambda: self._actions.stop(name))

    async def _about(self, name: str, operations: tuple[str, ...]) -> dict[str, Any]:
        from framework.catalog.execution.work import check_rights

        await check_rights(self._toolbox().executor, self._policy_of(), operations, {"campaign": name})
        return await asyncio.to_thread(self._actions.about, name)

    async def _listed(self, status: str | None) -> dict[str, Any]:
        return {"campaigns": await self._actions.listed(status)}

    async def _read(self, asked: dict[str, Any], do: Callable[[], Awaitable[dict[str, Any]]]) -> ToolResult:
        with told():
            from framework.catalog.execution.work import carry_out

            return once(await carry_out(self._toolbox().executor, self._policy_of(), _work(_READ, asked, do)))

    async def _do(
        self,
        context: Context,
        operations: tuple[str, ...],
        asked: dict[str, Any],
        do: Callable[[], Awaitable[dict[str, Any]]],
    ) -> ToolResult | InputRequiredResult:
        from framework.catalog.execution.work import carry_out

        work = _work(operations, asked, do)
        try:
            return once(await carry_out(self._toolbox().executor, self._policy_of(), work, Elicitation(context)))
        except AskFirst as first:
            return first.result


def _work(operations: tuple[str, ...], asked: dict[str, Any], do: Callable[[], Awaitable[dict[str, Any]]]) -> Work:
    from framework.catalog.execution.work import Work

    return Work(operations, asked, str(asked.get("sender", "")), do)
