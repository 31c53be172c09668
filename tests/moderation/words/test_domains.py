"""Blocked domains: the host is compared, however the address is written."""

from __future__ import annotations

import pytest

from framework.moderation.words import Kind, Term, TermMatcher

LIST = TermMatcher([Term("spam-domain.example", Kind.DOMAIN), Term("zorbax")])


@pytest.mark.parametrize(
    "text",
    [
        "see spam-domain.example", "https://spam-domain.example/x?y#z", "HTTP://SPAM-Domain.Example:8080",
        "https://joe:pw@spam-domain.example", "x.y.spam-domain.example.", "joe@spam-domain.example",
        "spam-domain[.]example", "see spam-domain (dot) example", "spam-domain dot example", "hxxps://spam-domain.example",
        "spam%2Ddomain%2eexample", "https://good.example/?u=https://spam-domain.example/", "sp\u0430m-domain.example",
        "spam-domain\u3002example", "spam\u200b-domain.example", "**spam-domain.example**", "(spam-domain.example)",
        "[good.example](https://spam-domain.example)", "\uff53pam-domain.example", "xn--spm-domain-0qi.example",
        "spam-domain\\.example", "&#115;pam-domain.example", "<https://spam-domain.example>",
    ],
)  # fmt: skip
def test_a_host_below_the_domain_is_found(text: str) -> None:
    (hit,) = LIST.find(text)
    assert hit.term.text == "spam-domain.example"


@pytest.mark.parametrize(
    "text",
    [
        "spam-domain.example.org", "notspam-domain.example", "spam-domain", "spam-domain.examples",
        "spam-domain.example@good.example", "https://good.example/spam-domain.example", "5pam-domain.example",
        "spaam-domain.example", "sp\u00e0m-domain.example", "spam-domain.example-x.org", "The spam. domain example.",
        "https://spam-domain.example@good.example/",
    ],
)  # fmt: skip
def test_another_host_is_left_alone(text: str) -> None:
    assert LIST.find(text) == []
