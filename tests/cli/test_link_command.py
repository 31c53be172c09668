"""After `make install` the command is there, from any folder, in an environment whose path holds a space."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from framework.version import __version__

LINK = Path(__file__).parents[2] / "scripts/link_command.py"


def test_the_command_works_from_any_folder_and_imports_nothing_of_it(tmp_path: Path) -> None:
    home, folder = tmp_path / "an environment", tmp_path / "folder"
    folder.mkdir()
    (folder / "typer.py").write_text("raise SystemExit('imported from the working directory')")
    venv.create(home, with_pip=False, symlinks=True)
    subprocess.run([home / "bin/python", LINK], check=True)
    packages = {"PYTHONPATH": sysconfig.get_path("purelib")}
    command = home / "bin/agents-in-channels"
    done = subprocess.run(
        [command, "--version"], cwd=folder, env={**os.environ, **packages}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert __version__ in done.stdout
    assert sys.version_info >= (3, 11), "-P is not known before"
