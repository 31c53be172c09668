"""Which addresses a bot may post as links, and which words of a text a client would make a link of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

_RUN = re.compile(r"[\w.\-]+")
_APPROVED = re.compile(
    r"https?://([\w.\-]+)(?::\d{1,5})?(?:[/?#][A-Za-z0-9\-._~/?#!$+,;=%:&@\u00a1-\uffff]*)?", re.ASCII
)
_HOST_CHARACTERS = re.compile(
    r"https?://([^\s/?#:@\\]+)(?::\d{1,5})?(?:[/?#][^\s()<>\[\]\\`\"'*|{}^]*)?", re.IGNORECASE
)
_ENTITY = re.compile(r"&#?\w{1,31};")
_SCHEME_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-")
_SCRIPTS = ("javascript:", "vbscript:", "data:")
_DOTS = str.maketrans(dict.fromkeys("。．｡․", "."))
_MOST_LABELS = 40


@dataclass(frozen=True)
class Domains:
    """The domains that a bot may link to: each with all below it. `everything`: any. `origins`: single servers, as
    `https://host:port`.
    """

    names: frozenset[str] = frozenset()
    everything: bool = False
    origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str], origins: Iterable[str] = ()) -> Domains:
        """The domains of these names, as people write them; `*` stands for any."""
        given = list(names)
        return cls(frozenset(filter(None, map(_ascii, given))), "*" in given, frozenset(origins))

    def allow_host(self, host: str) -> bool:
        """Whether a host is one of them or below one."""
        name = _ascii(host)
        if not name:
            return False
        labels = name.split(".")
        return self.everything or any(".".join(labels[n:]) in self.names for n in range(min(len(labels), _MOST_LABELS)))

    def allow(self, address: str) -> bool:
        """Whether an address may be a link: http or https, to one of these domains, and written in the plainest way.

        Anything that two programs might read differently is not a plain address: a user before the host, a backslash,
        an entity, a second address inside.
        """
        if "://" not in address:
            address = f"https://{address}"
        found = _HOST_CHARACTERS.fullmatch(address)
        if found is None or address.find("://", address.find("://") + 3) != -1 or _ENTITY.search(address):
            return False
        scheme, _, rest = address.partition("://")
        if f"{scheme.lower()}://{rest.partition('/')[0].lower()}" in self.origins:
            return True
        return self.allow_host(found[1])


def visible(text: str) -> str:
    """The text as a program compares it: compatible forms made one, without signs that nobody sees."""
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(sign for sign in text if not is_unseen(sign))
    return unicodedata.normalize("NFKC", shown).translate(_DOTS)


def is_unseen(sign: str) -> bool:
    """Whether a character takes no room: format characters, variation selectors, fillers."""
    if sign.isascii():
        return sign < " " and sign not in "\t\n\r"
    code = ord(sign)
    return (
        unicodedata.category(sign) == "Cf"
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0000 <= code <= 0xE0FFF
        or code in {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0}
    )


def link_in(word: str) -> int:
    """Where in a word (no blanks in it, made `visible`) begins what a client would link; -1 where nothing does."""
    starts = [start for start in (_with_scheme(word), _script(word), _bare(word)) if start >= 0]
    return min(starts, default=-1)


def domains_in(text: str) -> Iterator[str]:
    """The domains that a text names: of its addresses, and those that stand there without a scheme."""
    for run in _RUN.finditer(visible(text)):
        for name in run[0].split(".."):
            if _is_domain(name.strip(".-")):
                yield name.strip(".-").lower()


def _with_scheme(word: str) -> int:
    at = word.find("://")
    if at < 1:
        return -1
    start = at
    while start and word[start - 1] in _SCHEME_SIGNS:
        start -= 1
    return start if start < at else -1


def _script(word: str) -> int:
    folded = word.lower()
    places = [folded.find(scheme) for scheme in _SCRIPTS]
    return min(
        (at for at, name in zip(places, _SCRIPTS, strict=True) if at >= 0 and word[at + len(name) :]), default=-1
    )


def _bare(word: str) -> int:
    for run in _RUN.finditer(word):
        name = run[0].strip(".-_")
        if "." not in name:
            continue
        before, after = word[: run.start()], word[run.end() : run.end() + 2]
        if before.endswith("@") and not after.startswith(("/", ":", "?", "#")):
            continue  # an address of a mailbox
        goes_on = after[:1] in {"/", "?", "#"} or (after[:1] == ":" and after[1:].isdigit())
        if _is_domain(name) or (goes_on and _is_host(name)):
            return run.start() + run[0].find(name)
    return -1


def _is_domain(name: str) -> bool:
    """Whether a client would take a name for a domain."""
    labels = name.lower().split(".")
    if len(labels) < 2 or not all(labels[-2:]):
        return False
    last = labels[-1]
    return last in _endings() or last.startswith("xn--") or labels[0] == "www"


@cache
def _endings() -> frozenset[str]:
    """The top-level domains that clients make links of without a scheme: all countries', and the common ones."""
    return frozenset(files("framework.outbound").joinpath("endings.txt").read_text(encoding="utf-8").split())


def _is_host(name: str) -> bool:
    labels = name.split(".")
    address = len(labels) == 4 and all(label.isdigit() for label in labels)
    return address or (
        len(labels[-1]) > 1 and labels[-1].isalpha() and all(one for pair in pairwise(labels) for one in pair)
    )


def _ascii(host: str) -> str:
    """A host in the form in which domains are compared; empty where it is none."""
    name = host.strip().lower().removeprefix("*.").strip(".")
    if name.isascii():
        return name if re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,252})", name) else ""
    import idna

    try:
        return idna.encode(name, uts46=False).decode()
    except (idna.IDNAError, UnicodeError):
        return ""
