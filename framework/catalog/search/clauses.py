"""The parts of an intent that asks for several things: `create a poll, then post it` asks for two."""

from __future__ import annotations

import re
from collections.abc import Callable

MOST = 8
"""Parts of an intent that are looked at."""
_QUOTED = re.compile(
    r"\"[^\"]{0,300}\"|“[^”]{0,300}”|«[^»]{0,300}»|„[^“”]{0,300}[“”]|(?<!\w)['‘][^'’]{0,300}['’](?!\w)"
)
_NUMBERED = re.compile(r"(?:^| )(?:\d{1,2}[.)]|[-*•]) ")
# What says that something else follows.
_THEN = re.compile(
    r";|[.!] |[,，]? \b(?:and then|then|(?:and )?afterwards|(?:and )?after that|(?:and )?finally|and next|"
    r"und dann|danach|(?:und )?anschließend|y luego|y después|luego|et puis|puis|et ensuite|ensuite|"
    r"e depois|depois|e poi|poi|e dopo|a potem|potem|a następnie|następnie|ve sonra|ardından|sonra)\b[,:]?"
    r"|然后|接着|その後|それから",
    re.IGNORECASE,
)
# What may join two things to do, or two things that one thing is done to.
_AND = re.compile(r",? (?:and|und|et|oraz|ve|y|e) |[,，] ", re.IGNORECASE)
_DOING = re.compile(r"\w{2,20}ing\b", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(?:it|them|its|there)\b", re.IGNORECASE)
POLITE = frozenset({"please", "also", "just", "now", "kindly", "pls", "quickly"})
"""What may stand before an order."""
_HELD = "\ue000"
_ORDERS = frozenset(
    """
    add answer attach ban change clear close confirm copy create delete disable edit enable export find freeze get give
    grant hide invite keep kick let lift list look make mark move mute open pin post publish put react read register
    remove rename reopen reply restore save schedule see send set show start stop store take tell turn unban unhide
    unmute unpin update upload verify write
    """.split()  # noqa: SIM905 - a list of words reads better as text
)
"""What orders begin with."""


def clauses(intent: str, begins: Callable[[str], bool]) -> list[str]:
    """The things that an intent asks for, in their order; remarks between them are left out.

    `begins` tells whether a text begins with something to do that `_ORDERS` lacks, such as one in another language.
    """
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(found[0])
        return _HELD

    text = " ".join(_QUOTED.sub(hold, intent).replace("\n", " ; ").split())
    numbered = [part for part in _NUMBERED.split(text) if part.strip()]
    parts = numbered if len(numbered) > 1 else _in_time(text)

    def orders(part: str) -> bool:
        return _is_order(part) or begins(part)

    found = [one for part in parts for one in _joined(part, orders)]
    again = iter(held)
    whole = [re.sub(_HELD, lambda _: next(again, ""), part).strip(" ,.;") for part in found]
    return [part for part in whole if part and orders(part)][:MOST]


def about(clause: str, subject: str) -> str:
    """A part with what the part before was about in place of `it`."""
    return _PRONOUN.sub(lambda _: f"the {subject}", clause, count=1) if subject else clause


def _in_time(text: str) -> list[str]:
    """The parts that come one after the other."""
    second, after, first = text.rpartition(" after ")
    if after and _DOING.match(first):
        return [first, second]
    return [part for part in _THEN.split(text) if part.strip()]


def _is_order(part: str) -> bool:
    first = next((word for word in part.lower().split(maxsplit=6) if word not in POLITE), "")
    return first.strip(",.:!()") in _ORDERS


def _joined(part: str, orders: Callable[[str], bool]) -> list[str]:
    """A part, taken apart where `and` or a comma stands between two orders."""
    found: list[str] = []
    start = 0
    for join in _AND.finditer(part):
        if orders(part[join.end() :]) and orders(part[start : join.start()]):
            found.append(part[start : join.start()])
            start = join.end()
    return [*found, part[start:]]
