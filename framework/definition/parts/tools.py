"""The tools a bot may call: from its tools.py, the catalogue, or MCP servers, each with its rules."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

from pydantic import Field, field_validator, model_validator

from framework.definition.expressions.approval_conditions import arguments_of, check_condition
from framework.definition.parts.part import Duration, Part, Texts

_WHEN = re.compile(r"when:\s*(?P<condition>\S.*)", re.DOTALL)


class ToolRule(Part):
    """One tool, or all tools of one MCP server (`server/*`), and the rules for calling it."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.*?-]+)?$",
        description="Name of the tool: `open_ticket`, `search_operations`, `github/create_issue`, `github/*`.",
        examples=["open_ticket"],
    )
    users: Texts = Field(
        (),
        description="For whom it may be called: user ids, with wildcards. Empty: everybody.",
        examples=[["ada", "staff-*"]],
    )
    roles: Texts = Field(
        (),
        description="Only for people with one of these roles. Roles of the app, or roles of the channel by their full "
        "name (`channel_moderator`).",
        examples=[["admin"]],
    )
    approval: str = Field(
        "never",
        description="`never`, `always`, or `when: CONDITION`, a Jinja expression over `args`, `user` and `channel`. "
        "`args.NAME per hour`, `per day` or `per week` is the sum over the calls of one person.",
        examples=["when: args.amount > 100", "when: args.amount per day > 100"],
    )
    timeout: Duration = Field(timedelta(seconds=30), description="Longest run of a call.")
    per_minute: int | None = Field(None, ge=1, description="Calls a minute, for each person.", examples=[5])
    per_day: int | None = Field(None, ge=1, description="Calls within 24 hours, for each person.", examples=[20])
    writes: bool = Field(True, description="Whether a call changes anything. Such a call is never repeated.")

    @model_validator(mode="before")
    @classmethod
    def _name_as_key(cls, value: object) -> object:
        if isinstance(value, dict) and len(value) == 1 and not set(value) & set(cls.model_fields):
            (name,) = value
            raise ValueError(f"the rules of a tool stand beside its name: {{name: {name}, approval: always}}")
        return value

    @field_validator("approval", mode="before")
    @classmethod
    def _condition_as_key(cls, value: object) -> object:
        # Without quotes, `approval: {when: ...}` is what YAML makes of it.
        if isinstance(value, dict) and list(value) == ["when"]:
            return f"when: {value['when']}"
        return value

    @field_validator("approval")
    @classmethod
    def _approval(cls, value: str) -> str:
        if value in {"never", "always"}:
            return value
        match = _WHEN.fullmatch(value)
        if match is None:
            raise ValueError(f'{value!r} is not never, always or "when: CONDITION", as in "when: args.amount > 100"')
        check_condition(match["condition"])
        return value

    @property
    def condition(self) -> str | None:
        """Return the expression of `when: ...`, or None if `approval` is never or always."""
        match = _WHEN.fullmatch(self.approval)
        return match["condition"] if match else None

    @property
    def arguments(self) -> frozenset[str]:
        """Return the arguments that the condition names: `args.amount`, `args["amount"]`."""
        return arguments_of(self.condition) if self.condition is not None else frozenset()


class McpServer(Part):
    """An MCP server whose tools the bot may use."""

    transport: Literal["stdio", "http"] = Field("http", description="How it is reached. `command` alone means stdio.")
    url: str = Field("", description="For http: its address.", examples=["https://mcp.example.com/mcp"])
    command: Texts = Field((), description="For stdio: program and arguments.", examples=[["python", "server.py"]])
    headers: dict[str, str] = Field(
        default_factory=dict,
        description="Headers for http; `${NAME}` is taken from the environment.",
        examples=[{"Authorization": "Bearer ${GITHUB_TOKEN}"}],
    )
    environment: dict[str, str] = Field(
        default_factory=dict,
        description="Variables for stdio; `${NAME}` is taken from the environment.",
        examples=[{"TOKEN": "${TRACKER_TOKEN}"}],
    )

    @model_validator(mode="before")
    @classmethod
    def _transport_of_a_command(cls, value: object) -> object:
        if isinstance(value, dict) and "command" in value and "transport" not in value:
            return {**value, "transport": "stdio"}
        return value

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.match(r"https?://[^\s/]+", value):
            raise ValueError(f"{value!r} is not an address; write it as in https://mcp.example.com/mcp")
        return value
