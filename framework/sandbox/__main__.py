"""`python -m framework.sandbox`."""

from __future__ import annotations

import argparse
import sys

from framework.errors import FrameworkError
from framework.sandbox.config import DEFAULT_API_KEY, DEFAULT_API_SECRET, MEMORY, SandboxConfig


def main(argv: list[str] | None = None) -> int:
    """Serve until stopped; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m framework.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=SandboxConfig.port)
    parser.add_argument("--api-key", default=DEFAULT_API_KEY)
    parser.add_argument("--api-secret", default=DEFAULT_API_SECRET)
    parser.add_argument("--data", default=MEMORY, help="a SQLite file, or :memory:")
    parser.add_argument("--rate-limits", action="store_true")
    parser.add_argument("--coverage", action="store_true", help="print implemented / known operations and leave")
    args = parser.parse_args(argv)
    if args.coverage:
        print_coverage()
        return 0
    config = SandboxConfig(
        host=args.host,
        port=args.port,
        api_key=args.api_key,
        api_secret=args.api_secret,
        data=args.data,
        rate_limits=args.rate_limits,
    )
    try:
        from framework.sandbox.server import run  # --help and --coverage need no server

        run(config)
    except FrameworkError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's own output
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    return 0


def print_coverage() -> None:
    """Implemented / known for each dialect, and what is missing."""
    from framework.sandbox.domains.catalog import coverage

    for dialect, (done, missing) in coverage().items():
        print(f"{dialect.value}: {len(done)} / {len(done) + len(missing)}")  # noqa: T201
        for name in sorted(missing):
            print(f"  not implemented: {name}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
