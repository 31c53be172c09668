"""Pages of the web: all that a reader came for, nothing of what surrounds it."""

from __future__ import annotations

import pytest

from framework.agent.knowledge.articles.article import Article
from framework.agent.knowledge.articles.reading import understand


def read(body: str, head: str = "") -> Article:
    return understand("page.html", f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode())


def sections(body: str) -> dict[str, str]:
    return {" › ".join(chunk.headings): chunk.quote for chunk in read(body).chunks}


ACCORDIONS = {
    "aria": """<div><button aria-expanded="false">How do I freeze it?</button><div class="panel"><p>By the 20th.</p>
        </div>
        </div><div><h3><button>Can I bring a friend?</button></h3><div><p>On Fridays.</p></div></div>""",
    "siblings": """<button class="accordion">How do I freeze it?</button><div class="panel">By the 20th.</div>
        <button class="accordion">Can I bring a friend?</button><div class="panel">On Fridays.</div>""",
    "hidden": """<button aria-controls="a">How do I freeze it?</button><div id="a" hidden>By the 20th.</div>
        <button aria-controls="b">Can I bring a friend?</button><div id="b" aria-hidden="true">On Fridays.</div>""",
    "bootstrap": """<div class="card"><div class="card-header">
        <a data-toggle="collapse" href="#a">How do I freeze it?</a></div>
        <div id="a" class="collapse" style="display:none">By the 20th.</div></div><div class="card">
        <div class="card-header">
        <a data-toggle="collapse" href="#b">Can I bring a friend?</a></div>
        <div id="b" class="collapse">On Fridays.</div></div>""",
    "details": """<details><summary>How do I freeze it?</summary>By the 20th.</details><details>
        <summary>Can I bring a friend?</summary><p>On Fridays.</p></details>""",
    "confluence": """<div class="expand-container"><div class="expand-control">
        <span class="expand-control-text">How do I
        freeze it?</span></div><div class="expand-content" style="display: none">By the 20th.</div></div>
        <div class="expand-container"><div class="expand-control">
        <span class="expand-control-text">Can I bring a friend?
        </span></div><div class="expand-content">On Fridays.</div></div>""",
    "classes": """<div class="faq-question">How do I freeze it?</div><div class="faq-answer">By the 20th.</div>
        <div class="faq-question">Can I bring a friend?</div><div class="faq-answer">On Fridays.</div>""",
    "definitions": """<dl><dt>How do I freeze it?</dt><dd>By the 20th.</dd><dt>Can I bring a friend?</dt>
        <dd>On Fridays.</dd>
        </dl>""",
    "notion": """<ul class="toggle"><li><details open=""><summary>How do I freeze it?</summary><p>By the 20th.</p>
        </details>
        </li></ul><ul class="toggle"><li><details><summary>Can I bring a friend?</summary>On Fridays.</details></li>
        </ul>""",
}


@pytest.mark.parametrize("body", ACCORDIONS.values(), ids=ACCORDIONS)
def test_each_question_of_an_accordion_stands_with_its_answer_alone(body: str) -> None:
    found = {path.rpartition(" › ")[2]: quote for path, quote in sections(f"<h1>Help</h1>{body}").items()}
    assert found == {"How do I freeze it?": "By the 20th.", "Can I bring a friend?": "On Fridays."}


TABS = {
    "controls": """<div role="tablist"><button role="tab" aria-controls="a">macOS</button><button role="tab"
        aria-controls="b">Linux</button></div><div id="a" role="tabpanel">Press Cmd.</div>
        <div id="b" role="tabpanel" hidden>
        Press Ctrl.</div>""",
    "in order": """<div><ul role="tablist"><li role="tab">macOS</li><li role="tab">Linux</li></ul><div>
        <div role="tabpanel">Press Cmd.</div><div role="tabpanel" hidden>Press Ctrl.</div></div></div>""",
    "bootstrap": """<ul class="nav nav-tabs"><li><a data-toggle="tab" href="#a">macOS</a></li><li><a data-toggle="tab"
        href="#b">Linux</a></li></ul><div class="tab-content"><div id="a" class="tab-pane active">Press Cmd.</div>
        <div id="b" class="tab-pane">Press Ctrl.</div></div>""",
    "material": """<div class="tabbed-set"><input type="radio"><input type="radio"><div class="tabbed-labels">
        <label>macOS
        </label><label>Linux</label></div><div class="tabbed-content"><div class="tabbed-block">Press Cmd.</div>
        <div class="tabbed-block">Press Ctrl.</div></div></div>""",
}


@pytest.mark.parametrize("body", TABS.values(), ids=TABS)
def test_each_tab_stands_under_its_label(body: str) -> None:
    assert sections(f"<h1>Copy</h1>{body}") == {"macOS": "Press Cmd.", "Linux": "Press Ctrl."}


def test_all_articles_of_a_page_are_read() -> None:
    body = "".join(f"<article><h2>Question {number}?</h2><p>Answer {number}.</p></article>" for number in range(3))
    assert sections(body) == {f"Question {number}?": f"Answer {number}." for number in range(3)}


@pytest.mark.parametrize(
    "hidden",
    [
        "<p style='display:none'>secret</p>",
        "<p hidden>secret</p>",
        "<span aria-hidden='true'>secret</span>",
        "<noscript>secret</noscript>",
        "<script>secret()</script>",
        "<template><p>secret</p></template>",
        "<!-- secret -->",
        "<select><option>secret</option></select>",
        "<style>.secret {}</style>",
        "<span class='sr-only'>secret</span>",
    ],
)
def test_what_nobody_sees_is_no_knowledge(hidden: str) -> None:
    assert sections(f"<h1>T</h1><p>Open.</p>{hidden}<p>Daily.</p>") == {"": "Open.\n\nDaily."}


def test_what_surrounds_the_article_is_left_out() -> None:
    body = """<header><nav>Home</nav>Fernly Ltd.</header><div class="breadcrumbs">Home / Help</div><main><h1>Care</h1>
    <p>Water it.</p><aside>Mind the <b>cat</b>.</aside><blockquote><p>Once a week.</p></blockquote></main>
    <aside><a href="/a">Other article</a></aside><footer>© Fernly</footer>"""
    assert sections(body) == {"": "Water it.\n\nMind the cat.\n\nOnce a week."}


def test_the_title_of_the_page_stands_in_for_a_missing_heading() -> None:
    article = read(
        "<p>Water it.</p>", '<title>Care &amp; feeding</title><link rel="canonical" href="https://x.example/c">'
    )
    assert (article.title, article.chunks[0].url) == ("Care & feeding", "https://x.example/c")


def test_notes_stand_with_what_they_are_about() -> None:
    body = """<h1>T</h1><p>Open daily.<sup><a href="#n1">1</a></sup></p><h2>Other</h2><p>Text.</p>
    <ol><li id="n1">Not in May. <a href="#r1">↩</a></li></ol>"""
    assert sections(body) == {"": "Open daily.\n\nNot in May.", "Other": "Text."}


def test_a_picture_without_words_is_told_and_its_description_is_read() -> None:
    article = read('<h1>T</h1><p>Press <img src="a.png" alt="the red button">.</p><img src="b.png">')
    assert article.chunks[0].quote == "Press the red button."
    assert "1 picture" in article.warnings[0] or "a picture" in article.warnings[0]


@pytest.mark.parametrize(
    "content",
    [
        '<meta charset="windows-1252"><p>Gebühr: 5 €</p>'.encode("cp1252"),
        "<p>Gebühr: 5 €</p>".encode("utf-16"),
        "\ufeff<p>Gebühr: 5 €</p>".encode(),
        "<p>Gebühr: 5 €</p>".encode("utf-16-le"),
        "<p>Gebühr: 5 €</p>".encode("cp1252"),
    ],
)
def test_pages_in_any_encoding(content: bytes) -> None:
    assert understand("a.html", content).chunks[0].quote == "Gebühr: 5 €"


def test_text_in_cyrillic_of_windows() -> None:
    text = "Доставка занимает три рабочих дня, возврат денег занимает пять дней после получения посылки на складе."
    assert understand("a.txt", text.encode("cp1251")).chunks[0].quote == text


def test_thirty_levels_and_hundreds_more_are_read() -> None:
    for depth in (30, 600):
        body = "<div>" * depth + "<p>deep</p>" + "</div>" * depth
        assert sections(f"<h1>T</h1>{body}<p>after</p>")[""].split() == ["deep", "after"]


@pytest.mark.parametrize(
    ("opened", "closed"),
    [("<ul><li>word{} ", "</li></ul>"), ("<ol>\n<li><p>word{}</p>", "</li></ol>"), ("<div>word{}<p>", "</div>")],
    ids=["lists", "paragraphs", "divs"],
)
def test_no_word_is_lost_between_hundreds_of_levels(opened: str, closed: str) -> None:
    body = "".join(opened.format(level) for level in range(400)) + closed * 400
    article = understand("a.html", f"<html><body>{body}</body></html>".encode())
    assert not article.lost
    read = " ".join(chunk.quote for chunk in article.chunks).split()
    assert {f"word{level}" for level in range(400)} <= set(read)


def test_a_page_nested_thousands_of_levels_deep_is_told_with_its_line() -> None:
    deep = "<div>" * 3000 + "<p>deep</p>" + "</div>" * 3000
    article = understand("a.html", f"<html><body>\n<h1>T</h1>\n{deep}<p>after</p></body></html>".encode())
    assert not article.chunks
    assert "levels deep (line 3)" in article.problem
    assert article.hint


def test_a_button_in_a_sentence_is_part_of_it_and_controls_are_not() -> None:
    body = "<h1>T</h1><p>Press <button>Save</button> twice.</p><button>Subscribe</button>"
    assert sections(body) == {"": "Press Save twice."}
