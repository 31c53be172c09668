"""`schema`: the schema on standard output, in a file, and the reference in a document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from framework.cli.main import app
from framework.errors import UsageError


def test_the_schema_is_printed_or_written(tmp_path: Path) -> None:
    file = tmp_path / "new" / "bot.schema.json"
    printed = CliRunner().invoke(app, ["schema"], catch_exceptions=False)
    CliRunner().invoke(app, ["schema", "--output", str(file)], catch_exceptions=False)
    assert file.read_text(encoding="utf-8") == printed.output
    assert "triggers" in json.loads(printed.output)["properties"]


def test_a_document_without_marks_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "readme.md"
    file.write_text("# Nothing\n")
    with pytest.raises(UsageError, match="has no lines"):
        CliRunner().invoke(app, ["schema", "--docs", str(file)], catch_exceptions=False)
    assert file.read_text() == "# Nothing\n"
