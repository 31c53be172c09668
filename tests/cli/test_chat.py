"""`chat`, in a terminal and in a pipe."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-m", "framework", "chat", "support_bot"]


def read_until(terminal: int, wanted: str) -> str:
    seen = b""
    while wanted.encode() not in seen:
        seen += os.read(terminal, 4096)
    return seen.decode(errors="replace")


def interrupted(child: subprocess.Popen[bytes], terminal: int) -> int:
    """Press Ctrl-C until it ends: between showing its prompt and waiting for a key, Python overhears one."""
    for _ in range(30):
        os.write(terminal, b"\x03")
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(timeout=1)
    raise AssertionError("it did not end")


def test_ctrl_c_at_the_prompt_ends_it_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        COMMAND,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, **environment},
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # noqa: PLW1509 - the child takes the terminal
    )
    try:
        read_until(ours, "› ")
        os.write(ours, b"How long is the warranty?\r")
        assert "three years" in read_until(ours, "\n\r\n› ")
        assert interrupted(child, ours) == 0
    finally:
        child.kill()
        child.wait()
        os.close(ours)
        os.close(theirs)


def test_a_pipe_is_answered_line_by_line(environment: dict[str, str]) -> None:
    result = subprocess.run(
        COMMAND,
        input="/sources\nHow long is the warranty?\n/sources\n/nwe\n/new\n/quit\nnot read\n",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=100,
    )
    assert result.returncode == 0, result.stderr
    assert "three years" in result.stdout
    before, named = result.stdout.split("three years")
    assert "came from no article" in before
    assert "(knowledge/" in named
    assert "There is no command /nwe. /new begins" in named
    assert result.stderr == ""


def test_it_hands_over_as_a_channel_does_and_knows_exit(environment: dict[str, str]) -> None:
    result = subprocess.run(
        [*COMMAND, "--user", "maria", "--channel", "messaging:support-7"],
        input="I want to talk to a human\nHow long is the warranty?\n/new\nHow long is the warranty?\nexit\nnot read\n",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=100,
    )
    assert result.returncode == 0, result.stderr
    assert "?user=teammate" in result.stderr
    assert "(No answer: a person has taken over.)" in result.stderr
    assert result.stdout.count("three years") == 1
    assert "For the team" not in result.stdout


def test_answers_wait_for_the_team_where_drafts_are_looked_over(environment: dict[str, str]) -> None:
    result = subprocess.run(
        [*COMMAND, "--channel", "messaging:support-reviewed-1"],
        input="How long is the warranty?\nquit\n",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=100,
    )
    assert result.returncode == 0, result.stderr
    assert "three years" not in result.stdout
    assert "draft waits for approval" in result.stderr
