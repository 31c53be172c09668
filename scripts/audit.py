"""Ask for known vulnerabilities of the locked packages: `make audit`.

Exit code 0: none known, or the advisories could not be reached. Then the reason is printed. With `--strict` it is 1.
Exit code 1: some are known; each is printed with the version that fixes it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
AUDIT = Path(os.environ.get("PIP_AUDIT") or Path(sys.prefix) / "audit" / "bin" / "pip-audit")
LOCKS = ("run", "test")


def audit(lock: Path) -> tuple[list[dict[str, Any]] | None, str]:
    """The packages of a lock file as pip-audit reports them, or None and why there is no report."""
    # A lock file has all dependencies with their hashes, so nothing is resolved, downloaded or built.
    command = [
        AUDIT,
        "--requirement",
        lock,
        "--require-hashes",
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner=off",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    try:
        return list(json.loads(done.stdout)["dependencies"]), ""
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines()
        return None, lines[-1] if lines else f"pip-audit ended with {done.returncode} and said nothing"


def main() -> int:
    """Print what is known; returns the exit code."""
    known = unasked = 0
    for lock in LOCKS:
        name = f"requirements/{lock}.txt"
        found, why = audit(ROOT / name)
        if found is None:
            print(f"{name}: skipped, the advisories were not reached: {why}")
            unasked += 1
            continue
        skipped = [package for package in found if package.get("skip_reason")]
        vulnerable = [package for package in found if package.get("vulns")]
        asked = len(found) - len(skipped)
        print(f"{name}: {asked} packages asked about, {len(vulnerable)} of them with known vulnerabilities")
        if skipped:
            print(f"{name}: {len(skipped)} packages skipped. The first: {skipped[0]['skip_reason']}")
        for package in vulnerable:
            for one in package["vulns"]:
                fixed = ", ".join(one["fix_versions"]) or "no version yet"
                print(f"  {package['name']} {package['version']}: {one['id']}, fixed in {fixed}")
        known += len(vulnerable)
        unasked += len(skipped)
    return 1 if known or (unasked and "--strict" in sys.argv) else 0


if __name__ == "__main__":
    sys.exit(main())
