"""What a push.yaml says: providers with references to their secrets, and templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from framework.definition.parts.part import Part

ProviderType = Literal["firebase", "apn", "huawei", "xiaomi"]
EventType = Literal["message.new", "message.updated", "reaction.new", "reaction.updated", "notification.reminder_due"]

SECRETS: Mapping[str, Mapping[str, str]] = {
    "firebase": {"credentials": "firebase_credentials"},
    "apn": {"auth_key": "apn_auth_key"},
    "huawei": {"app_secret": "huawei_app_secret"},
    "xiaomi": {"app_secret": "xiaomi_app_secret"},
}
"""The secret of each type, by its name in the file and its name at the service. Each type needs its own."""
PLAIN: Mapping[str, Mapping[str, str]] = {
    "firebase": {},
    "apn": {"key_id": "apn_key_id", "team_id": "apn_team_id", "topic": "apn_topic"},
    "huawei": {"app_id": "huawei_app_id"},
    "xiaomi": {"package_name": "xiaomi_package_name"},
}
"""What else each type needs, in the same way."""


def _short(value: object) -> object:
    return {"template": value} if isinstance(value, str) else value


class PushTemplateSpec(Part):
    """What a provider is sent for one kind of event."""

    template: str = Field(
        "",
        description="Handlebars that make a JSON object. Empty: the service's own.",
        examples=['{"data": {"id": "{{ message.id }}"}}'],
    )
    enabled: bool = Field(True, description="Whether there is a push for this kind of event.")


class PushProviderSpec(Part):
    """A provider. Its secret stands in a file or in an environment variable, never here."""

    type: ProviderType = Field(description="Which service carries the push.")
    name: str = Field(description="The name by which devices and templates know it.", examples=["main"])
    description: str = Field("", description="For people who look at the list.")
    credentials_file: str = Field("", description="Firebase: the file of a service account, beside push.yaml.")
    credentials_env: str = Field("", description="The same in an environment variable.")
    auth_key_file: str = Field("", description="APN: the file of the key (.p8).")
    auth_key_env: str = Field("", description="The same in an environment variable.")
    app_secret_file: str = Field("", description="Huawei and Xiaomi: a file with the app's secret.")
    app_secret_env: str = Field("", description="The same in an environment variable.")
    key_id: str = Field("", description="APN: the id of the key.")
    team_id: str = Field("", description="APN: the id of the team.")
    topic: str = Field("", description="APN: the bundle id of the app.", examples=["com.example.shop"])
    development: bool = Field(False, description="APN: the servers for apps under development.")
    app_id: str = Field("", description="Huawei: the id of the app.")
    package_name: str = Field("", description="Xiaomi: the name of the package.")
    templates: dict[
        EventType, Annotated[PushTemplateSpec, BeforeValidator(_short, json_schema_input_type=str | PushTemplateSpec)]
    ] = Field(default_factory=dict, description="Templates by the kind of event. A text alone is the template.")

    @model_validator(mode="before")
    @classmethod
    def _no_secret_here(cls, value: object) -> object:
        for name in ("credentials", "auth_key", "app_secret", "server_key"):
            if isinstance(value, Mapping) and name in value:
                raise ValueError(
                    f"`{name}` is a secret and must not stand in this file: put it into a file of its own and write "
                    f"`{name}_file: FILE`, or name an environment variable by `{name}_env`"
                )
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name in PLAIN[self.type]:
            if not getattr(self, name):
                raise ValueError(f"a provider of the type {self.type} needs `{name}`")
        for name in SECRETS[self.type]:
            given = [one for one in (f"{name}_file", f"{name}_env") if getattr(self, one)]
            if len(given) != 1:
                raise ValueError(f"a provider of the type {self.type} needs one of `{name}_file` and `{name}_env`")
        allowed = {*PLAIN[self.type], *(f"{name}_{kind}" for name in SECRETS[self.type] for kind in ("file", "env"))}
        known = {
            "type",
            "name",
            "description",
            "templates",
            *allowed,
            *(("development",) if self.type == "apn" else ()),
        }
        for name in sorted(self.model_fields_set - known):
            raise ValueError(f"`{name}` says nothing about a provider of the type {self.type}: remove it")
        return self

    @property
    def key(self) -> tuple[str, str]:
        """Type and name, which no other provider has."""
        return self.type, self.name

    def plain(self) -> dict[str, Any]:
        """What the service is told of it, without its secret."""
        found: dict[str, Any] = {"type": self.type, "name": self.name}
        found |= {theirs: getattr(self, ours) for ours, theirs in PLAIN[self.type].items()}
        if self.description:
            found["description"] = self.description
        if self.type == "apn":
            found |= {"apn_auth_type": "token", "apn_development": self.development}
        return found


class PushSettings(Part):
    """A push.yaml."""

    providers: tuple[PushProviderSpec, ...] = Field(description="The providers, in any order.")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for one in self.providers:
            if one.key in seen:
                raise ValueError(f"two providers of the type {one.type} have the name {one.name!r}")
            seen.add(one.key)
        return self
