"""The tools a bot may call: from its tools.py, the catalogue, or MCP servers, each with its rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from framework.definition.part import Duration, Part, Texts


class ToolRule(Part):
    """One tool, or all tools of one MCP server (`server/*`), and the rules for calling it."""

    name: str = Field(
        description="Name of the tool: `open_ticket`, `search_operations`, `github/create_issue`, `github/*`."
    )
    users: Texts = Field((), description="For whom it may be called (user ids, wildcards); none: everybody.")
    roles: Texts = Field((), description="Only for people with one of these roles.")
    approval: str = Field(
        "never", description="`never`, `always`, or `when: CONDITION`, a Jinja expression over `args` and `user`."
    )
    timeout: Duration = Field(timedelta(seconds=30), description="Longest run of a call.")
    per_minute: int | None = Field(None, ge=1, description="Calls a minute, for each person.")
    writes: bool = Field(True, description="Whether it changes anything: such a call is never made twice.")


class McpServer(Part):
    """An MCP server whose tools the bot may use."""

    transport: Literal["stdio", "http"] = Field("http", description="How it is reached.")
    url: str = Field("", description="For http: its address.")
    command: Texts = Field((), description="For stdio: program and arguments.")
    headers: dict[str, str] = Field(
        default_factory=dict, description="Headers for http; `${NAME}` is taken from the environment."
    )
    environment: dict[str, str] = Field(
        default_factory=dict, description="Variables for stdio; `${NAME}` is taken from the environment."
    )
