"""Who may import whom, as [tool.importlinter] in pyproject.toml says."""

import subprocess
import sys
from pathlib import Path


def test_no_room_imports_from_above() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter, "--no-cache"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
