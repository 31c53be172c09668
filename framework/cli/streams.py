"""The standard streams, made such that no command trips over them."""

from __future__ import annotations

import codecs
import io
import os
import sys
from pathlib import Path


def prepare_streams() -> None:
    """Replace closed streams by nothing, and read and write UTF-8 wherever no terminal says otherwise.

    Bytes that are no text are read as U+FFFD, and a character that a terminal cannot show is written as "?": one bad
    line must not end a batch of thousands. A byte order mark at the start of the input, as Windows writes, is skipped.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - open for as long as we run
            setattr(sys, name, nothing)
    _configure(sys.stdin, "utf-8-sig")
    _configure(sys.stdout, "utf-8")
    _configure(sys.stderr, "utf-8")


def give_up_output() -> None:
    """What is left to be written to standard output goes nowhere: the end must not fail over it once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _configure(stream: object, encoding: str) -> None:
    if not isinstance(stream, io.TextIOWrapper):
        return
    # A terminal knows what it speaks; "ascii" only means that nobody has told us.
    if stream.isatty() and codecs.lookup(stream.encoding).name != "ascii":
        encoding = stream.encoding
    stream.reconfigure(encoding=encoding, errors="replace")
