"""The configuration of MCP clients: every mistake is named with its line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from framework.errors import DefinitionError
from framework.mcp.config import PRESETS, read_config

TOKEN = 64 * "a"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("clients:\n  a: {polcy: full}\n", 2, ["unknown key 'polcy'", "'policy'"]),
        ("clients:\n  a: {policy: all}\n", 2, ["'all' is not a policy", "read-only"]),
        ("clients:\n  a: {token_sha256: abc}\n", 2, ["64 digits"]),
        ("clients:\n  a:\n    operations:\n      allow: [everything]\n", 4, ["'everything'", "reads"]),
        ("client: {}\n", 1, ["clients"]),
        ("- a\n", 1, ["must be a mapping"]),
        ("clients: {a: {}}\noauth: {issuer: x}\n", 2, ["oauth"]),
        ("clients: {}\n", 1, ["clients"]),
        ("clients:\n  a: {policy: full, operations: {allow: [reads]}}\n", 2, ["clients.a", "leave one of them out"]),
        ("clients:\n  a: {token_env: A, token_sha256: " + 64 * "a" + "}\n", 2, ["clients.a", "leave one of them out"]),
        ("clients:\n  a:\n    oauth_client: x\n", 3, ["clients.a.oauth_client", "no OAuth server", "jwks_uri"]),
        ("clients:\n  ../a: {}\n", 2, ["'../a' is not a name"]),
        (
            "clients:\n  a:\n    operations:\n      deny: [SendMesage]\n",
            4,
            ["clients.a.operations.deny", "'SendMesage'", "Did you mean SendMessage"],
        ),
        (
            "clients: {a: {}}\noauth:\n  issuer: here\n  audience: a\n",
            3,
            ["oauth.issuer: is not an address, such as https"],
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, words: list[str]) -> None:
    file = tmp_path / "mcp.yaml"
    file.write_text(text)
    with pytest.raises(DefinitionError) as caught:
        read_config(file)
    assert f"mcp.yaml:{line}" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_the_policies_by_name_are_what_they_say() -> None:
    assert PRESETS["read-only"].allow == ("reads",)
    assert PRESETS["standard"].approve == ("destroys", "administers")
    assert not PRESETS["standard"].issue_tokens.users
    assert PRESETS["full"].approve == ()
    assert not any(rules.issue_tokens.reveal for rules in PRESETS.values())


@pytest.mark.parametrize(
    ("options", "config", "words"),
    [
        (["--policy", "all"], "", ["There is no policy 'all'"]),
        (["--client", "b"], "clients: {a: {}}", ["has no client 'b'", "a"]),
        (["--policy", "full"], "clients: {a: {}}", ["exclude each other"]),
        (["--http"], "clients: {a: {token_env: NOT_SET_ANYWHERE}}", ["NOT_SET_ANYWHERE is not set", "Set it"]),
        (["--http"], f"clients: {{a: {{token_sha256: {TOKEN}}}, b: {{token_sha256: {TOKEN}}}}}", ["the same token"]),
    ],
)
def test_wrong_usage_is_said_at_once(tmp_path: Path, options: list[str], config: str, words: list[str]) -> None:
    if config:
        (tmp_path / "mcp.yaml").write_text(config)
        options = [*options, "--config", str(tmp_path / "mcp.yaml")]
    app = {"STREAM_API_KEY": "key", "STREAM_API_SECRET": "s" * 32, "FRAMEWORK_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "framework", "mcp", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **app},
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
