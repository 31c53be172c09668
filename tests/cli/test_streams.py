"""Standard streams that are closed, full, or hold what is no text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Shell = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def shell(environment: dict[str, str]) -> Shell:
    """Run a line of shell, in which FW stands for our command."""

    def command(line: str, stdin: bytes = b"", **extra: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["/bin/sh", "-c", line.replace("FW", f"{sys.executable} -m framework")],
            input=stdin,
            capture_output=True,
            check=False,
            env={**os.environ, **environment, **extra},
            timeout=100,
        )

    return command


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_lines_that_are_no_text_do_not_end_a_batch(shell: Shell, locale: str) -> None:
    lines = b'\xef\xbb\xbf{"question": "How long is the warranty \\ud83d?"}\r\nwarranty \xff\xfe?\r\n'
    result = shell("FW ask support_bot --json -", lines, LC_ALL=locale)
    assert result.returncode == 0, result.stderr
    first, second = (json.loads(line) for line in result.stdout.decode().splitlines())
    assert first["question"] == "How long is the warranty �?"
    assert first["outcome"] == "answered"
    assert second["question"] == "warranty ��?"
    assert b"Traceback" not in result.stderr


def test_output_is_utf_8_where_the_environment_knows_ascii_alone(shell: Shell) -> None:
    result = shell(
        'FW ask support_bot "How long is the warranty?"', LC_ALL="POSIX", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
    )
    assert result.returncode == 0, result.stderr
    assert "“Warranty and repairs”" in result.stdout.decode()


@pytest.mark.parametrize("line", ["FW ask support_bot - <&-", "FW ask support_bot Hello >&-", "FW ask nobody x 2>&-"])
def test_closed_streams_are_no_traceback(shell: Shell, line: str) -> None:
    result = shell(line)
    assert result.returncode in {0, 2}
    assert b"Traceback" not in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this machine has no /dev/full")
@pytest.mark.parametrize("command", ["FW ask support_bot Hello", "FW check support_bot", "FW --help"])
def test_output_that_cannot_be_written_is_said(shell: Shell, command: str) -> None:
    result = shell(f"{command} >/dev/full")
    assert result.returncode == 1
    assert result.stderr == b"error: The system refused: No space left on device.\n"
