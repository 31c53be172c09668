"""Phone numbers: as people write them in the world, and as each country does at home."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Groups are parted by a sign or a bracket, so that no number can be read in two ways.
_REST = r"(?:(?:[ \-./]{1,2}\(?|\(|(?<=\)))\d{1,14}\)?){0,8}"
_END = r"(?![\w@])(?![.,\-/]\d)"
_START = r"(?<![\w+.,\-/(])(?<!\d )"
_AREA = r"(?:\([2-9]\d{2}\)[ .\-]{0,2}|[2-9]\d{2}[ .\-]{1,2})"
_FORMS = (
    ("world", re.compile(rf"(?<![\w+])(?<!\d )\+\(?[1-9]\d{{0,14}}\)?{_REST}{_END}", re.ASCII)),
    ("world", re.compile(rf"{_START}00[ \-]?[1-9]\d{{0,14}}{_REST}{_END}", re.ASCII)),
    ("america", re.compile(rf"{_START}(?:1[ .\-])?{_AREA}\d{{3}}[ .\-]{{1,2}}\d{{4}}{_END}", re.ASCII)),
    (
        "home",
        re.compile(rf"{_START}\(?0[1-9]\d{{0,10}}\)?(?:(?:[ \-./]{{1,2}}|(?<=\)))\d{{2,11}}){{0,6}}{_END}", re.ASCII),
    ),
    ("area", re.compile(rf"{_START}\([1-9]\d{{1,4}}\) ?\d{{3,5}}(?:[ \-]\d{{2,5}}){{0,3}}{_END}", re.ASCII)),
)
_NAMED = re.compile(rf"{_START}\(?\d{{1,15}}\)?{_REST}{_END}", re.ASCII)
_PHONE_WORD = re.compile(
    r"\b(?:phone|tel|telephone|telefon|telefono|teléfono|téléphone|mobile?|mobil|mobilnummer|cell|cellphone|handy|fax"
    r"|whatsapp|sms|call|ring|text|ruf|rufnummer|anrufen|llama|appelez"
    r"|(?:my|your|our|his|her|their|contact) (?:number|no|nr))\b[^\d\n]{0,20}$",
    re.IGNORECASE,
)
_OTHER_WORD = re.compile(
    r"(?:\b(?:order|ticket|invoice|tracking|parcel|article|item|sku|isbn|ean|serial|ref|reference|customer|case|policy"
    r"|contract|id|no|nr|number|bestellung|bestellnummer|auftrag|rechnung|rechnungsnummer|kundennummer|vorgang|artikel"
    r"|artikelnummer|pedido|commande|facture|price|preis|eur|usd)\b[^\d\n]{0,12}|[#€$£¥]\s?)$",
    re.IGNORECASE,
)
_FEWEST = {"world": 8, "america": 10, "home": 9, "area": 9, "named": 7}
_MOST = {"world": 17, "america": 11, "home": 12, "area": 12, "named": 15}
_DATE = re.compile(r"\d{1,4}[\-./ ]\d{1,2}[\-./ ]\d{1,4}(?: \d{2,4})?")


def phones(text: str) -> Iterator[tuple[int, int]]:
    """Phone numbers. Numbers of orders, prices and dates are none; where a number alone does not tell, a word before it
    does.
    """
    for form, pattern in _FORMS:
        for one in pattern.finditer(text):
            before = text[max(0, one.start() - 40) : one.start()]
            if _fits(form, one[0]) and (one[0].startswith("+") or _may_be(before)):
                yield _balanced(one)
    for one in _NAMED.finditer(text):
        if _fits("named", one[0]) and _PHONE_WORD.search(text[max(0, one.start() - 40) : one.start()]):
            yield _balanced(one)


def _balanced(one: re.Match[str]) -> tuple[int, int]:
    """Where the number stands, without brackets that are not closed or not opened in it."""
    written = one[0]
    start, end = one.span()
    if written.startswith("(") and ")" not in written[:-1]:
        written, start = written[1:], start + 1
    if written.endswith(")") and written.count(")") > written.count("("):
        end -= 1
    return start, end


def _may_be(before: str) -> bool:
    """Whether the words before a number leave it a phone number."""
    return _PHONE_WORD.search(before) is not None or _OTHER_WORD.search(before) is None


def _fits(form: str, written: str) -> bool:
    digits = sum(sign.isdigit() for sign in written)
    return _FEWEST[form] <= digits <= _MOST[form] and _DATE.fullmatch(written) is None
