"""Markdown as site generators and exports write it: what they show is read, their marks are not."""

from __future__ import annotations

import pytest

from framework.agent.knowledge.articles.article import Article
from framework.agent.knowledge.articles.reading import understand


def read(text: str, name: str = "a.md") -> Article:
    return understand(name, text.encode())


def sections(text: str, name: str = "a.md") -> dict[str, str]:
    """Each section's path below the title, with all that stands in it."""
    found: dict[str, str] = {}
    for chunk in read(text, name).chunks:
        path = " › ".join(chunk.headings)
        found[path] = f"{found[path]}\n\n{chunk.quote}" if path in found else chunk.quote
    return found


def test_html_inside_markdown_is_read() -> None:
    text = """# Fees

<table>
<tr><th>Plan</th><th>Fee</th></tr>
<tr><td>Solo</td><td>8 EUR</td></tr>
</table>

<details>
<summary>Can I cancel?</summary>

Yes, by **mail**.

</details>

<aside>
💡 Keep the receipt.
</aside>

<p>The seal may be <em>broken</em>.</p>
"""
    assert sections(text) == {
        "": "- Solo: Fee 8 EUR\n\n💡 Keep the receipt.\n\nThe seal may be broken.",
        "Can I cancel?": "Yes, by mail.",
    }


def test_code_tables_and_quotes_inside_steps_stay_with_their_step() -> None:
    text = """# Setup

1. Stop it:

   ```bash
   ctl stop --all
   ```

2. Limits:

   | Plan | Seats |
   | --- | --- |
   | Team | 40 |

3. Note:

   > Port 9417.
"""
    (chunk,) = read(text).chunks
    assert chunk.quote == "1. Stop it:\n   ctl stop --all\n2. Limits:\n  - Plan Team: Seats 40\n3. Note: Port 9417."


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("---\ntitle: >-\n  Visiting\n  hours\n---\n", "Visiting hours"),
        ("---\ntitle: Guide # for the site\n---\n", "Guide"),
        ("---\ntitle: 'Children''s tour'\n---\n", "Children's tour"),
        ('\ufeff---\r\ntitle: "A: B"\r\n---\r\n', "A: B"),
        ("---\ntitle: A: B\nslug: x\n---\n", "A: B"),
        ('+++\ntitle = "Toml"\ndate = 2024-01-01\n+++\n', "Toml"),
        ('{"title": "Json", "tags": ["a"]}\n', "Json"),
        ("---\nslug: x\n---\n# Heading\n", "Heading"),
    ],
)
def test_titles_come_from_front_matter_as_its_language_says(front: str, title: str) -> None:
    (chunk,) = read(f"{front}\nOpen from ten.\n").chunks
    assert (chunk.title, chunk.quote) == (title, "Open from ten.")


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    (chunk,) = read("---\n\nOpen from ten.\n\n---\n\nClosed on Mondays.\n").chunks
    assert chunk.quote == "Open from ten.\n\nClosed on Mondays."


def test_the_address_of_an_article_comes_from_its_front_matter() -> None:
    (chunk,) = read("---\ntitle: T\nurl: https://help.example/t\n---\nText here.\n").chunks
    assert chunk.url == "https://help.example/t"


DOCUSAURUS = """---
title: Sign-on
---

import Tabs from '@theme/Tabs';

{/* internal: ask Mira */}

:::note Availability

Part of the **Business** plan.

:::

<Tabs>
<TabItem value="okta" label="Okta">

Paste the address.

</TabItem>
<TabItem value="entra" label="Entra ID">
Upload the **XML** file.
</TabItem>
</Tabs>

:::danger
Never share it.
:::

It lasts {frontMatter.hours} hours. {#session}

## Log out {#logout}

Press <kbd>Revoke</kbd>.
"""


def test_docusaurus() -> None:
    assert sections(DOCUSAURUS) == {
        "Availability": "Part of the Business plan.",
        "Okta": "Paste the address.",
        "Entra ID": "Upload the XML file.",
        "": "Never share it.\n\nIt lasts … hours.",
        "Log out": "Press Revoke.",
    }
    assert "frontMatter.hours" in read(DOCUSAURUS).warnings[0]


def test_a_value_of_the_front_matter_is_filled_in() -> None:
    (chunk,) = read("---\ntitle: T\nhours: 8\n---\nimport X from 'y';\n\nIt lasts {frontMatter.hours} hours.\n").chunks
    assert chunk.quote == "It lasts 8 hours."


@pytest.mark.parametrize(
    "text",
    [
        '=== "macOS"\n\n    Press **Cmd**.\n\n=== "Windows"\n\n    Press **Ctrl**.\n',
        """{% tabs %}
{% tab title="macOS" %}
Press **Cmd**.
{% endtab %}
{% tab title="Windows" %}
Press **Ctrl**.
{% endtab %}
{% endtabs %}
""",
        """{{< tabs >}}
{{< tab "macOS" >}}
Press **Cmd**.
{{< /tab >}}
{{< tab name="Windows" >}}
Press **Ctrl**.
{{< /tab >}}
{{< /tabs >}}
""",
        """<Tabs>
  <Tab title="macOS">
    Press **Cmd**.
  </Tab>
  <Tab title={"Windows"}>
    Press **Ctrl**.
  </Tab>
</Tabs>
""",
        "::: details macOS\nPress **Cmd**.\n:::\n\n::: details Windows\nPress **Ctrl**.\n:::\n",
        '??? faq "macOS"\n    Press **Cmd**.\n\n??? faq "Windows"\n    Press **Ctrl**.\n',
        "> [!faq]- macOS\n> Press **Cmd**.\n\n> [!faq]- Windows\n> Press **Ctrl**.\n",
    ],
    ids=["mkdocs", "gitbook", "hugo", "mintlify", "vitepress", "collapsible", "obsidian"],
)
def test_tabs_and_accordions_of_every_generator_keep_their_labels(text: str) -> None:
    assert sections(f"# Copying\n\n{text}") == {"macOS": "Press Cmd.", "Windows": "Press Ctrl."}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!-- secret -->\nOpen.\n", "Open."),
        ("Open %% secret %% daily.\n", "Open daily."),
        ("See [[Other page|the page]].\n", "See the page."),
        ("Open ==daily==. ^block-1\n", "Open daily."),
        ('{% hint style="info" %}\nOpen daily.\n{% endhint %}\n', "Open daily."),
        ("{{% notice tip %}}\nOpen daily.\n{{% /notice %}}\n", "Open daily."),
        ("{% comment %}secret{% endcomment %}\nOpen daily.\n", "Open daily."),
        ("!!! note\n    Open daily.\n", "Open daily."),
        ("> [!NOTE]\n> Open daily.\n", "Open daily."),
        ("Open daily.{: .lead }\n", "Open daily."),
        ("[TOC]\n\nOpen daily.\n", "Open daily."),
        ('{{< figure src="a.png" >}}\n\nOpen daily.\n', "Open daily."),
        ("Open daily.[^1]\n\n[^1]: Not in May.\n", "Open daily.\n\nNot in May."),
        ("Open &amp; free &lt;here&gt;.\n", "Open & free <here>."),
        ("Term\n: Its meaning.\n", "- Term: Its meaning."),
        ("Write `{{ name }}` and `{% x %}`.\n", "Write {{ name }} and {% x %}."),
        ("Hello {{first_name}}.\n", "Hello {{first_name}}."),
        ("- [ ] Check it\n- [x] Send it\n", "- Check it\n- Send it"),
    ],
)
def test_marks_are_not_shown(text: str, shown: str) -> None:
    (chunk,) = read(f"# Title\n\n{text}").chunks
    assert chunk.quote == shown


def test_code_keeps_what_looks_like_marks() -> None:
    code = "import x from 'y';\n{% if a %}\n:::note\n<!-- c -->"
    (chunk,) = read(f"# T\n\n```js\n{code}\n```\n").chunks
    assert chunk.quote == code


NOTION = """Owner: Support
Status: Live

Refunds take 6 days.

<aside>
⚠️ Not for gift cards.

</aside>

- Who can ask?

    Whoever paid.
"""


def test_an_export_of_notion_is_called_by_its_name_without_the_id_and_properties() -> None:
    (chunk,) = read(NOTION, "Refund policy 1f3c9a7be2d84c0fa6b1d2e3f4a5b6c7.md").chunks
    assert chunk.title == "Refund policy"
    assert chunk.quote == "Refunds take 6 days.\n\n⚠️ Not for gift cards.\n\n- Who can ask? Whoever paid."
    (other,) = read("Phone: 030 1\nMail: a@b.example\n", "contact.md").chunks
    assert "030 1" in other.quote


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("opening-hours.md", "Opening hours"),
        ("03-opening_hours.md", "Opening hours"),
        ("2024-05-01-opening-hours.md", "Opening hours"),
        ("visits/index.md", "Visits"),
        ("2024.md", "2024"),
    ],
)
def test_without_a_title_the_file_gives_it(name: str, title: str) -> None:
    assert read("From nine.\n", name).title == title


def test_a_long_table_is_cut_so_that_each_piece_says_its_columns() -> None:
    rows = "\n".join(f"| Part {number} | {number} EUR | {'word ' * 8} |" for number in range(200))
    chunks = read(f"# AgentDependencies\n\n| Name | Price | Note |\n|---|---|---|\n{rows}\n").chunks
    assert len(chunks) > 5
    assert all("Price" in chunk.quote and len(chunk.quote) < 2000 for chunk in chunks)
    assert sum(len(chunk.units) for chunk in chunks) == 200


def test_long_code_and_endless_lines_are_cut() -> None:
    code = "\n".join(f"step --number {number} " + "x" * 40 for number in range(300))
    text = f"# T\n\n```\n{code}\n```\n\n{'word ' * 20_000}\n\n{'x' * 30_000}\n"
    article = read(text)
    assert max(len(chunk.quote) for chunk in article.chunks) < 3000
    assert "step --number 299" in article.chunks[-1].quote + "".join(chunk.quote for chunk in article.chunks)


def test_deep_nesting_is_read() -> None:
    lists = "\n".join(f"{'  ' * depth}- level {depth}" for depth in range(30))
    quotes = "\n".join(f"{'> ' * depth}quote {depth}\n" for depth in range(1, 30))
    text = " ".join(chunk.quote for chunk in read(f"# T\n\n{lists}\n\n{quotes}").chunks)
    assert all(f"level {depth}" in text for depth in range(30))
    assert "quote 25" in text


def test_levels_that_are_too_deep_are_told() -> None:
    article = read("# T\n\n" + "\n".join("  " * level + f"- level {level}" for level in range(120)))
    assert "level 40" in article.chunks[0].quote
    assert "75 levels deep" in article.warnings[0]
    quotes = read(">" * 3000 + " deep")
    assert "75 levels deep" in quotes.problem
    assert quotes.hint
    assert not read("\n".join("  " * level + f"- level {level}" for level in range(30))).warnings
