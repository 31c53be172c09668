"""The rules of a bot's tools: who may have them called, which calls a person approves first, which ones write."""

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
"""The key in a tool's metadata under which it says how bot.yaml calls it, where that is not its name."""

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
"""Tools for the chat's operations that change nothing, whatever is called."""


_DEFAULT = ToolRule(name="any")


class ToolRules:
    """What bot.yaml says of each tool. A tool that it does not name is subject to the defaults; those of `free`, which
    the agent brings itself, to nothing.
    """

    def __init__(self, rules: Sequence[ToolRule], *, free: Iterable[str] = (), where: Position | None = None) -> None:
        """Raises DefinitionError for a condition that is no Jinja expression."""
        self._free = frozenset(free)
        self._exact = {rule.name: rule for rule in rules}
        self._patterns = [rule for rule in rules if "*" in rule.name]
        for rule in rules:
            _check(rule, where)

    def of(self, tool: BaseTool) -> ToolRule:
        """The rule for a tool: by its name, else by a pattern such as `server/*`, else the default one."""
        name = declared_name(tool)
        if name in self._exact:
            return self._exact[name]
        found = next((rule for rule in self._patterns if fnmatchcase(name, rule.name)), None)
        # A tool of an MCP server may have a name that bot.yaml could not say.
        return found or _DEFAULT.model_copy(update={"name": name})

    def governs(self, tool: BaseTool) -> bool:
        """Whether any rule applies to the tool."""
        return tool.name not in self._free

    def permits(self, tool: BaseTool, context: ToolContext) -> bool:
        """Whether the tool may be called for this person."""
        if not self.governs(tool):
            return True
        rule = self.of(tool)
        by_user = not rule.users or any(fnmatchcase(context.user_id, pattern) for pattern in rule.users)
        by_role = not rule.roles or bool(set(rule.roles) & set(context.roles))
        return by_user and by_role

    def writes(self, tool: BaseTool) -> bool:
        """Whether a call changes anything, as bot.yaml says; else as the tool itself says by its extra `writes`."""
        if not self.governs(tool):
            return False
        rule = self.of(tool)
        if "writes" in rule.model_fields_set:
            return rule.writes
        own = (tool.extras or {}).get("writes")
        return own if isinstance(own, bool) else tool.name not in READERS

    def judge(self, tool: BaseTool, arguments: Mapping[str, Any], context: ToolContext) -> Judgement:
        """Say whether a person has to approve this call, as far as that can be said without knowing of other calls."""
        if not self.governs(tool):
            return Judgement(asks=False)
        approval = self.of(tool).approval.strip()
        if approval in {"never", "always"}:
            return Judgement(asks=approval == "always")
        condition = read_condition(_condition(approval))
        user = {"id": context.user_id, "name": context.user_name, "roles": list(context.roles)}
        return judgement_of(condition, tool, arguments, {"user": user, "channel": context.channel})


def declared_name(tool: BaseTool) -> str:
    """How bot.yaml names a tool: `server/tool` for one of an MCP server."""
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
