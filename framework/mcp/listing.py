"""The list of tools as a client sees it: only what its policy gives it, with hints that are true for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastmcp.server.middleware import Middleware
from mcp_types import ToolAnnotations

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastmcp.server.middleware import CallNext, MiddlewareContext
    from fastmcp.tools import Tool

    from framework.catalog.execution.policy import Policy

EXECUTE = "execute_operation"
ISSUE = "issue_user_token"
CAMPAIGN_RIGHTS = {
    "list_campaigns": (("QueryUsers", "reads"), ("QueryCampaigns", "reads")),
    "plan_campaign": (("QueryUsers", "reads"), ("QueryCampaigns", "reads")),
    "watch_campaign": (("QueryUsers", "reads"), ("QueryCampaigns", "reads")),
    "start_campaign": (("CreateCampaign", "writes"), ("StartCampaign", "administers")),
    "stop_campaign": (("StopCampaign", "writes"),),
}
"""The operations, each with its class, whose rights a tool for campaigns takes. Only the list reads the classes: they
are known before the catalogue is loaded.
"""
_CHANGING = frozenset({"writes", "administers", "destroys"})


def reading(title: str, *, open_world: bool = False) -> ToolAnnotations:
    """The hints of a tool that changes nothing."""
    return ToolAnnotations(
        title=title, read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=open_world
    )


def changing(title: str) -> ToolAnnotations:
    """The hints of a tool that writes to people."""
    return ToolAnnotations(
        title=title, read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
    )


class PolicyListing(Middleware):
    """Adapts the list to the client that asks for it."""

    def __init__(self, policy_of: Callable[[], Policy]) -> None:
        self._policy_of = policy_of

    async def on_list_tools(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Sequence[Tool]]
    ) -> Sequence[Tool]:
        """Leave out what the policy never allows, and say of each tool what it can do for this client."""
        policy = self._policy_of()
        tools = await call_next(context)
        return [self._hinted(tool, policy) for tool in tools if self._given(tool, policy)]

    def _given(self, tool: Tool, policy: Policy) -> bool:
        if tool.name == ISSUE:
            return bool(policy.rules.issue_tokens.users)
        rules = policy.rules
        return all(
            (operation in rules.allow or effect in rules.allow) and not {operation, effect} & set(rules.deny)
            for operation, effect in CAMPAIGN_RIGHTS.get(tool.name, ())
        )

    def _hinted(self, tool: Tool, policy: Policy) -> Tool:
        if tool.name == EXECUTE:
            allowed = set(policy.rules.allow) - set(policy.rules.deny)
            named = any(rule not in {"reads", *_CHANGING} for rule in allowed)
            changes = named or not allowed.isdisjoint(_CHANGING)
            return self._with(tool, changes=changes, destroys=changes and (named or "destroys" in allowed))
        return self._with(tool, changes=True, destroys=False) if tool.name == ISSUE else tool

    def _with(self, tool: Tool, *, changes: bool, destroys: bool) -> Tool:
        title = tool.annotations.title if tool.annotations else None
        hints = ToolAnnotations(
            title=title,
            read_only_hint=not changes,
            destructive_hint=destroys,
            idempotent_hint=not changes,
            open_world_hint=True,
        )
        return tool.model_copy(update={"annotations": hints})
