"""Numbers of cards, bank accounts and social security, by their check digits and forms."""

from __future__ import annotations

import re
from collections.abc import Iterator

_GAP = r"[ \-.\t]{0,2}"
_DIGITS = re.compile(rf"(?<![\w.,])(?<!\d[ \-/])\d(?:{_GAP}\d)*")
_GROUP = re.compile(r"\d+")
_SHORTEST, _LONGEST = 13, 19
_ISSUED = re.compile(r"(?:[3-6]\d{12,18}|2[2-7]\d{14}|9792\d{12}|1\d{14})")
"""What issuers of cards give out, told by the first digits and the length."""

_SSN = re.compile(
    r"(?<![\w\-.])(?!000|666|9\d\d)\d{3}([ \-.])(?!00)\d{2}\1(?!0000)\d{4}(?![\w])(?!\-\d)(?!\.\d)", re.ASCII
)

_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ \-]?\d{2}(?=[ \-.]{0,2}[A-Za-z0-9])")
_IBAN_SIGN = re.compile(r"[ \-.\t]{0,2}([A-Za-z0-9])")
# The registry's forms after the check digits: n digits, a letters, c either.
_REGISTRY = (
    "AD:8n12c AE:19n AL:8n16c AT:16n AZ:4a20c BA:16n BE:12n BG:4a6n8c BH:4a14c BI:23n BR:23n1a1c BY:4c4n16c "
    "CH:5n12c CR:18n CY:8n16c CZ:20n DE:18n DJ:23n DK:14n DO:4c20n EE:16n EG:25n ES:20n FI:14n FK:2a12n "
    "FO:14n FR:10n11c2n GB:4a14n GE:2a16n GI:4a15c GL:14n GR:7n16c GT:4c20c HN:4a20n HR:17n HU:24n IE:4a14n "
    "IL:19n IQ:4a15n IS:22n IT:1a10n12c JO:4a4n18c KW:4a22c KZ:3n13c LB:4n20c LC:4a24c LI:5n12c LT:16n "
    "LU:3n13c LV:4a13c LY:21n MC:10n11c2n MD:2c18c ME:18n MK:3n10c2n MN:16n MR:23n MT:4a5n18c MU:4a19n3a "
    "NI:4a20n NL:4a10n NO:11n OM:3n16c PK:4a16c PL:24n PS:4a21c PT:21n QA:4a21c RO:4a16c RS:18n RU:14n15c "
    "SA:2n18c SC:4a20n3a SD:14n SE:20n SI:15n SK:20n SM:1a10n12c SO:19n ST:21n SV:4a20n TL:19n TN:20n "
    "TR:6n16c UA:6n19c VA:18n VG:4a16n XK:16n YE:4a4n18c"
)
_IBAN_FORMS = dict(one.split(":") for one in _REGISTRY.split())
_CLASSES = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}


def _form(written: str) -> re.Pattern[str]:
    parts = re.findall(r"(\d{1,2})([nac])", written)
    return re.compile("".join(f"{_CLASSES[kind]}{{{count}}}" for count, kind in parts))


_FORMS = {country: _form(written) for country, written in _IBAN_FORMS.items()}
_LENGTHS = {
    country: 4 + sum(int(count) for count in re.findall(r"\d{1,2}(?=[nac])", written))
    for country, written in _IBAN_FORMS.items()
}


def cards(text: str) -> Iterator[tuple[int, int]]:
    """Numbers of 13 to 19 digits whose check digit fits, written in one or in groups."""
    for run in _DIGITS.finditer(text):
        groups = [(run.start() + one.start(), run.start() + one.end()) for one in _GROUP.finditer(run[0])]
        apart = all(b - a == 1 for a, b in groups)
        end = 0
        for first, (start, _) in enumerate(groups):
            if apart and first:  # written digit by digit, it is a card's only if nothing else stands before it
                break
            if start >= end and (found := _card_from(text, groups[first : first + _LONGEST], apart=apart)):
                end = found
                yield start, end


def _card_from(text: str, groups: list[tuple[int, int]], *, apart: bool) -> int:
    """Where a card's number that begins with the first group ends; 0 where none does. The longest one counts."""
    digits, found = "", 0
    for count, (start, end) in enumerate(groups, 1):
        digits += text[start:end]
        if len(digits) > _LONGEST:
            break
        if end - start < 3 and (count < len(groups) and not apart):
            break
        if len(digits) < _SHORTEST or (end < len(text) and (text[end].isalpha() or text[end] == "_")):
            continue
        if _is_grouped([b - a for a, b in groups[:count]]) and _ISSUED.fullmatch(digits) and _luhn(digits):
            found = end
    return found


def _is_grouped(sizes: list[int]) -> bool:
    """Whether people write a card's number in such groups: a few long ones, or digit by digit."""
    return len(sizes) == 1 or set(sizes) == {1} or (min(sizes[:-1]) >= 3 and len(sizes) <= 6)


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def social_security_numbers(text: str) -> Iterator[tuple[int, int]]:
    """US social security numbers, written in their three groups."""
    for one in _SSN.finditer(text):
        yield one.span()


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Numbers of bank accounts in the form of their country whose check digits fit."""
    end = 0
    for begin in _IBAN_START.finditer(text):
        if begin.start() < end:
            continue
        if found := _iban_from(text, begin.start()):
            end = found
            yield begin.start(), end


def _iban_from(text: str, start: int) -> int:
    country = text[start : start + 2].upper()
    length = _LENGTHS.get(country)
    if length is None:
        return 0
    signs, place = country, start + 2
    while len(signs) < length:
        sign = _IBAN_SIGN.match(text, place)
        if sign is None:
            return 0
        signs, place = signs + sign[1].upper(), sign.end()
    if place < len(text) and (text[place].isalnum() or text[place] == "_"):
        return 0
    if not signs[2:4].isdecimal() or not _FORMS[country].fullmatch(signs[4:]):
        return 0
    number = "".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4])
    return place if int(number) % 97 == 1 else 0
