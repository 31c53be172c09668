"""Files of authors: what would take hours or gigabytes is refused with file, line and remedy."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from framework.definition.loader import load_bot
from framework.definition.reading.positions import DEEPEST, MOST_BYTES, read_yaml
from framework.definition.reading.prompt import read_prompt
from framework.errors import DefinitionError, Position

LEVELS = "abcdefghi"
ALIASES = "\n".join(
    [f"a: &a [{', '.join(['x'] * 9)}]"]
    + [f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in pairwise(LEVELS)]
)
YAML = {
    "aliases": (ALIASES, "more than 20,000 values"),
    "merged aliases": (ALIASES + "\nz: {<<: {q: *i}}", "more than 20,000 values"),
    "deep lists": ("a: " + "[" * 3_000 + "]" * 3_000, f"more than {DEEPEST} levels deep"),
    "deep mappings": ("a: " + "{b: " * 3_000 + "}" * 3_000, f"more than {DEEPEST} levels deep"),
    "deep blocks": ("".join(" " * n + "a:\n" for n in range(300)), f"more than {DEEPEST} levels deep"),
    "digits": ("a: 1\nb: " + "9" * 100_000, "a number of 100,000 characters"),
    "size": ("a: " + "x" * MOST_BYTES, "has more than 262,144 bytes"),
}
DOUBLED = "".join("{% set a = a ~ a %}" for _ in range(40))
JINJA = {
    "text": "{{ 'x' * 999999999 }}",
    "list": "{{ [1] * 999999999 }}",
    "power": "{{ 9 ** (9 ** 9) }}",
    "range": "{% for a in range(10**9) %}x{% endfor %}",
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "joined": "{% set a = 'xxxxxxxxxx' %}" + DOUBLED + "{{ a }}",
    "added": "{% set a = 'xxxxxxxxxx' %}" + DOUBLED.replace("~", "+") + "{{ a }}",
    "nested": "{% set a = [1] %}" + DOUBLED.replace("a ~ a", "[a, a]") + "{{ a }}",
    "captured": "{% set a %}xxxxx{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40 + "{{ a }}",
    "percent": "{{ '%999999999d' % 1 }}",
    "percent star": "{{ '%*d' % (999999999, 1) }}",
    "format": "{{ '{:999999999}'.format(1) }}",
    "format in format": "{{ '{:{}}'.format(1, 999999999) }}",
    "format filter": "{{ '%.999999999f'|format(1) }}",
    "method": "{{ 'x'.ljust(999999999) }}",
    "filter": "{{ 'x'|center(999999999) }}",
    "replace": "{{ ('x' * 9999)|replace('x', 'y' * 99999) }}",
    "macro": "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "namespace": "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "brackets": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "digits": "{{ " + "9" * 100_000 + " }}",
    "size": "x" * (MOST_BYTES + 1),
}
SECONDS = 5.0
"""Of the processor: PyYAML takes two for the largest file. It was hours."""
MEMORY = 500_000
"""KB on top of the highest that this process had before: some of them asked for the whole machine."""


@pytest.mark.parametrize("name", YAML)
def test_yaml_that_would_take_for_ever_is_refused_by_line(tmp_path: Path, name: str) -> None:
    text, why = YAML[name]
    file = tmp_path / "bot.yaml"
    file.write_text(text)
    before = time.process_time()
    with pytest.raises(DefinitionError) as caught:
        read_yaml(file)
    assert time.process_time() - before < SECONDS
    assert why in str(caught.value)
    assert isinstance(caught.value.where, Position)
    assert caught.value.where.line
    assert caught.value.hint


def test_yaml_as_people_write_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text("base: &base {a: [1, 2]}\r\none: *base\ntwo:\n  <<: *base\n  b: 3.5\n")
    assert read_yaml(file).value == {"base": {"a": [1, 2]}, "one": {"a": [1, 2]}, "two": {"a": [1, 2], "b": 3.5}}


def render(folder: Path, text: str, **values: object) -> str:
    (folder / "prompt.md.j2").write_text(text)
    return read_prompt("prompt.md.j2", [folder], Position(folder / "bot.yaml", 1)).render(values)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("name", JINJA)
def test_a_template_that_computes_too_much_is_refused(tmp_path: Path, name: str) -> None:
    before, highest = time.process_time(), peak()
    with pytest.raises(DefinitionError) as caught:
        render(tmp_path, JINJA[name])
    assert time.process_time() - before < SECONDS
    assert isinstance(caught.value.where, Position)
    assert caught.value.where.line
    assert peak() - highest < MEMORY


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ 'ab'|upper ~ 1 ~ ' fine' }}", "AB1 fine"),
        ("{% for key, value in {'a': 1}.items() %}{{ key }}={{ value }} {{ loop.index }}{% endfor %}", "a=1 1"),
        ("{% for a in names if a %}{{ a }}{% if not loop.last %}, {% endif %}{% endfor %}", "x, y"),
        ("{% for a in [] %}{% else %}none{% endfor %}", "none"),
        ("{{ [3, 1]|sort|join(', ') }} {{ '%s of 2026, %05.2f' % ('May', 2) }} {{ 6 * 7 }} {{ '-' * 5 }}",
         "1, 3 May of 2026, 02.00 42 -----"),
        ("{{ 'a b'.split()|length }} {{ {'a': 1}|tojson }} {{ 'abc'|replace('b', 'x') }} {{ 7 % 3 }} {{ 2 ** 10 }}",
         '2 {"a": 1} axc 1 1024'),
        ("{% macro hi(name) %}Hi {{ name }}{% endmacro %}{{ hi('Ann') }}{{ '{:>3}'.format(7) }}", "Hi Ann  7"),
        ("{{ names|map('upper')|list|join }} {{ ''|default('none', true) }}", "XY none"),
        ("{% set n = namespace(a=0) %}{% for _ in range(1000) %}{% set n.a = n.a + 1 %}{% endfor %}{{ n.a }}", "1000"),
    ],
)  # fmt: skip
def test_a_template_as_people_write_it_is_filled_in(tmp_path: Path, text: str, told: str) -> None:
    assert render(tmp_path, text, names=["x", "y"]) == told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bots" / "mine"
    (folder / "knowledge").mkdir(parents=True)
    (folder / "knowledge" / "a.md").write_text("# A\n\nText.\n")
    (folder / "prompt.md.j2").write_text("Be kind.")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "shared.md.j2").write_text("Be short.")
    (tmp_path / "secret.md").write_text("a secret")
    return folder


def failure(folder: Path, text: str) -> str:
    (folder / "bot.yaml").write_text(text)
    with pytest.raises(DefinitionError) as caught:
        load_bot(str(folder))
    return str(caught.value)


@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret.md", "../../../../../../../etc/passwd", "link.md"])
def test_a_prompt_outside_of_its_folders_is_refused(folder: Path, name: str) -> None:
    (folder / "link.md").symlink_to(folder.parents[1] / "secret.md")
    said = failure(folder, f"identity: {{name: B}}\nprompt: {name}\n")
    assert "bot.yaml:2" in said
    assert "lies outside" in said
    assert "Copy it" in said


@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret.md", "link.md"])
def test_a_prompt_includes_nothing_from_outside(folder: Path, name: str) -> None:
    (folder / "link.md").symlink_to(folder.parents[1] / "secret.md")
    (folder / "prompt.md.j2").write_text(f"Be kind.\n{{% include '{name}' %}}")
    said = failure(folder, "prompt: prompt.md.j2\n")
    assert "prompt.md.j2:2" in said
    assert "lies outside" in said


@pytest.mark.parametrize("entry", ["/etc", "../../secret.md", "linked", "knowledge", None])
def test_articles_outside_of_the_bots_folder_are_refused(folder: Path, entry: str | None) -> None:
    outside = folder.parents[1] / "elsewhere"
    outside.mkdir()
    (outside / "b.md").write_text("a secret")
    (folder / "linked").symlink_to(outside)
    (folder / "knowledge" / "b.md").symlink_to(outside / "b.md")
    (outside / "c.md").write_text("x")
    named = f"knowledge: {entry}\n" if entry else ""
    said = failure(folder, f"prompt: prompt.md.j2\n{named}")
    assert "bot.yaml:" in said
    assert "leads out" in said or "holds no articles" in said


def test_what_lies_inside_is_read_by_link_or_path_as_well(folder: Path) -> None:
    (folder / "also.md.j2").symlink_to(folder / "prompt.md.j2")
    (folder / "bot.yaml").write_text("prompt: ../../prompts/shared.md.j2\nknowledge: knowledge\n")
    assert load_bot(str(folder)).system_prompt == "Be short."
    (folder / "bot.yaml").write_text("prompt: also.md.j2\n")
    assert load_bot(str(folder)).system_prompt == "Be kind."


def test_check_says_so_without_a_traceback(folder: Path) -> None:
    (folder / "bot.yaml").write_text("prompt: /etc/passwd\nx: " + "[" * 3_000)
    done = subprocess.run(
        [sys.executable, "-m", "framework", "check", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert "bot.yaml:2" in done.stdout + done.stderr
