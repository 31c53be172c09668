"""`check`, as a person and as a program call it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BOT = Path("bots/support_bot")


def check(environment: dict[str, str], *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "framework", "check", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment, **extra},
        timeout=100,
    )


def small_bot(folder: Path) -> Path:
    shutil.copytree(BOT, folder, ignore=shutil.ignore_patterns("[a-v]*.md"))
    return folder


def test_its_json_is_all_there_is_on_standard_output_even_when_articles_are_read_first(
    environment: dict[str, str], tmp_path: Path
) -> None:
    bot = small_bot(tmp_path / "my_bot")
    result = check(environment, "--json", str(bot), FRAMEWORK_DATA=str(tmp_path / "data"))
    assert result.returncode == 0, result.stdout
    parts = [finding["part"] for finding in json.loads(result.stdout)]
    assert parts == ["definition", "tools", "knowledge", "tests", "model", "chat service"]


def test_a_place_in_a_file_stands_on_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    bot = small_bot(tmp_path / ("a_rather_long_name_" * 5))
    (bot / "tools.py").write_text("def broken(:\n")
    result = check(environment, str(bot))
    assert result.returncode == 1
    assert f"{bot}/tools.py:1:12: is not valid Python" in result.stdout


def test_all_files_of_a_bot_are_judged_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    bot = small_bot(tmp_path / "my_bot")
    (bot / "bot.yaml").write_text("contxt: {}\n")
    (bot / "tools.py").write_text("def broken(:\n")
    (bot / "conversations" / "a.yaml").write_text("turns:\n  - usr: Hello\n")
    (bot / "conversations" / "b.yaml").write_text("turns:\n  - {user: Hello, quote: nowhere}\n")
    result = check(environment, str(bot))
    assert result.returncode == 1
    for place in (
        "bot.yaml:1:1: ",
        "tools.py:1:12: ",
        "a.yaml:2:5: unknown key 'usr'",
        "b.yaml:2:19: turns[0].quote: ",
    ):
        assert place in result.stdout


def test_half_a_key_is_a_finding(environment: dict[str, str]) -> None:
    result = check(environment, "--json", STREAM_API_KEY="key")
    assert result.returncode == 1
    assert "STREAM_API_SECRET is not set" in json.loads(result.stdout)[0]["detail"]


def test_two_folders_of_one_name_are_refused_before_anything_is_read(
    environment: dict[str, str], tmp_path: Path
) -> None:
    other = small_bot(tmp_path / "support_bot")
    result = subprocess.run(
        [sys.executable, "-m", "framework", "run", "support_bot", str(other)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=60,
    )
    assert result.returncode == 2
    assert result.stderr.startswith("error: Two bots are called support_bot")


def test_two_bots_of_one_user_are_refused_before_anything_is_read(environment: dict[str, str], tmp_path: Path) -> None:
    other = small_bot(tmp_path / "twin")
    written = (other / "bot.yaml").read_text()
    (other / "bot.yaml").write_text(re.sub(r"user_id: \S+", "user_id: agent-bot", written))
    result = subprocess.run(
        [sys.executable, "-m", "framework", "run", "support_bot", str(other)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=60,
    )
    assert result.returncode == 2
    assert "twin/bot.yaml:" in result.stderr
    assert "support_bot and twin are both the user 'agent-bot'" in result.stderr


def test_doubts_are_told_and_do_not_fail(environment: dict[str, str], tmp_path: Path) -> None:
    bot = small_bot(tmp_path / "my_bot")
    with (bot / "bot.yaml").open("a") as file:
        file.write("memory: {limit: 5}\n")
    result = check(environment, "--json", str(bot))
    assert result.returncode == 0
    (warning,) = [finding for finding in json.loads(result.stdout) if finding["warning"]]
    assert "memory.limit has no effect" in warning["detail"]


def test_a_broken_conversation_test_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    bot = small_bot(tmp_path / "my_bot")
    (bot / "conversations").mkdir(exist_ok=True)
    (bot / "conversations" / "hello.yaml").write_text("turns:\n  - usr: Hello\n")
    result = check(environment, str(bot))
    assert result.returncode == 1
    assert "hello.yaml:2:5: unknown key 'usr'" in result.stdout
    assert "Did you mean 'user'?" in result.stdout


def test_a_missing_variable_of_an_mcp_server_is_a_finding(environment: dict[str, str], tmp_path: Path) -> None:
    bot = small_bot(tmp_path / "my_bot")
    with (bot / "bot.yaml").open("a") as file:
        file.write('mcp_servers:\n  git: {url: "http://127.0.0.1:9/mcp", headers: {X: "${NOT_SET_ANYWHERE}"}}\n')
    result = check(environment, str(bot))
    assert result.returncode == 1
    assert "NOT_SET_ANYWHERE" in result.stdout


def test_a_server_that_does_not_answer_is_found_online_only(environment: dict[str, str], tmp_path: Path) -> None:
    bot = small_bot(tmp_path / "my_bot")
    with (bot / "bot.yaml").open("a") as file:
        file.write('mcp_servers:\n  git: {url: "http://127.0.0.1:9/mcp"}\n')
    assert check(environment, str(bot)).returncode == 0
    online = check(environment, "--online", str(bot))
    assert online.returncode == 1
    assert "'git' cannot be reached" in online.stdout


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("anthropc:claude", ["knows no provider 'anthropc'", "Did you mean 'anthropic'?"]),
        ("openai:gpt-5-mini", ["OPENAI_API_KEY is not set", "model: auto"]),
    ],
)
def test_a_model_that_cannot_be_used_is_found_without_asking_it(
    environment: dict[str, str], tmp_path: Path, model: str, words: list[str]
) -> None:
    bot = small_bot(tmp_path / "my_bot")
    written = (bot / "bot.yaml").read_text()
    (bot / "bot.yaml").write_text(written.replace("model: auto", f"model: {model}"))
    result = check(environment, str(bot))
    assert result.returncode == 1
    line = 1 + written[: written.index("model: auto")].count("\n")
    for word in [f"bot.yaml:{line}:1: ", *words]:
        assert word in result.stdout


def test_every_article_is_told_at_once_with_what_was_understood_of_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    bot = small_bot(tmp_path / "my_bot")
    articles = bot / "knowledge"
    (articles / "latin.txt").write_bytes("Öffnungszeiten\n\nDer Schalter öffnet um acht.\n".encode("latin-1"))
    (articles / "empty.md").write_text("---\ntitle: Section\n---\n")
    (articles / "broken.pdf").write_bytes(b"%PDF-1.4 nonsense")
    (articles / "fees.csv").write_text("Plan;Fee\nSolo;9,50\n")
    (articles / "~$fees.xlsx").write_bytes(b"lock")
    (articles / ".obsidian").mkdir()
    (articles / ".obsidian" / "readme.md").write_text("# Plugin\n\nRefunds take 99 days.\n")
    result = check(environment, "--knowledge", str(bot), FRAMEWORK_DATA=str(tmp_path / "data"))
    assert result.returncode == 0, result.stdout
    assert "latin.txt: is not text in UTF-8 (line 1); it was read as cp1252" in result.stdout
    assert "empty.md: This article is empty." in result.stdout
    assert "broken.pdf: This article is not a PDF that can be read, or it is damaged." in result.stdout
    assert "fees.csv: CSV, “Fees”, 1 passage, 1 table, 0 words lost" in result.stdout
    assert "~$fees.xlsx: is left out" in result.stdout
    assert ".obsidian: is left out" in result.stdout
    assert "Plugin" not in result.stdout
