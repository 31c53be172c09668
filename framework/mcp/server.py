"""The MCP server: the toolbox as tools, each client under its policy."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastmcp import Context, FastMCP
from fastmcp.tools import ToolResult
from mcp_types import InputRequiredResult
from pydantic import Field

from framework.catalog.values import NOTE
from framework.errors import UsageError
from framework.mcp.answers import once, told
from framework.mcp.approval import AskFirst, Elicitation
from framework.mcp.campaign_tools import CampaignActions, add_campaigns
from framework.mcp.given import GivenArguments
from framework.mcp.listing import ISSUE, PolicyListing, reading
from framework.version import __version__

if TYPE_CHECKING:
    from fastmcp.server.auth import AuthProvider

    from framework.catalog.execution.policy import Policy
    from framework.catalog.toolbox import Toolbox

INSTRUCTIONS = (
    "Operations of a Stream Chat app. Say what should be done to search_operations, see what the best hit takes with "
    "load_operation, then execute_operation. Credentials are none of your business: they are added to each call. "
    "Channels are type:id, as in messaging:support-123. " + NOTE
)
PROGRESS_SECONDS = 5.0
LOGGED = 200
"""Of so many of the newest entries of the audit log, a client may read its own."""

PolicyOf = Callable[[], "Policy"]
ToolboxOf = Callable[[], "Toolbox"]
Asker = Callable[[str, str], Awaitable[dict[str, Any]]]
"""Answers a question, the first text, for a client, the second, with its sources."""

Intent = Annotated[str, Field(description="What should be done, in plain words: halt the campaign.")]
Limit = Annotated[int, Field(description="How many hits at most.", ge=1, le=20)]
OperationId = Annotated[str, Field(description="The id of an operation as found, such as SendMessage.")]
Model = Annotated[
    str | None,
    Field(description="A name from models_left_out, to see that model alone; `arguments` shows all arguments."),
]
Group = Annotated[str | None, Field(description="A group, such as channels; left out: the ids of all groups.")]
Arguments = Annotated[
    dict[str, Any] | str | None, Field(description="The arguments as an object, as load_operation describes them.")
]
AsUser = Annotated[
    str | None,
    Field(description="In whose name: a user's id, or the handle that issue_user_token gave. Never a token."),
]
More = Annotated[str | None, Field(description="One of `left_out` of an earlier answer, alone, to read that part.")]
Steps = Annotated[
    list[dict[str, Any]] | str | None,
    Field(
        description="Several operations in order, instead: objects with operation_id, arguments, as_user. Arguments "
        "may refer to earlier answers: $1.channel.cid is that field of the first step's answer."
    ),
]
UserId = Annotated[str, Field(description="The id of the user.")]
Seconds = Annotated[float | None, Field(description="How long the handle works, in seconds; left out: 15 minutes.")]
Question = Annotated[str, Field(description="The question, in any language.", min_length=1, max_length=4_000)]


def build_server(
    toolbox: ToolboxOf,
    policy_of: PolicyOf,
    *,
    issuing: bool,
    bots: Mapping[str, Asker] | None = None,
    campaigns: CampaignActions | None = None,
    auth: AuthProvider | None = None,
) -> FastMCP[Any]:
    """The server. `toolbox` opens the operations when they are first wanted; `policy_of` tells the policy of the client
    that is calling; `issuing` adds issue_user_token; each of `bots` adds a tool that asks it;
    `campaigns` adds the tools for campaigns of bots.
    """
    server: FastMCP[Any] = FastMCP(
        "stream-operations", INSTRUCTIONS, version=__version__, auth=auth, mask_error_details=True
    )
    server.add_middleware(PolicyListing(policy_of))
    server.add_middleware(GivenArguments())
    _add_reading(server, toolbox, policy_of)
    _add_acting(server, toolbox, policy_of)
    if issuing:
        _add_issuing(server, toolbox, policy_of)
    for name, ask in (bots or {}).items():
        _add_bot(server, name, ask, policy_of)
    if campaigns is not None:
        add_campaigns(server, campaigns, toolbox, policy_of)
    _add_resources(server, toolbox, policy_of)
    return server


def _add_reading(server: FastMCP[Any], toolbox: ToolboxOf, policy_of: PolicyOf) -> None:
    @server.tool(annotations=reading("Find an operation"), output_schema=None)
    def search_operations(intent: Intent, limit: Limit = 5) -> ToolResult:
        """Find the operation of Stream Chat that does what is wanted, said in plain words and in any language: "halt
        the campaign", "shut someone up for a bit". The best hit comes first; `not_this` says when another one is right.
        With status no_operation there is none, and `hint` says what to do instead. For several things at once, `plan`
        drafts the steps in order.
        """
        with told():
            return once(toolbox().search(policy_of(), intent, limit))

    @server.tool(annotations=reading("See what an operation takes"), output_schema=None)
    def load_operation(operation_id: OperationId, model: Model = None) -> ToolResult:
        """What an operation does and which arguments it takes, as JSON Schema with an example that works."""
        with told():
            return once(toolbox().load(operation_id, model))

    @server.tool(annotations=reading("List operations"), output_schema=None)
    def list_operations(group: Group = None) -> ToolResult:
        """The ids of all operations by group, or those of one group with what each does."""
        with told():
            return once(toolbox().list(policy_of(), group))


def _add_acting(server: FastMCP[Any], toolbox: ToolboxOf, policy_of: PolicyOf) -> None:
    @server.tool(annotations=reading("Execute an operation"), output_schema=None)
    async def execute_operation(
        context: Context,
        operation_id: OperationId = "",
        arguments: Arguments = None,
        as_user: AsUser = None,
        more: More = None,
        steps: Steps = None,
    ) -> ToolResult | InputRequiredResult:
        """Execute an operation with the arguments that load_operation describes. The result is short; what was left
        out is listed in `left_out`: pass one of those as `more`, alone, to read it. Long lists go on with the `next`,
        `offset` or id arguments of the operation. With `steps`, alone, a plan is checked and approved as a whole and
        executed until a step fails; the answer then says what was done and how to take it back.
        """
        ask = Elicitation(context)
        with told():
            try:
                async with _progress(context):
                    if steps is not None:
                        _check_alone(operation_id, arguments, as_user, more)
                        return once(await toolbox().execute_plan(policy_of(), steps, ask=ask))
                    return once(
                        await toolbox().execute(policy_of(), operation_id, arguments, as_user, more=more, ask=ask)
                    )
            except AskFirst as first:
                return first.result


def _check_alone(*others: object) -> None:
    if any(others):
        raise UsageError("`steps` stands alone: put operation_id, arguments and as_user into each step.")


def _add_issuing(server: FastMCP[Any], toolbox: ToolboxOf, policy_of: PolicyOf) -> None:
    @server.tool(name=ISSUE, annotations=reading("Issue a user token"), output_schema=None)
    async def issue_user_token(user_id: UserId, ttl_seconds: Seconds = None) -> ToolResult:
        """Issue a short-lived token (JWT) for a user. You get a handle: pass it as `as_user` to execute_operation to
        act as that user. The token itself is shown only where the policy says so.
        """
        with told():
            return once(await toolbox().issue_user_token(policy_of(), user_id, ttl_seconds))


def _add_bot(server: FastMCP[Any], name: str, ask: Asker, policy_of: PolicyOf) -> None:
    async def answer(context: Context, question: Question) -> ToolResult:
        with told():
            async with _progress(context):
                return once(await ask(question, policy_of().who.name))

    server.tool(
        answer,
        name=f"ask_{name}",
        description=f"Ask the bot {name}. The answer names its sources; the outcome is answered, unsure or refused.",
        annotations=reading(f"Ask {name}", open_world=True),
        output_schema=None,
    )


def _add_resources(server: FastMCP[Any], toolbox: ToolboxOf, policy_of: PolicyOf) -> None:
    @server.resource("stream://policy", mime_type="application/json", description="What this client may do, and how.")
    def policy() -> str:
        with told():
            rules = policy_of()
            return json.dumps({"client": rules.who.name, **rules.rules.model_dump(mode="json")}, ensure_ascii=False)

    @server.resource("stream://audit", mime_type="application/json", description="What this client did, newest last.")
    async def audit() -> str:
        with told():
            return json.dumps(await toolbox().executor.logged(policy_of(), LOGGED), ensure_ascii=False)


@asynccontextmanager
async def _progress(context: Context) -> AsyncIterator[None]:
    """Tell a client that asked for it that the call goes on, every few seconds."""

    async def tell() -> None:
        for count in itertools.count(1):
            await asyncio.sleep(PROGRESS_SECONDS)
            await context.report_progress(count * PROGRESS_SECONDS, message="There is no answer yet.")

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
