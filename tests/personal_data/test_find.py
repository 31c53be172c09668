"""Personal data of each kind, where it stands, and what looks like it and is none."""

from __future__ import annotations

import pytest

from framework.personal_data import KINDS, find

ALL = ("email", "phone", "iban", "card", "ip", "ssn")

THERE = [
    ("email", "write to {ada.lovelace+news@example.co.uk}."),
    ("email", "<{ADA@EXAMPLE.COM}>, thanks"),
    ("email", "mailto:{o'neil@example.org}"),
    ("email", "({ada@bücher.example})"),
    ("email", "Mail:{a@b.de},{c@d.fr}"),
    ("email", "{ada@exam\u00adple.com}"),
    ("card", "my card {4111 1111 1111 1111} please"),
    ("card", "{4111111111111111}"),
    ("card", "{4111-1111-1111-1111}, 12/27"),
    ("card", "{4111.1111.1111.1111}"),
    ("card", "{4111  1111  1111  1111}"),
    ("card", "Amex {3782 822463 10005}."),
    ("card", "Amex {378282246310005}"),
    ("card", "{3714-496353-98431}"),
    ("card", "{5555 5555 5555 4444}"),
    ("card", "{6011 1111 1111 1117}"),
    ("card", "{3056 930902 5904}"),
    ("card", "{4222222222222}"),
    ("card", "{6304 0000 0000 0000 000}"),
    ("card", "{２２２３ ００３１ ２２００ ３２２２}"),
    ("card", "{4111\u200b1111\u00a01111\u20111111}"),
    ("card", "{4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1}"),
    ("iban", "IBAN: {DE89 3704 0044 0532 0130 00}, thanks"),
    ("iban", "{DE89370400440532013000}"),
    ("iban", "{de89 3704 0044 0532 0130 00}"),
    ("iban", "to {GB82 WEST 1234 5698 7654 32} today"),
    ("iban", "{FR14 2004 1010 0505 0001 3M02 606}"),
    ("iban", "{NL91-ABNA-0417-1643-00}"),
    ("iban", "{MT84 MALT 0110 0001 2345 MTLC AST0 01S}"),
    ("iban", "{NO93 8601 1117 947}"),
    ("ip", "from {203.0.113.7}:8080"),
    ("ip", "net {10.0.0.0}/8"),
    ("ip", "http://{192.168.1.1}/admin"),
    ("ip", "it was {203.0.113.7}."),
    ("ip", "[{2001:db8::1}]:443"),
    ("ip", "{2001:0db8:85a3:0000:0000:8a2e:0370:7334}/64"),
    ("ip", "{::1} and {fe80::1}%eth0"),
    ("ip", "{::ffff:203.0.113.7}"),
    ("ssn", "SSN {123-45-6789}."),
    ("ssn", "{123 45 6789}"),
    ("phone", "call {+49 170 1234567}"),
    ("phone", "({+48 512 345 678})"),
    ("phone", "({0664-123456}) at home"),
    ("phone", "my number is {03-1234-5678}."),
    ("phone", "{+491701234567}"),
    ("phone", "{+49 (0)30 123-45 67}"),
    ("phone", "{+1 (555) 123-4567}"),
    ("phone", "{+1-555-123-4567}!"),
    ("phone", "{+1.555.123.4567}"),
    ("phone", "{+44 20 7946 0958}"),
    ("phone", "{+33 1 23 45 67 89}"),
    ("phone", "{+86 138 0013 8000}"),
    ("phone", "{+91 98765 43210}"),
    ("phone", "{0049 170 1234567}"),
    ("phone", "{00491701234567}"),
    ("phone", "{(555) 123-4567}"),
    ("phone", "{555-123-4567}"),
    ("phone", "{555.123.4567}"),
    ("phone", "{1-800-555-0199}"),
    ("phone", "{030/1234567}"),
    ("phone", "{0170 1234567}"),
    ("phone", "{01701234567}"),
    ("phone", "{020 7946 0958}"),
    ("phone", "{(020) 7946 0958}"),
    ("phone", "{01 23 45 67 89}"),
    ("phone", "{(11) 91234-5678}"),
    ("phone", "my phone number is {612 345 678}"),
    ("phone", "Tel.: {5551234567}"),
    ("phone", "{+٤٩ ١٧٠ ١٢٣٤٥٦٧}"),
]

NONE = [
    "version 1.2.3.4 is out", "v1.2.3.4", "Chrome/120.0.0.0", "release 10.0.19.41", "chapter 1.2.3.4", "§ 1.2.3.4",
    "1.2.3", "1.2.3.4.5", "999.1.1.1", "at 12:30:45", "std::string", "a::b", "aa:bb:cc:dd:ee:ff",
    "order 4711", "order number 1234567890", "Order #100-2345678-1234567", "order 01701234567", "ticket 0049123456789",
    "invoice 2026-03-000123", "#5551234567", "my order is 12345678901234", "tracking 00340434161094042557",
    "4111 1111 1111 1112", "1234 5678 9012 3456", "1767225600000", "978-3-16-148410-0", "0000 0000 0000 0000",
    "EUR 1.234.567,89", "$1,234,567.89", "1 234 567 890 EUR", "12.345.678", "3.14159265358979",
    "2026-03-01", "01.02.2026", "01/02/2026", "2026-03-01 12:30:45", "01.02.2026 12:30", "2019-2024", "10-15 days",
    "DE89 3704 0044 0532 0130 01", "GB82 1234 1234 5698 7654 32", "ZZ89 3704 0044 0532 0130 00",
    "logo@2x.png", "left-pad@1.3.0", "ada@localhost", "@ada", "a @ b.com", "report_2026.final.pdf",
    "IMG_20260301_123456.jpg",
    "000-12-3456", "666-12-3456", "900-12-3456", "123-45-67890", "12-345-6789",
    "550e8400-e29b-41d4-a716-446655440000", "2 + 12345678", "C++ 20", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    "3.5.2026 and 4.5.2026", "M8x30, DIN 912", "0.5 to 1.5", "room 0815", "90210", "10115 Berlin",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "marked"), THERE)
def test_what_is_personal_is_found_where_it_stands(kind: str, marked: str) -> None:
    text, spans = "", []
    for number, part in enumerate(marked.replace("}", "{").split("{")):
        if number % 2:
            spans.append((kind, len(text), len(text) + len(part)))
        text += part
    assert [(one.kind, one.start, one.end) for one in find(text, ALL)] == spans


@pytest.mark.parametrize("text", NONE)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert [(one.kind, text[one.start : one.end]) for one in find(text, ALL)] == []


def test_only_the_kinds_that_are_asked_for() -> None:
    text = "ada@example.com, 4111 1111 1111 1111, see https://example.com/a?b. or aa:bb:cc:dd:ee:ff"
    assert [one.kind for one in find(text, ["email"])] == ["email"]
    assert [one.kind for one in find(text, ["credit_card", "url", "mac_address"])] == [
        "credit_card",
        "url",
        "mac_address",
    ]
    assert find(text, []) == []
    assert {"email", "credit_card", "ip", "mac_address", "url"} <= KINDS
