"""Articles in HTML, PDF and DOCX become the same chunks as Markdown."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import docx
import pytest

from framework.agent.knowledge.articles.article import Article
from framework.agent.knowledge.articles.collection import read_articles
from framework.agent.knowledge.articles.reading import understand
from framework.agent.knowledge.articles.tree.chunk import Chunk
from framework.agent.knowledge.base import KnowledgeBase
from framework.errors import DefinitionError

HTML = """<!doctype html><html><head><title>Watering | Fernly</title><style>p {color: red}</style></head><body>
<nav><a href="/">Home</a></nav><header>Fernly Ltd.</header>
<h1>Watering your garden</h1><p>Fill the tank <b>every two weeks</b>.<br>Use 1 * tap water &amp; nothing else.</p>
<h2>How much</h2><table><tr><th>Model</th><th>Litres</th></tr><tr><td>Mini</td><td>2</td></tr>
<tr><td>Maxi</td><td>5</td></tr></table>
<h2>Steps</h2><div>Do this:<ol><li>Open the <i>lid</i><ul><li>gently</li></ul></li><li>Pour</li></ol></div>
<!-- secret --><script>alert(1)</script><footer>© Fernly</footer></body></html>"""


def word() -> bytes:
    document = docx.Document()
    document.add_paragraph("Watering your garden", style="Title")
    document.add_paragraph("Fill the tank every two weeks. Use 1 * tap water & nothing else.")
    document.add_heading("How much", level=2)
    rows = (("Model", "Litres"), ("Mini", "2"), ("Maxi", "5"))
    grid = document.add_table(rows=3, cols=2)
    for row, values in zip(grid.rows, rows, strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    document.add_heading("Steps", level=2)
    document.add_paragraph("Do this:")
    for step in ("Open the lid", "Pour"):
        document.add_paragraph(step, style="List Number")
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


_PICTURE = "q 200 0 0 200 100 100 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x80 EI Q"


def _drawn(page: Sequence[tuple[str | int, ...]] | str) -> str:
    if page == "picture":
        return _PICTURE
    lines = [(line[0], line[1], line[2], line[3] if len(line) > 3 else 72) for line in page]
    return "\n".join(f"BT /F1 {size} Tf {x} {y} Td ({text}) Tj ET" for text, size, y, x in lines)


def portable(*pages: Sequence[tuple[str | int, ...]] | str, locked: bool = False) -> bytes:
    """A PDF: each line a text, its size, its height on the page and how far right; "picture" is a page of one."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    for number, lines in enumerate(pages):
        drawn = _drawn(lines)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    body, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table_at = len(body)
    body += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n"
    body += "".join(f"{place:010} 00000 n \n" for place in places)
    body += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table_at}\n%%EOF\n"
    whole = body.encode("latin-1")
    if not locked:
        return whole
    from pypdf import PdfReader, PdfWriter

    writer, target = PdfWriter(clone_from=PdfReader(io.BytesIO(whole))), io.BytesIO()
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(target)
    return target.getvalue()


PAGES = (
    (
        ("Fernly Ltd.", 8, 820),
        ("Watering your garden", 24, 780),
        ("Fill the tank every two weeks. Use tap wa-", 11, 740),
        ("ter and nothing else.", 11, 726),
        ("A new paragraph about feeding.", 11, 690),
        ("Page 1 of 3", 8, 30),
    ),
    (
        ("Fernly Ltd.", 8, 820),
        ("Steps", 16, 780),
        ("\\225 Open the lid", 11, 740),
        ("\\225 Pour, and wait for", 11, 726),
        ("the float to rise", 11, 712),
        ("Page 2 of 3", 8, 30),
    ),
    (("Fernly Ltd.", 8, 820), ("Returns", 16, 780), ("Within 60 days.", 11, 740), ("Page 3 of 3", 8, 30)),
)


def chunks(name: str, content: bytes) -> tuple[Chunk, ...]:
    return understand(name, content).chunks


@pytest.mark.parametrize(("name", "content"), [("a.html", HTML.encode()), ("a.docx", word())])
def test_title_headings_tables_and_lists_are_kept(name: str, content: bytes) -> None:
    found = chunks(name, content)
    assert {chunk.title for chunk in found} == {"Watering your garden"}
    assert [chunk.headings for chunk in found] == [(), ("How much",), ("Steps",)]
    assert " ".join(found[0].quote.split()) == "Fill the tank every two weeks. Use 1 * tap water & nothing else."
    assert [unit.text for unit in found[1].units] == ["Mini: Litres 2", "Maxi: Litres 5"]
    assert next(unit.text for unit in found[2].units if unit.kind == "item").startswith("Open the lid")
    text = " ".join(chunk.quote for chunk in found)
    assert not any(word in text for word in ("Home", "alert", "color", "secret", "©", "Ltd."))


def test_a_pdf_is_read_by_the_size_and_place_of_its_lines() -> None:
    found = chunks("a.pdf", portable(*PAGES))
    assert {chunk.title for chunk in found} == {"Watering your garden"}
    assert [chunk.headings for chunk in found] == [(), ("Steps",), ("Returns",)]
    paragraphs = [block.quote for block in found[0].blocks]
    assert paragraphs == [
        "Fill the tank every two weeks. Use tap water and nothing else.",
        "A new paragraph about feeding.",
    ]
    assert [unit.text for unit in found[1].units] == ["Open the lid", "Pour, and wait for the float to rise"]
    assert found[2].quote == "Within 60 days."


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", b"%PDF-1.4 nonsense", "damaged"),
        ("a.pdf", b"", "empty"),
        ("a.pdf", portable(()), "no text"),
        ("a.pdf", portable(*PAGES, locked=True), "password"),
        ("a.docx", b"PK\x03\x04 nonsense", "damaged"),
        ("a.docx", b"plain text", "damaged"),
        ("a.html", b"<html><body></body></html>", "no text"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DefinitionError, match=said) as caught:
        KnowledgeBase.load([tmp_path / name], tmp_path)
    assert name in str(caught.value)
    assert caught.value.hint


def test_an_article_that_did_not_change_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, cache = tmp_path / "a.html", tmp_path / "cache"
    file.write_text(HTML, encoding="utf-8")
    (first,) = read_articles([file], tmp_path, cache)
    from framework.agent.knowledge.articles import reading

    read: list[str] = []

    def understands(name: str, content: bytes) -> Article:
        read.append(name)
        return understand(name, content)

    monkeypatch.setattr(reading, "understand", understands)
    assert read_articles([file], tmp_path, cache) == (first,)
    assert read == []
    file.write_text("<p>Something else.</p>", encoding="utf-8")
    (other,) = read_articles([file], tmp_path, cache)
    assert read == ["a.html"]
    assert other.chunks[0].quote == "Something else."
