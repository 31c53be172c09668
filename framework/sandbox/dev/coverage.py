"""What `sandbox --coverage` prints: how much of each dialect is implemented."""

from __future__ import annotations

from framework.sandbox.dev.known_operations import coverage


def lines() -> list[str]:
    """Implemented / known for each dialect, and under it what is missing, by name."""
    told = []
    for dialect, (done, missing) in coverage().items():
        told.append(f"{dialect.value}: {len(done)} / {len(done) + len(missing)}")
        told += [f"  not implemented: {name}" for name in sorted(missing)]
    return told
