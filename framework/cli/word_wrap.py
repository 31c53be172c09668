"""Text for a terminal, broken between words while it is still being written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class WordWrap:
    """Writes pieces of a text so that no word is cut at the edge. A word longer than a line is left to the terminal.

    `width` in columns; 0 writes everything as it comes.
    """

    def __init__(self, write: Callable[[str], object], width: int) -> None:
        self._write = write
        self._width = width
        self._word = ""
        self._column = 0

    def feed(self, text: str) -> None:
        """Take the next piece. Its last word is kept until it is known to be whole."""
        if not self._width:
            self._write(text)
            return
        for letter in text:
            if not letter.isspace():
                self._word += letter
                continue
            self.flush()
            if letter == "\n":
                self._write("\n")
                self._column = 0
            elif self._column < self._width:
                self._write(" ")
                self._column += 1

    def flush(self) -> None:
        """Write the word that was kept."""
        from rich.cells import cell_len

        wide = cell_len(self._word)
        if wide and self._column and self._column + wide > self._width:
            self._write("\n")
            self._column = 0
        self._write(self._word)
        self._column += wide
        self._word = ""
