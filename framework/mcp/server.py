"""The MCP server: the toolbox as tools, each client under its policy."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from mcp_types import InputRequiredResult, ToolAnnotations

from framework import __version__
from framework.catalog.toolbox import NOTE
from framework.errors import FrameworkError
from framework.mcp.approval import AskFirst, Elicitation

if TYPE_CHECKING:
    from fastmcp.server.auth import AuthProvider

    from framework.catalog.policy import Policy
    from framework.catalog.toolbox import Toolbox

INSTRUCTIONS = (
    "Operations of a Stream Chat app. Say what should be done to search_operations, see what the best hit takes with "
    "load_operation, then execute_operation. Credentials are none of your business: they are added to each call. "
    "Channels are type:id, as in messaging:support-123. " + NOTE
)
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_ACTS = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=True)

PROGRESS_SECONDS = 5.0

PolicyOf = Callable[[], "Policy"]


def build_server(
    toolbox: Toolbox, policy_of: PolicyOf, *, issuing: bool, auth: AuthProvider | None = None
) -> FastMCP[Any]:
    """The server. `policy_of` tells the policy of the client that is calling; `issuing` adds issue_user_token."""
    server: FastMCP[Any] = FastMCP(
        "stream-operations", INSTRUCTIONS, version=__version__, auth=auth, mask_error_details=True
    )
    _add_reading(server, toolbox, policy_of)
    _add_acting(server, toolbox, policy_of)
    if issuing:
        _add_issuing(server, toolbox, policy_of)
    return server


def _add_reading(server: FastMCP[Any], toolbox: Toolbox, policy_of: PolicyOf) -> None:
    @server.tool(annotations=_READS, output_schema=None)
    def search_operations(intent: str, limit: int = 5) -> dict[str, Any]:
        """Find the operation of Stream Chat that does what is wanted, said in plain words: "halt the campaign",
        "shut someone up for a bit". The best hit comes first; `not_this` says when another one is right. With status
        no_operation there is none, and `hint` says what to do instead.
        """
        with _told():
            return toolbox.search(policy_of(), intent, limit)

    @server.tool(annotations=_READS, output_schema=None)
    def load_operation(operation_id: str, model: str | None = None) -> dict[str, Any]:
        """What an operation does and which arguments it takes, as JSON Schema with an example. `model` shows one of
        its models that was left out for its size.
        """
        with _told():
            return toolbox.load(operation_id, model)

    @server.tool(annotations=_READS, output_schema=None)
    def list_operations(group: str | None = None) -> str:
        """The ids of all operations by group, or those of one group with what each does."""
        with _told():
            return toolbox.list(policy_of(), group)


def _add_acting(server: FastMCP[Any], toolbox: Toolbox, policy_of: PolicyOf) -> None:
    @server.tool(annotations=_ACTS, output_schema=None)
    async def execute_operation(
        context: Context,
        operation_id: str = "",
        arguments: dict[str, Any] | str | None = None,
        as_user: str | None = None,
        more: str | None = None,
    ) -> dict[str, Any] | InputRequiredResult:
        """Execute an operation with the arguments that load_operation describes. The result is short; what was left
        out is listed in `left_out`: pass one of those as `more`, alone, to read it. Long lists go on with the `next`,
        `offset` or id arguments of the operation.

        Args:
            operation_id: As found, such as SendMessage.
            arguments: An object with its arguments.
            as_user: In whose name: a user's id, or the handle that issue_user_token gave.
            more: One of `left_out`, as it stands.
        """
        with _told():
            try:
                async with _progress(context):
                    return await toolbox.execute(
                        policy_of(), operation_id, arguments, as_user, more=more, ask=Elicitation(context)
                    )
            except AskFirst as first:
                return first.result


def _add_issuing(server: FastMCP[Any], toolbox: Toolbox, policy_of: PolicyOf) -> None:
    @server.tool(annotations=_ACTS, output_schema=None)
    async def issue_user_token(user_id: str, ttl_seconds: float | None = None) -> dict[str, Any]:
        """Issue a short-lived token (JWT) for a user. You get a handle: pass it as `as_user` to execute_operation to
        act as that user. The token itself is shown only where the policy says so.
        """
        with _told():
            return await toolbox.issue_user_token(policy_of(), user_id, ttl_seconds)


@asynccontextmanager
async def _progress(context: Context) -> AsyncIterator[None]:
    """Tell a client that asked for it that the call goes on, every few seconds."""

    async def tell() -> None:
        for count in itertools.count(1):
            await asyncio.sleep(PROGRESS_SECONDS)
            await context.report_progress(count * PROGRESS_SECONDS, message="The service has not answered yet.")

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()


@contextmanager
def _told() -> Iterator[None]:
    """Tell the client what went wrong, in our own words and never in a library's."""
    try:
        yield
    except FrameworkError as error:
        # It is in the audit log; FastMCP would log it as an error of ours.
        raise ToolError(str(error), log_level=logging.DEBUG) from None
