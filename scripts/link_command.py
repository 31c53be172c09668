"""Put the command `agents-in-channels` and this checkout into the environment of the Python that runs this.

It does what an editable install does, without a build system, which would have to be downloaded.
"""

from __future__ import annotations

import shlex
import sys
import sysconfig
from pathlib import Path

NAME = "agents-in-channels"
_BODY = "import sys; from framework.cli.main import main; sys.argv[0] = sys.argv.pop(1); sys.exit(main())"


def main() -> int:
    """Write both files. Returns 0."""
    checkout = Path(__file__).resolve().parent.parent
    Path(sysconfig.get_path("purelib"), f"{NAME}.pth").write_text(f"{checkout}\n", encoding="utf-8")
    command = Path(sysconfig.get_path("scripts"), NAME)
    # Through the shell: the path of an interpreter in a first line may hold no space.
    call = f'exec {shlex.quote(sys.executable)} -P -c {shlex.quote(_BODY)} "$0" "$@"'
    command.write_text(f"#!/bin/sh\n{call}\n", encoding="utf-8")
    command.chmod(0o755)
    return 0


if __name__ == "__main__":
    sys.exit(main())
