"""`ask`, as a program calls it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from framework.cli.ask import read_line
from framework.cli.lines import LONGEST_LINE
from framework.errors import UsageError

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run a command to its end."""

    def command(*arguments: str, stdin: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "framework", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **environment, **extra},
            timeout=100,
        )

    return command


def test_answers_from_the_articles_and_names_the_source(run: Run) -> None:
    result = run("ask", "support_bot", "How long is the warranty?")
    assert result.returncode == 0, result.stderr
    assert "three years" in result.stdout
    assert "Warranty" in result.stdout


def test_reads_questions_and_prints_one_object_a_line(run: Run) -> None:
    lines = [
        "What does shipping a garden to Austria cost?",
        json.dumps({"question": "Who won the football world cup in 1998?"}),
        json.dumps(
            {
                "question": "And how much is it for the Wall?",
                "history": [
                    {"who": "user", "text": "How heavy is the Nook?"},
                    {"who": "bot", "text": "Fernly Nook: weight, empty 3.1 kg"},
                ],
            }
        ),
    ]
    result = run("ask", "support_bot", "--json", "-", stdin="\n".join(lines) + "\n\n")
    assert result.returncode == 0, result.stderr
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [set(answer) for answer in answers] == [{"question", "answer", "outcome", "sources", "seconds"}] * 3
    assert [answer["outcome"] for answer in answers] == ["answered", "refused", "answered"]
    assert "9.90" in answers[0]["answer"]
    assert answers[0]["sources"][0]["file"] == "knowledge/shipping.md"
    assert answers[1]["sources"] == []
    assert "7.8 kg" in answers[2]["answer"]


def test_a_bad_line_is_reported_and_the_others_are_answered(run: Run) -> None:
    result = run("ask", "support_bot", "--json", "-", stdin='{"question": \n{"question": "Is there a phone?"}\n')
    assert result.returncode == 1
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert "line 1" in first["error"]
    assert second["question"] == "Is there a phone?"


def test_lines_that_no_program_should_write_cost_themselves_alone(run: Run) -> None:
    lines = [
        '{"question": ' + "[" * 100_000,
        '{"question": "x", "number": ' + "9" * 10_000 + "}",
        "",
        "x" * (LONGEST_LINE + 5),
        '{"history": []}',
        '{"question": "x", "history": false}',
        "Is there a phone?",
    ]
    result = run("ask", "support_bot", "--json", "-", stdin="\n".join(lines))
    assert result.returncode == 1
    assert result.stderr == ""
    *failed, last = (json.loads(line) for line in result.stdout.splitlines())
    assert [answer["error"].split(":")[0] for answer in failed] == [f"line {n}" for n in (1, 2, 4, 5, 6)]
    assert all(len(answer["question"]) < 2_000 for answer in failed)
    assert last["question"] == "Is there a phone?"


def test_an_unknown_bot_is_wrong_usage_and_no_traceback(run: Run) -> None:
    result = run("ask", "suport_bot", "Hello?")
    assert result.returncode == 2
    assert "Did you mean 'support_bot'" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_data_folder_that_cannot_be_written_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("ask", "support_bot", "Hello?", FRAMEWORK_DATA=str(tmp_path / "file" / "below"))
    assert result.returncode == 1
    assert "FRAMEWORK_DATA" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "line",
    ['{"question": ""}', '{"q": "x"}', '{"question": 5}', '{"question": "x", "history": "y"}',
     '{"question": "x", "history": [{"who": "admin", "text": "y"}]}', "{not json", '[{"question": "x"}]'],
)  # fmt: skip
def test_a_malformed_line_names_its_number(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_line(line, 7, as_json=True)
    assert "line 7" in str(caught.value)
