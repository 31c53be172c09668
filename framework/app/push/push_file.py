"""Reads a push.yaml, with the secrets that it refers to, and checks its templates."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from framework.app.push.spec import SECRETS, PushProviderSpec, PushSettings
from framework.definition.reading.positions import YamlDocument, read_yaml
from framework.definition.reading.problems import explain, together
from framework.errors import DefinitionError, Position, UsageError

FILE = "push.yaml"
_MOST_BYTES = 64 * 1024
"""Of a file with a secret."""
_PLACES = frozenset({"message", "channel", "sender", "receiver", "members", "otherMembers", "unread_count"})
"""What a template may name at the service."""
_PERSON = {"id": "maria", "name": 'Maria "Mia" Müller', "image": ""}
_SAMPLE: Mapping[str, Any] = {
    "message": {"id": "m1", "text": 'She said: "It\'s wet!"\nSee \\ and 🌧', "type": "regular", "cid": "messaging:a"},
    "channel": {"id": "a", "type": "messaging", "cid": "messaging:a", "name": "Help"},
    "sender": _PERSON,
    "receiver": {**_PERSON, "id": "ben"},
    "members": [_PERSON],
    "otherMembers": [_PERSON],
    "unread_count": 3,
}


@dataclass(frozen=True)
class PushFile:
    """A push.yaml that was read. `secrets` are by type and name of the provider, under the service's names."""

    path: Path
    settings: PushSettings
    secrets: Mapping[tuple[str, str], Mapping[str, SecretStr]]


def read_push_file(path: Path, environment: Mapping[str, str] = os.environ) -> PushFile:
    """Read it. Raises UsageError if there is none, DefinitionError with file and line for all that is wrong in it."""
    if not path.is_file():
        raise UsageError(
            f"There is no file {path}.", hint="docs/push.md says how to write one; name another one: FILE."
        )
    document = read_yaml(path)
    try:
        settings = PushSettings.model_validate({} if document.value is None else document.value)
    except ValidationError as error:
        raise explain(error, document, PushSettings) from None
    problems: list[DefinitionError] = []
    secrets: dict[tuple[str, str], Mapping[str, SecretStr]] = {}
    for number, provider in enumerate(settings.providers):
        try:
            secrets[provider.key] = _secrets(provider, document, number, environment)
        except DefinitionError as error:
            problems.append(error)
        problems += _templates(provider, document, number)
    if problems:
        raise together(problems)
    return PushFile(path, settings, secrets)


def _secrets(
    provider: PushProviderSpec, document: YamlDocument, number: int, environment: Mapping[str, str]
) -> dict[str, SecretStr]:
    found = {}
    for ours, theirs in SECRETS[provider.type].items():
        file, variable = getattr(provider, f"{ours}_file"), getattr(provider, f"{ours}_env")
        where = document.position(("providers", number, f"{ours}_file" if file else f"{ours}_env"))
        secret = _from_file(document.file.parent / file, where) if file else environment.get(variable, "")
        if not secret.strip():
            raise DefinitionError(
                f"{file or f'the environment variable {variable}'} holds no secret",
                where=where,
                hint="Put it there, and start the command again.",
            )
        _check_secret(provider, secret, where)
        found[theirs] = SecretStr(secret.strip())
    return found


def _from_file(path: Path, where: Position) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DefinitionError(f"{path} is no file with a secret: it is too large", where=where)
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise DefinitionError(
            f"{path} cannot be read: {why}", where=where, hint="Name a file beside push.yaml."
        ) from None


def _check_secret(provider: PushProviderSpec, secret: str, where: Position) -> None:
    """Say what is certainly not a secret of this type, without a word of it."""
    if provider.type == "apn" and "PRIVATE KEY" not in secret:
        raise DefinitionError("it is no APN key", where=where, hint="It begins with -----BEGIN PRIVATE KEY-----.")
    if provider.type != "firebase":
        return
    try:
        account = json.loads(secret)
    except ValueError:
        account = None
    if not isinstance(account, dict) or not account.get("private_key"):
        raise DefinitionError(
            "it is no service account of Firebase",
            where=where,
            hint="Firebase gives a file in JSON with project_id and private_key.",
        )


def _templates(provider: PushProviderSpec, document: YamlDocument, number: int) -> Iterator[DefinitionError]:
    from framework.sandbox.features.push.handlebars import TemplateError, names_in, render_push

    for event, spec in provider.templates.items():
        where = document.position(("providers", number, "templates", event))
        if not spec.template.strip():
            continue
        try:
            made = json.loads(render_push(spec.template, _SAMPLE))
        except TemplateError as error:
            yield DefinitionError(f"the template of {event} cannot be read: {error}", where=where)
            continue
        except ValueError as error:
            yield DefinitionError(
                f"the template of {event} makes no JSON: {error}",
                where=where,
                hint='It was tried with a text that has quotes and two lines. Write texts as in "{{ message.text }}".',
            )
            continue
        if not isinstance(made, dict):
            yield DefinitionError(f"the template of {event} makes no JSON object", where=where)
        unknown = sorted(names_in(spec.template) - _PLACES)
        if unknown:
            yield DefinitionError(
                f"the template of {event} names {', '.join(unknown)}, which the service does not know",
                where=where,
                hint=f"It knows {', '.join(sorted(_PLACES))}.",
            )
