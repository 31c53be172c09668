"""Tables become facts: each value under its own headings."""

from __future__ import annotations

import pytest

from framework.agent.knowledge.articles.article import Article
from framework.agent.knowledge.articles.reading import understand


def read(table: str) -> Article:
    return understand("a.html", f"<html><body><h1>T</h1>{table}</body></html>".encode())


def rows(table: str) -> list[str]:
    return [unit.text for chunk in read(table).chunks for unit in chunk.units]


def test_a_cell_that_spans_rows_counts_in_each_of_them() -> None:
    table = """<table><tr><th>Zone</th><th>Weight</th><th>Price</th></tr>
    <tr><td rowspan="2">Inland</td><td>5 kg</td><td>4 EUR</td></tr><tr><td>20 kg</td><td>8 EUR</td></tr></table>"""
    assert rows(table) == ["Inland: Weight 5 kg; Price 4 EUR", "Inland: Weight 20 kg; Price 8 EUR"]


def test_headers_of_two_lines_join() -> None:
    table = """<table><thead><tr><th rowspan="2">Plan</th><th colspan="2">Fee</th></tr><tr><th>Month</th><th>Year</th>
    </tr></thead><tr><td>Solo</td><td>9</td><td>90</td></tr></table>"""
    assert rows(table) == ["Solo: Fee Month 9; Fee Year 90"]


def test_a_value_that_spans_columns_is_said_once_under_all_of_them() -> None:
    table = (
        "<table><tr><th>Day</th><th>Open</th><th>Close</th></tr><tr><td>Sun</td><td colspan=2>closed</td></tr></table>"
    )
    assert rows(table) == ["Sun: Open / Close closed"]


def test_row_headers_make_pairs_and_no_row_is_taken_for_the_header() -> None:
    table = "<table><tr><th>Hours</th><td>9 to 17</td></tr><tr><th>Fax</th><td>030 5551</td></tr></table>"
    assert rows(table) == ["Hours: 9 to 17", "Fax: 030 5551"]


def test_pairs_without_any_header_are_told_apart() -> None:
    table = "<table><tr><td>Phone</td><td>030 1</td></tr><tr><td>City</td><td>Berlin</td></tr></table>"
    assert rows(table) == ["Phone: 030 1", "City: Berlin"]


@pytest.mark.parametrize("cell", ["td", "th"])
def test_questions_and_answers_stand_alone(cell: str) -> None:
    table = f"""<table><tr><{cell}>Is there wifi?</{cell}><td>Yes.</td></tr>
    <tr><{cell}>Is there parking?</{cell}><td>12 spaces.</td></tr></table>"""
    assert [(chunk.headings, chunk.quote) for chunk in read(table).chunks] == [
        (("Is there wifi?",), "Yes."),
        (("Is there parking?",), "12 spaces."),
    ]


def test_questions_in_a_markdown_table_whose_header_is_a_question_too() -> None:
    text = "# T\n\n| Is there wifi? | Yes. |\n|---|---|\n| Is there parking? | 12 spaces. |\n"
    chunks = understand("a.md", text.encode()).chunks
    assert [(chunk.headings, chunk.quote) for chunk in chunks] == [
        (("Is there wifi?",), "Yes."),
        (("Is there parking?",), "12 spaces."),
    ]


def test_a_header_without_marks_is_known_by_its_column_of_figures_or_its_bold() -> None:
    figures = "<table><tr><td>Model</td><td>Litres</td></tr><tr><td>Mini</td><td>2</td></tr></table>"
    assert rows(figures) == ["Mini: Litres 2"]
    bold = "<table><tr><td><b>Day</b></td><td><b>Who</b></td></tr><tr><td>Mon</td><td>Anna</td></tr></table>"
    assert rows(bold) == ["Mon: Who Anna"]


def test_a_line_across_the_table_names_the_rows_below_it() -> None:
    table = """<table><tr><th>Country</th><th>Days</th></tr><tr><td colspan=2>Europe</td></tr>
    <tr><td>Norway</td><td>6</td></tr><tr><td colspan=2>Asia</td></tr><tr><td>Japan</td><td>9</td></tr>
    <tr><td colspan=2>Without customs.</td></tr></table>"""
    assert rows(table) == ["Europe, Norway: Days 6", "Asia, Japan: Days 9", "Without customs."]


def test_tables_in_cells_and_lists_in_cells_are_read_in_their_place() -> None:
    table = """<table><tr><th>Plan</th><th>Fees</th></tr><tr><td>Solo</td><td><table><tr><th>Per</th><th>Fee</th></tr>
    <tr><td>month</td><td>9</td></tr></table></td></tr><tr><td>Team</td><td><ul><li>a</li><li>b</li></ul></td></tr></table>"""
    assert rows(table) == ["Solo: Fees Per month: Fee 9", "Team: Fees a; b"]


def test_a_table_for_the_layout_is_read_like_the_page() -> None:
    table = "<table role=presentation><tr><td><h2>Hours</h2><p>From nine.</p></td></tr></table>"
    (chunk,) = read(table).chunks
    assert (chunk.headings, chunk.quote) == (("Hours",), "From nine.")


def test_spans_of_any_size_are_bounded() -> None:
    table = (
        '<table><tr><td colspan="99999" rowspan="99999">a</td><td>b</td></tr>'
        + "<tr><td>c</td></tr>" * 2000
        + "</table>"
    )
    assert read(table).chunks
