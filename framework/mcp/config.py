"""Which MCP clients there are, how they prove it, and what each may do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator

from framework.catalog.catalog import Catalog, UnknownOperationError
from framework.definition.parts.operations import APP, CLASSES, Operations
from framework.definition.parts.part import Part
from framework.definition.reading.positions import read_yaml
from framework.definition.reading.problems import explain, together
from framework.errors import DefinitionError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from framework.definition.reading.positions import YamlDocument

_ANYONE: dict[str, Any] = {"channels": ("*",), "act_as": (APP, "*")}
PRESETS = {
    "read-only": Operations.model_validate({**_ANYONE, "allow": ("reads",)}),
    "standard": Operations.model_validate({**_ANYONE, "allow": CLASSES}),
    "full": Operations.model_validate(
        {
            **_ANYONE,
            "allow": CLASSES,
            "approve": (),
            "issue_tokens": {"users": ("*",)},
        }
    ),
}
"""Policies by name. `standard` has a person approve what destroys or administers; `full` does not, and issues tokens
(as handles).
"""
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
            raise ValueError(f"{value!r} is not a policy; there are {', '.join(PRESETS)}")
        return value

    @field_validator("token_sha256")
    @classmethod
    def _hex(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[0-9a-f]{64}", value):
            raise ValueError("a SHA-256 in hex has 64 digits; `printf %s TOKEN | sha256sum` makes one")
        return value

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.policy and self.operations:
            raise ValueError("has a `policy` by name and `operations` of its own; leave one of them out")
        if self.token_sha256 and self.token_env:
            raise ValueError("has a `token_sha256` and a `token_env`; leave one of them out")
        return self

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

    @field_validator("issuer", "jwks_uri", "base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("is not an address, such as https://login.example.com")
        return value


class McpConfig(Part):
    """The file that `mcp --config` reads."""

    clients: dict[str, McpClient] = Field(min_length=1, description="The clients, by a name of your choice.")
    oauth: OAuth | None = Field(None, description="An OAuth server, for clients with `oauth_client`.")


def read_config(file: Path) -> McpConfig:
    """Read a configuration. Raises DefinitionError with file and line for what is wrong in it."""
    document = read_yaml(file)
    if not isinstance(document.value, dict):
        raise DefinitionError("must be a mapping with `clients`", where=document.position(()))
    try:
        config = McpConfig.model_validate(document.value)
    except ValidationError as error:
        raise explain(error, document, McpConfig) from None
    problems = list(_contradictions(config, document))
    if problems:
        raise together(problems)
    return config


def _contradictions(config: McpConfig, document: YamlDocument) -> Iterator[DefinitionError]:
    """What is wrong although each value is a valid one."""
    catalog = Catalog.load()
    for name, client in config.clients.items():
        if not re.fullmatch(r"\w[\w.-]*", name):
            yield DefinitionError(
                f"clients: {name!r} is not a name for a client",
                where=document.position(("clients", name)),
                hint="Use letters, digits, `-`, `_` and `.`: its token may be kept in a file of that name.",
            )
        if client.oauth_client and config.oauth is None:
            yield DefinitionError(
                f"clients.{name}.oauth_client: there is no OAuth server that could vouch for it",
                where=document.position(("clients", name, "oauth_client")),
                hint="Add `oauth` with its issuer, jwks_uri, audience and base_url.",
            )
        yield from _unknown_operations(name, client, document, catalog)


def _unknown_operations(
    client_name: str, client: McpClient, document: YamlDocument, catalog: Catalog
) -> Iterator[DefinitionError]:
    if client.operations is None:
        return
    for part in ("allow", "deny", "approve"):
        for operation_id in getattr(client.operations, part):
            if operation_id in CLASSES:
                continue
            try:
                catalog.operation(operation_id)
            except UnknownOperationError as error:
                place = ("clients", client_name, "operations", part)
                yield DefinitionError(
                    f"{'.'.join(place)}: {error.what}", where=document.position(place), hint=error.hint
                )


def preset(name: str) -> Operations:
    """A policy by its name. Raises UsageError."""
    if name not in PRESETS:
        raise UsageError(f"There is no policy {name!r}.", hint=f"One of {', '.join(PRESETS)}, or a file with --config.")
    return PRESETS[name]
