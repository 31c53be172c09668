"""Addresses: of e-mail, of computers, of pages."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

_LOCAL = r"\w!#$%&'*+/=?^`{|}~\-"
_EMAIL = re.compile(
    rf"(?<![{_LOCAL}.])[{_LOCAL}][{_LOCAL}.]{{0,253}}@[^\W_][\w\-]{{0,62}}(?:\.[^\W_][\w\-]{{0,62}}){{1,9}}(?![\w@])"
)
_TOP = re.compile(r"[^\W\d_]{2,}|xn--[\w\-]+", re.IGNORECASE)
_SCALED = re.compile(r"\d+(?:\.\d+)?x\.(?:png|jpe?g|gif|webp|svg|avif|ico)", re.IGNORECASE)
"""What follows the `@` in names of files such as `logo@2x.png`."""

_FOUR = re.compile(r"(?<![\w.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\w)(?!\.\w)", re.ASCII)
_SIX = re.compile(r"(?<![\w:.])[0-9A-Fa-f:][0-9A-Fa-f:.]{1,44}(?![\w:])")
_MAC = re.compile(r"(?<![\w:\-])[0-9A-Fa-f]{2}([:\-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![\w:\-])")
_VERSION = re.compile(
    r"(?:\b(?:versions?|ver|v|releases?|rel|revision|rev|build|firmware|driver|update|patch|chapters?|sections?|articles?"
    r"|clauses?|kapitel|abschnitt|version|capítulo|chapitre|par|paragraph)[.:]?\s{0,2}|§\s?|[^\W\d_][/\-])$",
    re.IGNORECASE,
)
_URL = re.compile(r"(?<!\w)(?:https?://|ftp://|www\.)[^\s<>\"{}|\\^`\[\]]{1,2000}", re.IGNORECASE)
_BARE = re.compile(r"(?<![\w@.\-/])[^\W_][\w\-]{0,62}(?:\.[^\W_][\w\-]{0,62}){1,9}/[^\s<>\"{}|\\^`\[\]]{0,2000}")
_CLOSING = ".,;:!?)'"


def emails(text: str) -> Iterator[tuple[int, int]]:
    """Addresses of mailboxes."""
    if "@" not in text:
        return
    for one in _EMAIL.finditer(text):
        domain = one[0].rpartition("@")[2]
        if _TOP.fullmatch(domain.rpartition(".")[2]) and not _SCALED.fullmatch(domain):
            yield one.span()


def ips(text: str) -> Iterator[tuple[int, int]]:
    """Addresses of version 4 and 6, without port, mask and brackets. Numbers of versions and chapters are none."""
    for one in _SIX.finditer(text):
        written = one[0].rstrip(".")
        if written.endswith(":") and not written.endswith("::"):
            written = written[:-1]
        if written.count(":") >= 2 and any(sign.isdigit() for sign in written) and _is_address(written):
            yield one.start(), one.start() + len(written)
    for one in _FOUR.finditer(text):
        if _is_address(one[0]) and not _VERSION.search(text[max(0, one.start() - 20) : one.start()]):
            yield one.span()


def _is_address(written: str) -> bool:
    try:
        ipaddress.ip_address(written)
    except ValueError:
        return False
    return True


def macs(text: str) -> Iterator[tuple[int, int]]:
    """Addresses of network cards."""
    for one in _MAC.finditer(text):
        yield one.span()


def urls(text: str) -> Iterator[tuple[int, int]]:
    """Addresses of pages: with a scheme, with `www.`, or with a path."""
    for pattern in (_URL, _BARE):
        for one in pattern.finditer(text):
            yield one.start(), one.start() + len(one[0].rstrip(_CLOSING))
