"""`moderation check`: for people, and for programs that give a text a line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "framework", "moderation", "check", *arguments],
        input=stdin, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_a_text_a_line_is_checked_and_a_bad_line_is_told_with_its_number(tmp_path: Path) -> None:
    words = tmp_path / "words.json"
    words.write_text('[{"term": "zorbax", "kind": "word", "match": "word"}]')
    lines = '"z0rbax"\n{"text": "mail ann@shop.example"}\nplain zorbax\n{"x": 1}\n{bad\n\n"ok"\n'
    done = run("--json", "-", "--words", str(words), "--personal-data", "email,iban", stdin=lines)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [one.get("outcome", one.get("line")) for one in told] == ["hit", "hit", "hit", 4, 5, "clean"]
    assert told[0]["hits"] == [{"term": "zorbax", "how": "disguised", "start": 0, "end": 6}]
    assert told[1]["hits"] == [{"kind": "email", "how": "exact", "start": 5, "end": 21}]
    assert told[0]["text"] == "z0rbax"
    assert told[0]["seconds"] >= 0


def test_people_read_what_was_found_where(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("zorbax\n")
    done = run("You Zorbax", "--words", str(words))
    assert (done.returncode, done.stdout) == (0, "4-10  zorbax (folded): 'Zorbax'\n")


def test_wrong_use_is_told(tmp_path: Path) -> None:
    assert "support_bot has no moderation.yaml" in run("x", "--bot", "support_bot").stderr
    assert "'mail' is not a kind" in run("x", "--personal-data", "mail").stderr
    assert "cannot be read" in run("x", "--words", str(tmp_path / "none")).stderr


def test_the_rules_of_a_bot_judge_a_text_for_its_author() -> None:
    place = ("--bot", "moderator_bot", "--channel", "messaging:makers-workshop", "--json")
    told = json.loads(run("see spam-domain[.]example", *place).stdout)
    assert (told["outcome"], told["rules"][0]["name"]) == ("reject", "spam links")
    assert "moderation.yaml:" in told["rules"][0]["where"]
    assert json.loads(run("slur-one", *place, "--role", "moderator").stdout)["outcome"] == "allow"
    assert "nobody guards messaging:check" in run("x", "--bot", "moderator_bot").stdout


def test_the_messages_of_a_bot_come_out_as_its_file_says(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "framework", "moderation", "test"]
    done = subprocess.run([*command, "moderator_bot"], capture_output=True, text=True, check=True, timeout=120)
    assert "34 of 34 messages" in done.stdout
    (tmp_path / "bot.yaml").write_text("description: x\n")
    (tmp_path / "moderation.yaml").write_text("rules:\n- {name: a, when: {words: [zorbax]}, do: reject}\n")
    (tmp_path / "moderation.test.yaml").write_text("messages:\n- {text: zorbax, outcome: flag}\n- {text: hi}\n")
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "moderation.test.yaml:2:3: 'zorbax': expected flag, got reject by a" in done.stdout
    assert "1 of 2 messages" in done.stdout
