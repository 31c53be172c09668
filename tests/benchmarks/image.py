"""The image without Docker: the steps of deploy/Dockerfile in a clean root (debootstrap, chroot), its size, and a run.

`python -m tests.benchmarks.image [--work FOLDER] [--buildah]` needs root, debootstrap, Debian's packages and PyPI. With
`--buildah`, which needs Debian's package of that name, a real builder reads the Dockerfile. Ends with 1 if a target is
too large, holds other packages than its list says, or does not work from a read-only root as user 10001. FOLDER keeps
the base for the next run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.support.dockerfile import read_stages
from tests.support.image_buildah import Buildah
from tests.support.image_root import Builder, base_root, size_mb
from tests.support.image_run import full_answers, packages_in, slim_refuses

DOCKERFILE = Path("deploy/Dockerfile")
LIMITS = {"full": 620, "slim": 420}
"""MB of the root file system."""
WANTED = {
    "full": "answered: Fernly gardens",
    "slim": "OPENAI_API_KEY is not set, and the embedded model is not installed",
}


def judged(builder: Builder | Buildah, target: str, folder: Path) -> bool:
    """Build a target, print what it weighs and does; whether both are as they should be."""
    root = builder.build(target)
    size, packages = size_mb(root), size_mb(root / "app/.venv")
    print(f"{target}: {size:.0f} MB of at most {LIMITS[target]}, of which packages {packages:.0f}")
    wrong = packages_in(root) ^ _listed(root)
    print(f"  /app/sbom.json: {'names each package' if not wrong else f'differs in {sorted(wrong)}'}")
    if isinstance(builder, Buildah):
        wrong |= set(builder.differences(target))
        print(f"  configuration: {'as tests read it' if not wrong else f'differs in {sorted(wrong)}'}")
    folder.mkdir(parents=True)
    said = full_answers(root, folder) if target == "full" else slim_refuses(root, builder.stages, folder)
    print(f"  from a read-only root, as user 10001: {said}")
    return size <= LIMITS[target] and not wrong and WANTED[target] in said


def _listed(root: Path) -> set[str]:
    found = json.loads((root / "app/sbom.json").read_text(encoding="utf-8"))["components"]
    return {f"{one['name']} {one['version']}" for one in found if one["purl"].startswith("pkg:pypi/")}


def main() -> int:
    """Build and judge both targets; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, help="a folder that keeps the base for the next run")
    parser.add_argument("targets", nargs="*", default=list(LIMITS))
    parser.add_argument("--buildah", action="store_true", help="build with Buildah in place of this program's steps")
    options = parser.parse_args()
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        print("This needs root and debootstrap (Debian: apt-get install debootstrap).")
        return 1
    work = (options.work or Path(tempfile.mkdtemp(prefix="image-"))).resolve()
    base = base_root(work / "base")
    print(f"base: {size_mb(base):.0f} MB, Debian trixie with its own Python 3.13 in place of {_image()}")
    stages = read_stages(DOCKERFILE)
    builder: Builder | Buildah = (
        Buildah(stages, base, work / "stages", dockerfile=DOCKERFILE)
        if options.buildah
        else Builder(stages, base, work / "stages", context=Path.cwd())
    )
    well = [judged(builder, target, work / "runs" / target) for target in options.targets]
    for made in (work / "stages", work / "runs"):
        shutil.rmtree(made)
    print("as it should be" if all(well) else "NOT as it should be", f"(load {os.getloadavg()[0]:.1f})")
    return 0 if all(well) else 1


def _image() -> str:
    return next(iter(read_stages(DOCKERFILE).values())).base.partition("@")[0]


if __name__ == "__main__":
    sys.exit(main())
