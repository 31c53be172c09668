"""What a model thinks aloud, and its control words, are taken out of its answer as it streams."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

RETRACT = "\x00retract\x00"
"""Stands in a text whose beginning turned out to be thoughts: what is before it is not part of the answer."""

_ELEMENTS = (
    *("think", "thinking", "thought", "thoughts", "reasoning", "reflection", "scratchpad", "analysis", "antthinking"),
    *("inner_monologue", "seed:think", "seed:cot_budget_reflect", "tool_response"),
)
_MARKS: Mapping[str, tuple[str, ...]] = {
    "open": (
        *(f"<{name}>" for name in _ELEMENTS),
        *(
            "[THINK]",
            "◁think▷",
            "<|begin_of_thought|>",
            "<|thinking|>",
            "<|START_THINKING|>",
            "<unused94>",
            "<|channel>",
        ),
    ),
    "close": (
        *(f"</{name}>" for name in _ELEMENTS),
        *("[/THINK]", "◁/think▷", "<|end_of_thought|>", "<|/thinking|>", "<|END_THINKING|>", "<unused95>"),
        "<channel|>",
    ),
    # An answer's own wrapping: it is dropped, what it holds stays.
    "wrap": (
        *("<|begin_of_solution|>", "<|end_of_solution|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"),
        *("<|begin_of_box|>", "<|end_of_box|>", "<|assistant|>", "<answer>", "</answer>", "<response>", "</response>"),
    ),
    # The end of the model's turn: what stands behind it was made up.
    "end": (
        *("<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>", "<end_of_turn>", "<|return|>"),
        *("</s>", "<eos>", "<|user|>", "<|observation|>", "<|im_start|>", "<｜end▁of▁sentence｜>", "<start_of_turn>"),
        *("<|END_OF_TURN_TOKEN|>", "[INST]", "<|eot|>", "<｜User｜>"),
    ),
    # Begins an answer, or text that is struck out up to `</s>`.
    "start": ("<s>",),
    # The parts of harmony's format: a header up to `<|message|>`, then a text up to one of the ends. Llama's is alike.
    "header": ("<|start|>", "<|channel|>", "<|start_header_id|>"),
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
        *("<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<|tool_call>", "<start_function_call>", "<｜DSML｜"),
        *("<antml:function_calls>", "<antml:invoke "),
    ),
}
_MARK = re.compile(
    "|".join(f"(?P<{kind}>{'|'.join(map(re.escape, marks))})" for kind, marks in _MARKS.items()), re.IGNORECASE
)
_BEGINS = "<[◁"
_LONGEST = max(len(mark) for marks in _MARKS.values() for mark in marks)
_PREFIXES = frozenset(mark[:n].lower() for marks in _MARKS.values() for mark in marks for n in range(1, len(mark)))
_HEADER_ENDS = re.compile(r"<\|message\|>|<\|end_header_id\|>")
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
    _head: str = ""
    _last: str = ""
    _from: int = 0
    _fences: int = 0
    _quoted: int = 0
    _struck: bool = False

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
        shown = self.release() + shown
        head, self._head = _without_head(self._head), ""
        self._shown = self._shown or bool(head)
        return shown + head

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
        self._from = 0
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
        end = _HEADER_ENDS.search(self._rest)
        if end is None:
            if final or len(self._rest) > _HEADER_CHARACTERS:
                self._rest = ""
            return "", False
        header, rest = self._rest[: end.start()], self._rest[end.end() :]
        self._rest = rest
        to = _TO.search(header)
        if to is not None:
            self._mode, self.named, self.call, self._rest = "call", to[1], rest, ""
        else:
            self.thought |= "analysis" in header
            self._mode = "thought" if "analysis" in header else "text"
        return "", True

    def _next(self) -> re.Match[str] | None:
        """The next mark that is meant: not one right behind a back-quote, a pair in a block of code, or struck text."""
        for mark in _MARK.finditer(self._rest, self._from):
            before = self._rest[mark.start() - 1] if mark.start() else self._last[-1:]
            if before != "`" and not self._spoken_of(mark):
                return mark
            self._from = mark.end()
        return None

    def _spoken_of(self, mark: re.Match[str]) -> bool:
        before = self._rest[: mark.start()]
        kind = mark.lastgroup
        if kind == "start" or mark.group().lower() == "</s>":
            begins = kind == "start"
            spoken = (self._shown or bool(before.strip())) if begins else self._struck
            self._struck = spoken and begins
            return spoken
        if kind not in {"open", "close", "wrap"} or not (self._fences + _fences(self._last, before)) % 2:
            return False
        opens = not mark.group().startswith("</")
        if not opens and not self._quoted:
            return False  # thoughts may end in code that was not closed
        self._quoted += 1 if opens else -1
        return True

    def _show(self, text: str) -> str:
        if not text:
            return ""
        self._fences += _fences(self._last, text)
        self._last = (self._last + text)[-2:]
        if self.hold:
            self._held.append(text)
            return ""
        if not self._shown:
            self._head += text
            text, self._head = self._head, ""
            if _head_goes_on(text):
                self._head = text
                return ""
            text = _without_head(text)
            self._shown = bool(text)
        return text


_INVISIBLE = " \t\r\n\x0b\x0c\u00ad\u200b\u2060\ufeff"
_ROLE = "assistant\n"
_BARE = re.compile(r"analysis[A-Z\"'“]")
_BARE_END = "assistantfinal"


def _fences(before: str, text: str) -> int:
    """How many marks of blocks of code a text adds to what ends in `before`."""
    return (before + text).count("```")


def _head_goes_on(text: str) -> bool:
    """Whether the beginning of an answer cannot be judged yet: nothing, a role, or harmony without its marks."""
    text = text.lstrip(_INVISIBLE)
    if _BARE.match(text):
        return _BARE_END not in text and len(text) < _LONGEST_HEAD
    return _ROLE.startswith(text.lower()) or "analysis".startswith(text)


def _without_head(text: str) -> str:
    """A beginning without blanks, the name of a role on its own line, and thoughts that lost their marks."""
    text = text.lstrip(_INVISIBLE)
    if _BARE.match(text):
        return text.partition(_BARE_END)[2].lstrip(_INVISIBLE)
    return text[len(_ROLE) :].lstrip(_INVISIBLE) if text.lower().startswith(_ROLE) else text


_LONGEST_HEAD = 100_000


def _may_begin(text: str) -> int:
    """How many characters at the end may be the beginning of a mark."""
    tail = text[-_LONGEST:].lower()
    return next((len(tail) - n for n, sign in enumerate(tail) if sign in _BEGINS and tail[n:] in _PREFIXES), 0)


def without_retracted(text: str) -> str:
    """The text behind the last RETRACT."""
    return text.rpartition(RETRACT)[2].lstrip() if RETRACT in text else text
