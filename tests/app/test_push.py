"""Push providers and templates from a file: each mistake by its line, secrets by reference, twice changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from framework.app.push.plan import plan_push
from framework.app.push.push_file import read_push_file
from framework.errors import DefinitionError, UsageError

KEY = "-----BEGIN PRIVATE KEY-----\nMIGT-secret\n-----END PRIVATE KEY-----"
ACCOUNT = json.dumps({"type": "service_account", "project_id": "shop", "private_key": "very-private"})
GOOD = """
providers:
  - type: firebase
    name: main
    credentials_file: fb.json
    templates:
      message.new: '{"notification": {"title": "{{ sender.name }}", "body": "{{ truncate message.text 150 }}"}}'
      reaction.new: {enabled: false}
  - {type: apn, name: ios, auth_key_env: APN_KEY, key_id: K1, team_id: T1, topic: com.example.shop}
  - {type: huawei, name: h, app_id: "12", app_secret_env: H_SECRET}
  - {type: xiaomi, name: x, package_name: com.example.shop, app_secret_env: X_SECRET}
"""
ENVIRONMENT = {"APN_KEY": KEY, "H_SECRET": "h-secret", "X_SECRET": "x-secret"}


class Service:
    """Answers as the chat service does; with `masked` it shows no secret."""

    def __init__(self, *, masked: bool = False) -> None:
        self.masked = masked
        self.providers: dict[tuple[str, str], dict[str, Any]] = {}
        self.templates: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self.calls: list[str] = []

    async def execute(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        self.calls.append(operation)
        if operation == "ListPushProviders":
            return {"push_providers": [self._shown(one) for one in self.providers.values()]}
        if operation == "GetPushTemplates":
            key = (arguments["push_provider_type"], arguments["push_provider_name"])
            return {"templates": list(self.templates.get(key, {}).values())}
        if operation == "UpsertPushProvider":
            one = dict(arguments["push_provider"])
            self.providers[one["type"], one["name"]] = one
            return {}
        assert operation == "UpsertPushTemplate"
        key = (arguments["push_provider_type"], arguments["push_provider_name"])
        self.templates.setdefault(key, {})[arguments["event_type"]] = dict(arguments)
        return {}

    def _shown(self, one: dict[str, Any]) -> dict[str, Any]:
        secret = ("credentials", "auth_key", "app_secret")
        return {name: value for name, value in one.items() if not (self.masked and name.endswith(secret))}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fb.json").write_text(ACCOUNT)
    (tmp_path / "push.yaml").write_text(GOOD)
    return tmp_path


async def applied(folder: Path, service: Service, *, renew: bool = False) -> tuple[list[str], list[str]]:
    plan = await plan_push(read_push_file(folder / "push.yaml", ENVIRONMENT), service.execute, renew=renew)
    for change in plan.changes:
        await service.execute(change.operation, change.arguments)
    return [line for change in plan.changes for line in change.lines], plan.notes


async def test_a_second_time_changes_nothing(folder: Path) -> None:
    service = Service()
    lines, notes = await applied(folder, service)
    assert lines == [
        "firebase main: is made",
        "firebase main: the template of message.new is made",
        "firebase main: the template of reaction.new is made",
        "apn ios: is made",
        "huawei h: is made",
        "xiaomi x: is made",
    ]
    assert service.providers["apn", "ios"]["apn_auth_key"] == KEY
    assert service.providers["firebase", "main"]["firebase_credentials"] == ACCOUNT
    assert await applied(folder, service) == ([], [])
    assert notes == []


async def test_what_differs_is_said_without_the_secret_and_what_others_made_stays(folder: Path) -> None:
    service = Service()
    await applied(folder, service)
    service.providers["apn", "old"] = {"type": "apn", "name": "old"}
    service.providers["apn", "ios"] |= {"apn_topic": "com.other", "apn_auth_key": "-----BEGIN PRIVATE KEY-----old"}
    service.templates["firebase", "main"]["message.new"]["enable_push"] = False
    lines, notes = await applied(folder, service)
    assert lines == [
        "firebase main: the template of message.new is switched on",
        "apn ios: apn_topic is 'com.example.shop' (before: 'com.other')",
        "apn ios: apn_auth_key is another one",
    ]
    assert notes == [f"apn old: is not in {folder / 'push.yaml'}, and stays"]


async def test_a_secret_that_the_service_does_not_show_is_sent_again_when_told_so(folder: Path) -> None:
    service = Service(masked=True)
    await applied(folder, service)
    lines, notes = await applied(folder, service)
    assert (lines, len(notes)) == ([], 4)
    lines, notes = await applied(folder, service, renew=True)
    assert [line for line in lines if "is sent again" in line] == lines
    assert (len(lines), notes) == (4, [])


async def test_a_provider_that_the_service_switched_off_is_told(folder: Path) -> None:
    service = Service()
    await applied(folder, service)
    service.providers["huawei", "h"] |= {
        "disabled_at": "2026-11-30T10:00:00Z",
        "disabled_reason": "no key",
    }
    _, notes = await applied(folder, service)
    assert notes == ["huawei h: the service switched it off (no key); mend the cause, then --renew"]


BAD = [
    ("credentials_file: fb.json\n    name2: x", 6, "name2"),
    ("credentials: '{\"private_key\": \"very-private\"}'", 3, "is a secret and must not stand in this file"),
    ("server_key: very-private", 3, "is a secret and must not stand in this file"),
    ("credentials_file: none.json", 5, "cannot be read: No such file"),
    ("credentials_env: NOPE", 5, "NOPE holds no secret"),
    ("credentials_file: fb.json\n    credentials_env: NOPE", 3, "needs one of"),
    ("topic: x", 3, "needs one of"),
    ("credentials_file: fb.json\n    topic: x", 3, "says nothing about a provider of the type firebase"),
    ("credentials_file: push.yaml", 5, "is no service account"),
    ("credentials_file: big", 5, "too large"),
    ("credentials_file: picture", 5, "it is not a text"),
    ("credentials_file: fb.json\n    templates: {message.neu: '{}'}", 6, "message.neu"),
    ("credentials_file: fb.json\n    templates:\n      message.new: '{{ message.text }}'", 7, "makes no JSON"),
    ("credentials_file: fb.json\n    templates:\n      message.new: '[1]'", 7, "makes no JSON object"),
    ("credentials_file: fb.json\n    templates:\n      message.new: '{\"a\": \"{{ mesage.id }}\"}'", 7, "names mesage"),
    ("credentials_file: fb.json\n    templates:\n      message.new: '{{#if message.text}}'", 7, "has no end"),
    ("credentials_file: fb.json\n    templates:\n      message.new: '{\"a\": \"{{ up message.id }}\"}'", 7, "'up'"),
    ("credentials_file: fb.json\n    templates:\n      message.new: '{\"a\": {{ message.text }}}'", 7, "makes no JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "line", "said"), BAD)
def test_each_mistake_is_told_by_its_line_and_without_a_secret(folder: Path, body: str, line: int, said: str) -> None:
    (folder / "big").write_text("x" * 70_000)
    (folder / "picture").write_bytes(b"\x89PNG\xff\xfe")
    (folder / "push.yaml").write_text(f"\nproviders:\n  - type: firebase\n    name: main\n    {body}\n")
    with pytest.raises(DefinitionError) as refused:
        read_push_file(folder / "push.yaml", ENVIRONMENT)
    told = f"{refused.value}"
    assert f"push.yaml:{line}:" in told
    assert said in told
    assert "very-private" not in told


def test_two_providers_of_one_name_an_odd_key_and_no_file(folder: Path) -> None:
    one = "{type: huawei, name: h, app_id: '1', app_secret_env: H_SECRET}"
    (folder / "push.yaml").write_text(f"providers: [{one}, {one}]")
    with pytest.raises(DefinitionError, match="two providers of the type huawei have the name 'h'"):
        read_push_file(folder / "push.yaml", ENVIRONMENT)
    (folder / "push.yaml").write_text(
        "providers: [{type: apn, name: a, auth_key_env: H_SECRET, key_id: K, team_id: T, topic: c}]"
    )
    with pytest.raises(DefinitionError, match="it is no APN key") as refused:
        read_push_file(folder / "push.yaml", ENVIRONMENT)
    assert "h-secret" not in str(refused.value)
    with pytest.raises(UsageError, match="There is no file"):
        read_push_file(folder / "none.yaml", ENVIRONMENT)
    assert "h-secret" not in repr(refused.value)


def test_a_text_with_quotes_and_lines_is_what_a_template_must_take(folder: Path) -> None:
    each = '{"to": [{{#each members}}"{{ name }}",{{/each}} "x"], "t": {{ json message.text }}}'
    (folder / "push.yaml").write_text(GOOD.replace("reaction.new: {enabled: false}", f"reaction.new: '{each}'"))
    read = read_push_file(folder / "push.yaml", ENVIRONMENT)
    assert "very-private" not in repr(read)
