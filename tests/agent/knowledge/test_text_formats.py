"""reStructuredText and AsciiDoc: what they show is read, their marks are not."""

from __future__ import annotations

from framework.agent.knowledge.articles.reading import understand
from framework.definition.loader import ARTICLE_SUFFIXES

SPHINX = """Delivery
========

.. note:: Orders leave the same day.

See :ref:`the prices <prices>`.

.. comment: secret

Prices
------

======  =====
Zone    Price
======  =====
Inland  4 EUR
======  =====

.. tabs::

   .. tab:: Linux

      Run ``apt``.

.. dropdown:: How do I cancel?

   Call us.

.. toctree::

   other
"""

ASCIIDOC = """= Router guide
Jane Doe <jane@doc.example>
:version: 4.2

The version is {version}. See https://x.example/a[the manual].

NOTE: Never unplug it.

// secret

.Fees
[cols="1,1",options="header"]
|===
|Plan |Fee

|Solo
|9 EUR

|Team |49 EUR
|===

CPU:: the processor

[source,bash]
----
ctl stop --all
----

.How do I reset it?
[%collapsible]
====
Hold the *pin*.
====
"""


def test_sphinx() -> None:
    article = understand("a.rst", SPHINX.encode())
    found = {" › ".join(chunk.headings): chunk.quote for chunk in article.chunks}
    assert article.title == "Delivery"
    assert "Orders leave the same day." in found[""]
    assert "See the prices." in found[""]
    assert found["Prices"] == "- Inland: Price 4 EUR"
    assert found["Prices › Linux"] == "Run apt."
    assert found["Prices › How do I cancel?"] == "Call us."
    assert not any(word in str(found) for word in ("secret", "toctree", "::"))


def test_asciidoc() -> None:
    article = understand("a.adoc", ASCIIDOC.encode())
    found = {" › ".join(chunk.headings): chunk.quote for chunk in article.chunks}
    assert article.title == "Router guide"
    assert found[""] == (
        "The version is 4.2. See the manual.\n\nNever unplug it.\n\nFees\n\n- Solo: Fee 9 EUR\n- Team: Fee 49 EUR\n\n"
        "- CPU: the processor\n\nctl stop --all"
    )
    assert found["How do I reset it?"] == "Hold the pin."


def test_the_endings_that_a_bot_may_have_are_those_that_are_read() -> None:
    from framework.agent.knowledge.articles.formats import KINDS

    assert KINDS.keys() == ARTICLE_SUFFIXES
