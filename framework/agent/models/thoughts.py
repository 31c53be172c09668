"""What a model thinks aloud, and its control words, are taken out of its answer as it streams."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

RETRACT = "\x00retract\x00"
"""Stands in a text whose beginning turned out to be thoughts: what is before it is not part of the answer."""

_ELEMENTS = ("think", "thinking", "thought", "thoughts", "reasoning", "reflection", "scratchpad", "seed:think")
_MARKS: Mapping[str, tuple[str, ...]] = {
    "open": (
        *(f"<{name}>" for name in _ELEMENTS),
        *("[THINK]", "◁think▷", "<|begin_of_thought|>", "<|thinking|>", "<|START_THINKING|>", "<unused94>"),
    ),
    "close": (
        *(f"</{name}>" for name in _ELEMENTS),
        *("[/THINK]", "◁/think▷", "<|end_of_thought|>", "<|/thinking|>", "<|END_THINKING|>", "<unused95>"),
    ),
    # An answer's own wrapping: it is dropped, what it holds stays.
    "wrap": (
        *("<|begin_of_solution|>", "<|end_of_solution|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"),
        *("<|begin_of_box|>", "<|end_of_box|>", "<|assistant|>"),
    ),
    # The end of the model's turn: what stands behind it was made up.
    "end": (
        *("<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>", "<end_of_turn>", "<|return|>"),
        *("</s>", "<eos>", "<|user|>", "<|observation|>", "<|im_start|>", "<｜end▁of▁sentence｜>", "<start_of_turn>"),
        *("<|END_OF_TURN_TOKEN|>", "[INST]", "<|eot|>", "<｜User｜>"),
    ),
    # The parts of harmony's format: a header up to `<|message|>`, then a text up to one of the ends.
    "header": ("<|start|>", "<|channel|>"),
    "part": ("<|end|>", "<|call|>"),
    # From here on it is a tool call, written as text.
    "call": (
        *(
            "<tool_call>",
            "<tool_calls>",
            "<tool_code>",
            "<function_call>",
            "<function_calls>",
            "<function=",
            "<invoke ",
        ),
        *(
            "<|tool_call|>",
            "<|tool_calls|>",
            "<|python_tag|>",
            "<minimax:tool_call>",
            "<functioncall>",
            "<|START_ACTION|>",
        ),
        *("[TOOL_CALLS]", "[TOOL_CALL]", "[TOOL_REQUEST]", "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"),
        *("<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<|tool_call>"),
    ),
}
_MARK = re.compile(
    "|".join(f"(?P<{kind}>{'|'.join(map(re.escape, marks))})" for kind, marks in _MARKS.items()), re.IGNORECASE
)
_BEGINS = "<[◁"
_LONGEST = max(len(mark) for marks in _MARKS.values() for mark in marks)
_PREFIXES = frozenset(mark[:n].lower() for marks in _MARKS.values() for mark in marks for n in range(1, len(mark)))
_MESSAGE = "<|message|>"
_HEADER_CHARACTERS = 300
_TO = re.compile(r"to=(?:functions\.)?([\w.-]{1,64})")


@dataclass
class AnswerText:
    """Reads an answer piece by piece. `feed` and `finish` return what belongs to the answer and can be shown.

    `hold`: the server is known to begin with thoughts without saying so. Nothing is shown before they end. After
    `finish`, `call` is what was written as a tool call (None without one), `named` the tool that harmony's header names
    for it, `unopened` whether thoughts ended that had not begun, and `thought` whether there were any.
    """

    hold: bool = False
    call: str | None = None
    named: str = ""
    unopened: bool = False
    thought: bool = False
    ended: bool = False
    _mode: str = "text"
    _rest: str = ""
    _held: list[str] = field(default_factory=list)
    _shown: bool = False
    _last: str = ""

    def feed(self, piece: str) -> str:
        """Take in a piece; return what can be shown of it."""
        if self.ended or not piece:
            return ""
        if self._mode == "call":
            self.call = (self.call or "") + piece
            return ""
        if not self._rest and self._mode == "text" and not any(sign in piece for sign in _BEGINS):
            return self._show(piece)
        self._rest += piece
        return self._read(final=False)

    def finish(self) -> str:
        """Return what was held back and turned out to be text."""
        shown = self._read(final=True)
        return self.release() + shown

    def release(self) -> str:
        """Hold nothing back any more: the server tells thoughts from answers. Returns what was held."""
        held, self.hold = "".join(self._held), False
        self._held.clear()
        return self._show(held)

    def _read(self, *, final: bool) -> str:
        out: list[str] = []
        while self._rest and not self.ended and self._mode != "call":
            read = {"text": self._in_text, "thought": self._in_thought, "header": self._in_header}[self._mode]
            shown, more = read(final=final)
            out.append(shown)
            if not more:
                break
        return "".join(out)

    def _in_text(self, *, final: bool) -> tuple[str, bool]:
        mark = self._next()
        if mark is None:
            whole = len(self._rest) - (0 if final else _may_begin(self._rest))
            text, self._rest = self._rest[:whole], self._rest[whole:]
            return self._show(text), False
        kind, before = mark.lastgroup or "", self._rest[: mark.start()]
        self._rest = self._rest[mark.end() :]
        if kind == "close":
            return self._closed(), True
        shown = self._show(before)
        if kind == "call":
            self._mode, self.call, self._rest = "call", mark.group() + self._rest, ""
        elif kind == "end":
            self.ended = True
        elif kind in {"open", "header"}:
            self._mode = "thought" if kind == "open" else "header"
            self.thought |= kind == "open"
            shown += self.release()  # it says where thoughts begin
        return shown, True

    def _closed(self) -> str:
        """Thoughts end that had not begun: all before them was one."""
        said, self._shown = self._shown, False
        self.unopened = self.thought = True
        self._held.clear()
        self.hold = False
        return RETRACT if said else ""

    def _in_thought(self, *, final: bool) -> tuple[str, bool]:
        ends = {"close", "part", "header", "call"}
        mark = next((one for one in _MARK.finditer(self._rest) if one.lastgroup in ends), None)
        if mark is None:
            self._rest = "" if final else self._rest[len(self._rest) - _may_begin(self._rest) :]
            return "", False
        if mark.lastgroup == "call":  # some models call out of their thoughts
            self._mode, self.call, self._rest = "call", self._rest[mark.start() :], ""
            return "", False
        self._rest = self._rest[mark.end() :]
        self._mode = "header" if mark.lastgroup == "header" else "text"
        return "", True

    def _in_header(self, *, final: bool) -> tuple[str, bool]:
        """The header names the channel: `analysis` is thought, `commentary to=functions.NAME` a call, the rest text."""
        header, found, rest = self._rest.partition(_MESSAGE)
        if not found:
            if final or len(self._rest) > _HEADER_CHARACTERS:
                self._rest = ""
            return "", False
        self._rest = rest
        to = _TO.search(header)
        if to is not None:
            self._mode, self.named, self.call, self._rest = "call", to[1], rest, ""
        else:
            self.thought |= "analysis" in header
            self._mode = "thought" if "analysis" in header else "text"
        return "", True

    def _next(self) -> re.Match[str] | None:
        """The next mark that is not quoted: a mark right behind a back-quote is spoken of."""
        for mark in _MARK.finditer(self._rest):
            before = self._rest[mark.start() - 1] if mark.start() else self._last
            if before != "`":
                return mark
        return None

    def _show(self, text: str) -> str:
        if not text:
            return ""
        self._last = text[-1]
        if self.hold:
            self._held.append(text)
            return ""
        if not self._shown:
            text = text.lstrip()
            self._shown = bool(text)
        return text


def _may_begin(text: str) -> int:
    """How many characters at the end may be the beginning of a mark."""
    tail = text[-_LONGEST:].lower()
    return next((len(tail) - n for n, sign in enumerate(tail) if sign in _BEGINS and tail[n:] in _PREFIXES), 0)


def without_retracted(text: str) -> str:
    """The text behind the last RETRACT."""
    return text.rpartition(RETRACT)[2].lstrip() if RETRACT in text else text
