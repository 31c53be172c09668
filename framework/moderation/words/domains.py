"""Looks for domains: the hosts that a text names, decoded, and compared by whole labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import idna

from framework.moderation.words.hit import Hit, How
from framework.moderation.words.letters import folded, is_invisible
from framework.moderation.words.reading import Reading
from framework.moderation.words.term import Term

_DOTS = "\u3002\uff0e\uff61\u2024\ufe52"
_DOT = re.compile(
    r"\s{0,3}[(\[{<]\s{0,3}(?:\.|dot|punkt|punto|point)\s{0,3}[)\]}>]\s{0,3}|\s{1,3}(?:dot|punkt|punto)\s{1,3}|\s{1,3}\.\s{1,3}"
    rf"|\\\.|[{_DOTS}]",
    re.IGNORECASE,
)
"""Ways to write the dot of a host, so that programs do not see it."""

_HOST = re.compile(r"(?<![\w\-])[\w\-]++(?>(?:\.[\w\-]++)+)\.?+")
_LONGEST_HOST = 253
_HINT = re.compile(r"\.[\s)\]}>]{0,6}[\w*`~<|]|dot\b|punkt\b|punto\b|point\b|[%&]", re.IGNORECASE)
"""Without one of these an ASCII text names no host."""

_PATH = re.compile(r"[/?#][^\s<>\"]*")
_NESTED = re.compile(r"(?:https?|hxxps?|ftp)(?::|%3a)(?:/|%2f){2}", re.IGNORECASE)
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class _Text:
    """A text with every dot as a dot, and the place of each sign."""

    plain: str
    starts: Sequence[int]
    ends: Sequence[int]


class DomainMatcher:
    """Finds the domains of a list, and what is below them."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._terms = {_labels_of(term.text): term for term in terms}

    def find(self, reading: Reading) -> list[Hit]:
        """Every host of the text that is a listed domain or below it."""
        if not self._terms:
            return []
        found: dict[tuple[int, int], Hit] = {}
        for start, end, host in _hosts(reading):
            term = self._listed(host)
            if term is not None:
                found.setdefault((start, end), Hit(term, _how(reading.text[start:end], term), start, end))
        return list(found.values())

    def _listed(self, host: str) -> Term | None:
        labels = _labels_of(host[-_LONGEST_HOST:]).split(".")
        for first in range(len(labels) - 1):
            if (term := self._terms.get(".".join(labels[first:]))) is not None:
                return term
        return None


def _how(written: str, term: Term) -> How:
    if written == term.text:
        return How.EXACT
    lowered = written.lower().rstrip(".")
    plain = lowered == term.text.lower() or lowered.endswith("." + term.text.lower())
    return How.FOLDED if plain else How.DISGUISED


def _hosts(text: Reading) -> Iterator[tuple[int, int, str]]:
    """Yield where hosts stand, and each with plain dots."""
    for readable in _readings(text):
        plain = readable.plain
        place = 0
        while (one := _HOST.search(plain, place)) is not None:
            place = one.end()
            if plain[place : place + 1] == "@":  # the part before an @ is a name, not a host
                continue
            yield readable.starts[one.start()], readable.ends[one.end() - 1], one[0].rstrip(".")
            place = _after_path(plain, place)


def _after_path(plain: str, place: int) -> int:
    """Behind a path, which names no host; before an address inside of it, which does."""
    port = re.compile(r":\d{1,5}").match(plain, place)
    path = _PATH.match(plain, port.end() if port else place)
    if path is None:
        return place
    nested = _NESTED.search(plain, path.start(), path.end())
    return nested.end() if nested else path.end()


def _readings(reading: Reading) -> Iterator[_Text]:
    """The text with its dots plain; once more with escapes such as `%2e` resolved."""
    if reading.text.isascii() and _HINT.search(reading.text) is None:
        return
    plain = _undotted(reading)
    yield plain
    if "%" in plain.plain:
        yield _unescaped(plain)


def _undotted(reading: Reading) -> _Text:
    visible = _visible(reading)
    plains: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    place = 0
    for one in _DOT.finditer(visible.plain):
        _keep(plains, starts, ends, visible, place, one.start())
        plains.append(".")
        starts.append(visible.starts[one.start()])
        ends.append(visible.ends[one.end() - 1])
        place = one.end()
    _keep(plains, starts, ends, visible, place, len(visible.plain))
    return _Text("".join(plains), starts, ends)


def _visible(reading: Reading) -> _Text:
    """The text without markup and invisible signs. Letters stay as they are: a host with an accent is another host."""
    if reading.text.isascii():
        return _Text(reading.plain, reading.starts, reading.ends)
    plains: list[str] = []
    kept: list[int] = []
    last = -1
    for place, start in enumerate(reading.starts):
        if start != last:
            last = start
            written = reading.text[start : reading.ends[place]]
            plains.append(written if len(written) == 1 else reading.plain[place])
            kept.append(place)
    return _Text("".join(plains), [reading.starts[one] for one in kept], [reading.ends[one] for one in kept])


def _keep(plains: list[str], starts: list[int], ends: list[int], text: _Text, first: int, last: int) -> None:
    plains.append(text.plain[first:last])
    starts.extend(text.starts[first:last])
    ends.extend(text.ends[first:last])


def _unescaped(text: _Text) -> _Text:
    plains: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    place = 0
    for one in _ESCAPED.finditer(text.plain):
        _keep(plains, starts, ends, text, place, one.start())
        decoded = unquote(one[0], errors="replace")
        plains.append(decoded)
        starts.extend([text.starts[one.start()]] * len(decoded))
        ends.extend([text.ends[one.end() - 1]] * len(decoded))
        place = one.end()
    _keep(plains, starts, ends, text, place, len(text.plain))
    return _Text("".join(plains), starts, ends)


def _labels_of(host: str) -> str:
    """A host in one form: labels decoded, similar letters plain. Accents, digits and repeats make another host."""
    return ".".join(_label(label) for label in host.strip(".").split("."))


def _label(label: str) -> str:
    label = label.lower()
    if label.startswith("xn--"):
        try:
            label = idna.ulabel(label)
        except (idna.IDNAError, UnicodeError):
            return label
    return "".join(_plain(sign) for sign in label if not is_invisible(sign))


def _plain(sign: str) -> str:
    if sign.isascii():
        return sign
    if unicodedata.decomposition(sign) and not unicodedata.decomposition(sign).startswith("<"):
        return sign  # a letter with an accent
    plain = folded(sign)
    return plain if len(plain) == 1 else sign
