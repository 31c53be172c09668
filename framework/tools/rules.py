"""The rules of a bot's tools: for whom they may be called, which calls need approval, which ones write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from framework.definition.expressions.approval_conditions import check_condition, read_condition
from framework.definition.parts.tools import ToolRule
from framework.errors import DefinitionError, Position
from framework.tools.approval.judgement import Judgement, judgement_of

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from framework.tools.context import ToolContext

DECLARED = "declared"
"""The key in a tool's metadata for its name in bot.yaml, if that is another one."""

READERS = frozenset(
    {
        "search_operations",
        "load_operation",
        "list_operations",
        "read_messages",
        "search_messages",
        "query_channels",
    }
)
"""Tools for the chat's operations that never change anything."""


_DEFAULT = ToolRule(name="any")


class ToolRules:
    """The rules that bot.yaml has for each tool. A tool that it does not name has the defaults.

    The tools in `free` belong to the agent itself and have no rules.
    """

    def __init__(self, rules: Sequence[ToolRule], *, free: Iterable[str] = (), where: Position | None = None) -> None:
        """Raises DefinitionError for a condition that is no Jinja expression."""
        self._free = frozenset(free)
        self._exact = {rule.name: rule for rule in rules}
        self._patterns = [rule for rule in rules if "*" in rule.name]
        for rule in rules:
            _check(rule, where)

    def of(self, tool: BaseTool) -> ToolRule:
        """Return the rule for a tool: by its name, else by a pattern such as `server/*`, else the default."""
        name = declared_name(tool)
        if name in self._exact:
            return self._exact[name]
        found = next((rule for rule in self._patterns if fnmatchcase(name, rule.name)), None)
        # A tool of an MCP server may have a name that bot.yaml could not say.
        return found or _DEFAULT.model_copy(update={"name": name})

    def governs(self, tool: BaseTool) -> bool:
        """Return whether any rule applies to the tool."""
        return tool.name not in self._free

    def permits(self, tool: BaseTool, context: ToolContext) -> bool:
        """Return whether the tool may be called for this person."""
        if not self.governs(tool):
            return True
        rule = self.of(tool)
        by_user = not rule.users or any(fnmatchcase(context.user_id, pattern) for pattern in rule.users)
        by_role = not rule.roles or bool(set(rule.roles) & set(context.roles))
        return by_user and by_role

    def writes(self, tool: BaseTool) -> bool:
        """Return whether a call changes anything: as bot.yaml says, else as the tool's extra `writes` says."""
        if not self.governs(tool):
            return False
        rule = self.of(tool)
        if "writes" in rule.model_fields_set:
            return rule.writes
        own = (tool.extras or {}).get("writes")
        return own if isinstance(own, bool) else tool.name not in READERS

    def judge(self, tool: BaseTool, arguments: Mapping[str, Any], context: ToolContext) -> Judgement:
        """Judge whether a person has to approve this call, as far as that does not depend on other calls."""
        if not self.governs(tool):
            return Judgement(asks=False)
        approval = self.of(tool).approval.strip()
        if approval in {"never", "always"}:
            return Judgement(asks=approval == "always")
        condition = read_condition(_condition(approval))
        user = {"id": context.user_id, "name": context.user_name, "roles": list(context.roles)}
        return judgement_of(condition, tool, arguments, {"user": user, "channel": context.channel})


def declared_name(tool: BaseTool) -> str:
    """Return a tool's name in bot.yaml: `server/tool` for one of an MCP server."""
    return str((tool.metadata or {}).get(DECLARED, tool.name))


def _condition(approval: str) -> str:
    return approval.removeprefix("when:").strip()


def _check(rule: ToolRule, where: Position | None) -> None:
    approval = rule.approval.strip()
    if approval in {"never", "always"}:
        return
    hint = "Write `never`, `always`, or `when: CONDITION`, as in `when: args.amount > 100`."
    if not approval.startswith("when:") or not _condition(approval):
        raise DefinitionError(f"tools: {rule.name}: approval {approval!r} is not known", where=where, hint=hint)
    try:
        check_condition(_condition(approval))
    except ValueError as error:
        raise DefinitionError(
            f"tools: {rule.name}: the condition {_condition(approval)!r} cannot be read: {error}",
            where=where,
            hint=hint,
        ) from None
