"""`test`: one file that cannot be read does not keep the others from being played."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from framework.cli.main import app
from framework.cli.new import new
from framework.errors import UsageError


def test_a_broken_file_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STREAM_API_KEY", "STREAM_API_SECRET", "OPENAI_API_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("FRAMEWORK_DATA", str(tmp_path / "data"))
    new("fern_bot", template="digest", folder=tmp_path)
    bot = tmp_path / "fern_bot"
    shutil.rmtree(bot / "conversations")
    (bot / "conversations").mkdir()
    (bot / "conversations" / "broken.yaml").write_text("turns:\n  - usr: Hello\n", encoding="utf-8")
    (bot / "conversations" / "good.yaml").write_text("turns: [{user: Hello}]\n", encoding="utf-8")
    report = tmp_path / "report.xml"
    done = CliRunner().invoke(app, ["test", str(bot), "--json", "--junit", str(report)])
    assert done.stdout, done.exception
    told = {Path(one["file"]).name: one for one in json.loads(done.stdout)}
    assert (done.exit_code, told["good.yaml"]["verdict"], told["broken.yaml"]["verdict"]) == (1, "passed", "error")
    assert "broken.yaml:2" in told["broken.yaml"]["reason"]
    assert "broken" in report.read_text(encoding="utf-8")
    alone = CliRunner().invoke(app, ["test", str(bot), "-k", "good"])
    assert alone.exit_code == 0, alone.output
    shutil.rmtree(bot / "conversations")
    assert isinstance(CliRunner().invoke(app, ["test", str(bot)]).exception, UsageError)
