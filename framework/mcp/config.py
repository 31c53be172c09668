"""Which MCP clients there are, how they prove it, and what each may do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError, field_validator

from framework.definition.operations import APP, Operations
from framework.definition.part import Part
from framework.definition.positions import read_yaml
from framework.definition.problems import explain
from framework.errors import DefinitionError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_ANYONE: dict[str, Any] = {"channels": ("*",), "act_as": (APP, "*")}
PRESETS = {
    "read-only": Operations.model_validate({**_ANYONE, "allow": ("reads",)}),
    "standard": Operations.model_validate({**_ANYONE, "allow": ("reads", "writes", "destroys")}),
    "full": Operations.model_validate(
        {
            **_ANYONE,
            "allow": ("reads", "writes", "destroys"),
            "approve": (),
            "issue_tokens": {"users": ("*",)},
        }
    ),
}
"""Policies by name. `standard` has a person approve what destroys; `full` does not, and issues tokens (as handles)."""
STANDARD = "standard"


class McpClient(Part):
    """One client."""

    policy: str | None = Field(None, description="A policy by name: read-only, standard or full.")
    operations: Operations | None = Field(None, description="Or one of its own, as in a bot's definition.")
    token_sha256: str | None = Field(None, description="SHA-256 of its bearer token, in hex, for HTTP.")
    token_env: str | None = Field(None, description="Or the environment variable that holds the token.")
    oauth_client: str | None = Field(None, description="Or the client id that its OAuth tokens carry.")

    @field_validator("policy")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in PRESETS:
            raise ValueError(f"{value!r} is no policy; there are {', '.join(PRESETS)}")
        return value

    @field_validator("token_sha256")
    @classmethod
    def _hex(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[0-9a-f]{64}", value):
            raise ValueError("a SHA-256 in hex has 64 digits; `printf %s TOKEN | sha256sum` makes one")
        return value

    @property
    def rules(self) -> Operations:
        """What it may do."""
        return self.operations or PRESETS[self.policy or STANDARD]


class OAuth(Part):
    """An OAuth server whose access tokens (JWTs) are accepted over HTTP."""

    issuer: str = Field(description="The issuer that tokens must name; also where clients find the server.")
    jwks_uri: str = Field(description="Where its public keys are.")
    audience: str = Field(description="The audience that tokens must name: this server.")
    base_url: str = Field(description="The address at which clients reach this server, without /mcp.")
    scopes: tuple[str, ...] = Field((), description="Scopes that a token must have.")


class McpConfig(Part):
    """The file that `mcp --config` reads."""

    clients: dict[str, McpClient] = Field(description="The clients, by a name of your choice.")
    oauth: OAuth | None = Field(None, description="An OAuth server, for clients with `oauth_client`.")


def read_config(file: Path) -> McpConfig:
    """Read a configuration. Raises DefinitionError with file and line for what is wrong in it."""
    document = read_yaml(file)
    if not isinstance(document.value, dict):
        raise DefinitionError("must be a mapping with `clients`", where=document.position(()))
    try:
        return McpConfig.model_validate(document.value)
    except ValidationError as error:
        raise explain(error, document, McpConfig) from None


def preset(name: str) -> Operations:
    """A policy by its name. Raises UsageError."""
    if name not in PRESETS:
        raise UsageError(f"There is no policy {name!r}.", hint=f"One of {', '.join(PRESETS)}, or a file with --config.")
    return PRESETS[name]
