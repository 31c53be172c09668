"""DOCX, PDF, CSV and XLSX: text, tables and what cannot be read."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml
from openpyxl import Workbook

from framework.agent.knowledge.articles.article import Article
from framework.agent.knowledge.articles.reading import understand
from tests.agent.knowledge.test_documents import portable

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def word(*paragraphs: str) -> bytes:
    """A DOCX whose body is this XML."""
    document = docx.Document()
    document.add_heading("Travel", level=1)
    body = document.element.body
    for xml in paragraphs:
        body.insert(
            len(body) - 1, parse_xml(xml.replace("<w:p>", f"<w:p {_W}>", 1).replace("<w:tbl>", f"<w:tbl {_W}>", 1))
        )
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def quote(article: Article) -> str:
    return "\n\n".join(chunk.quote for chunk in article.chunks)


def run(text: str, extra: str = "") -> str:
    return f'<w:r>{extra}<w:t xml:space="preserve">{text}</w:t></w:r>'


def test_changes_are_read_as_accepted_and_content_controls_are_read() -> None:
    changed = (
        f'<w:p>{run("The rate is ")}<w:del w:id="1" w:author="a"><w:r><w:delText>19</w:delText></w:r></w:del>'
        f'<w:ins w:id="2" w:author="a">{run("28")}</w:ins>{run(" EUR to ")}<w:sdt><w:sdtContent>{run("a@b.example")}'
        f'</w:sdtContent></w:sdt><w:moveFrom w:id="3" w:author="a">{run("gone")}</w:moveFrom>.</w:p>'
    )
    hidden = f"<w:p>{run('Open.')}{run('secret', '<w:rPr><w:vanish/></w:rPr>')}</w:p>"
    assert quote(understand("a.docx", word(changed, hidden))) == "The rate is 28 EUR to a@b.example\n\nOpen."


def test_merged_and_nested_tables_of_word() -> None:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr><w:p>{run(text)}</w:p></w:tc>"

    rows = [
        cell("Zone") + cell("Weight") + cell("Price"),
        cell("Inland", '<w:vMerge w:val="restart"/>') + cell("5 kg") + cell("4 EUR"),
        cell("", "<w:vMerge/>") + cell("20 kg") + cell("8 EUR"),
    ]
    table = "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>"
    assert quote(understand("a.docx", word(table))) == (
        "- Inland: Weight 5 kg; Price 4 EUR\n- Inland: Weight 20 kg; Price 8 EUR"
    )


def test_a_text_box_is_read_once() -> None:
    box = f"<w:txbxContent><w:p>{run('Keep left.')}</w:p></w:txbxContent>"
    namespace = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    paragraph = (
        f"<w:p><w:r><mc:AlternateContent {namespace}><mc:Choice Requires='wps'><w:drawing>{box}</w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r>{run('Beside it.')}</w:p>"
    )
    assert sorted(quote(understand("a.docx", word(paragraph))).split("\n\n")) == ["Beside it.", "Keep left."]


BOATS = (
    (
        ("Boat hire", 20, 780, 72),
        ("All boats wait at the pier.", 11, 750, 72),
        ("Boat", 11, 720, 72),
        ("1 hour", 11, 720, 220),
        ("Half day", 11, 720, 320),
        ("Canoe", 11, 700, 72),
        ("9 EUR", 11, 700, 220),
        ("24 EUR", 11, 700, 320),
        ("Pedal boat", 11, 680, 72),
        ("14 EUR", 11, 680, 220),
        ("31 EUR", 11, 680, 320),
        ("Life vests are free.", 11, 640, 72),
    ),
)


def test_a_table_of_a_pdf_keeps_its_columns() -> None:
    (chunk,) = understand("a.pdf", portable(*BOATS)).chunks
    assert chunk.quote == (
        "All boats wait at the pier.\n\n"
        "- Canoe: 1 hour 9 EUR; Half day 24 EUR\n- Pedal boat: 1 hour 14 EUR; Half day 31 EUR\n\n"
        "Life vests are free."
    )


def test_what_stands_at_one_place_of_all_pages_goes_at_their_edges_alone() -> None:
    pages = [[("Boats of Larch", 9, 810), (f"Boat {n} costs {n * 7} EUR.", 12, 500)] for n in range(1, 9)]
    read = " ".join(chunk.quote for chunk in understand("a.pdf", portable(*pages)).chunks)
    assert all(f"Boat {n} costs {n * 7} EUR." in read for n in range(1, 9))
    assert "Larch" not in read


def test_pages_that_are_pictures_are_named() -> None:
    article = understand("a.pdf", portable((("Open from nine.", 11, 700),), "picture", "picture"))
    assert quote(article) == "Open from nine."
    assert article.warnings[0].startswith("pages 2 and 3 only hold pictures")
    assert "pictures" in understand("a.pdf", portable("picture")).problem


@pytest.mark.parametrize(
    "content",
    [
        b"Plan,Fee\nSolo,9\nTeam,49\n",
        "\ufeffPlan;Fee\r\nSolo;9\r\nTeam;49\r\n".encode(),
        "Plan\tFee\nSolo\t9\nTeam\t49\n".encode("utf-16"),
        b'sep=|\n"Plan"|"Fee"\nSolo|9\nTeam|49\n',
    ],
)
def test_rows_of_any_delimiter_are_facts_under_their_headings(content: bytes) -> None:
    assert quote(understand("fees.csv", content)) == "- Solo: Fee 9\n- Team: Fee 49"


def test_a_decimal_comma_does_not_part_cells() -> None:
    content = "Land;Porto;Dauer\nNorwegen;12,90;6 Tage\nPolen;4,50;3 Tage\n".encode("cp1252")
    assert (
        quote(understand("p.csv", content))
        == "- Norwegen: Porto 12,90; Dauer 6 Tage\n- Polen: Porto 4,50; Dauer 3 Tage"
    )


def test_questions_of_a_csv_stand_alone() -> None:
    chunks = understand(
        "faq.csv", b'question,answer\n"Is there wifi?","Yes, ""Larch""."\nIs there parking?,12 spaces.\n'
    ).chunks
    assert [(chunk.headings, chunk.quote) for chunk in chunks] == [
        (("Is there wifi?",), 'Yes, "Larch".'),
        (("Is there parking?",), "12 spaces."),
    ]


def book() -> bytes:
    made = Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.title = "Prices"
    sheet.append(["Zone", "Weight", "Price", "Tax", "From"])
    sheet.append(["Inland", "5 kg", 4.9, 0.19, date(2026, 3, 1)])
    sheet.append([None, "20 kg", 8, 0.07, date(2026, 4, 1)])
    sheet.merge_cells("A2:A3")
    for row in (2, 3):
        sheet.cell(row, 3).number_format = '#,##0.00 "EUR"'
        sheet.cell(row, 4).number_format = "0%"
    staff = made.create_sheet("Staff")
    staff.append(["Who", "Phone"])
    staff.append(["Anna", "030 1"])
    made.create_sheet("Secret").append(["hidden"])
    made["Secret"].sheet_state = "hidden"
    target = io.BytesIO()
    made.save(target)
    return target.getvalue()


def test_sheets_are_sections_and_cells_read_as_people_see_them() -> None:
    article = understand("a.xlsx", book())
    assert [(chunk.headings, chunk.quote) for chunk in article.chunks] == [
        (
            ("Prices",),
            """- Inland: Weight 5 kg; Price 4.90 EUR; Tax 19 %; From 2026-03-01
- Inland: Weight 20 kg; Price 8.00 EUR; Tax 7 %; From 2026-04-01""",
        ),
        (("Staff",), "- Anna: Phone 030 1"),
    ]
    assert article.warnings == ("the sheet “Secret” is hidden and was left out",)


def bomb() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 200_000_000)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.docx", bomb(), "unpacks to"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office 97"),
        ("a.md", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "not text"),
        ("a.txt", b"{\\rtf1 x}", "RTF"),
        ("a.md", b"", "empty"),
        ("a.xlsx", b"PK\x03\x04 nonsense", "damaged"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_do(name: str, content: bytes, said: str) -> None:
    article = understand(name, content)
    assert said in article.problem
    assert article.hint
    assert not article.chunks


def test_a_file_is_read_as_what_it_is_whatever_its_name_says() -> None:
    for name in ("a.md", "a.txt", "a.pdf"):
        article = understand(name, word(f"<w:p>{run('Open.')}</w:p>"))
        assert (article.kind, quote(article)) == ("DOCX", "Open.")
        assert "DOCX" in article.warnings[0]
    assert understand("a.txt", b"<!doctype html><html><body><p>Open.</p></body></html>").kind == "HTML"


def test_an_article_that_is_too_large_is_not_even_opened(tmp_path: Path) -> None:
    from framework.agent.knowledge.articles.collection import read_articles

    (tmp_path / "good.md").write_text("# Good\n\nAll is well.\n")
    with (tmp_path / "large.md").open("wb") as file:
        file.truncate(200_000_000)
    by_name = {article.name: article for article in read_articles(tmp_path.iterdir(), tmp_path, None)}
    assert "larger than" in by_name["large.md"].problem
    assert by_name["good.md"].chunks


def test_thousands_of_rows_share_one_vector() -> None:
    from framework.agent.knowledge.search.index import chunk_texts, unit_texts

    rows = "\n".join(f"Part {number},{number} EUR" for number in range(10_000))
    article = understand("parts.csv", f"Name,Price\n{rows}\n".encode())
    assert sum(len(chunk.units) for chunk in article.chunks) == 10_000
    assert len({*chunk_texts(article.chunks), *unit_texts(article.chunks)}) < 10


@pytest.mark.parametrize("side_by_side", [True, False])
def test_columns_of_running_text_are_read_one_after_the_other(side_by_side: bool) -> None:
    left = [(f"The left column goes on and on, line {number}", 10, 700 - 12 * number, 60) for number in range(4)]
    right = [(f"The right column has other words, line {number}", 10, 700 - 12 * number, 330) for number in range(4)]
    lines = [line for pair in zip(left, right, strict=True) for line in pair] if side_by_side else [*left, *right]
    text = " ".join(quote(understand("a.pdf", portable(lines))).split())
    assert text == " ".join(str(line[0]) for line in (*left, *right))
