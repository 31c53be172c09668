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
    assert "nothing to look for" in run("x").stderr
    assert "'mail' is not a kind" in run("x", "--personal-data", "mail").stderr
    assert "cannot be read" in run("x", "--words", str(tmp_path / "none")).stderr
