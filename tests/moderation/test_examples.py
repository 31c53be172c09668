"""Texts with the outcome that they are meant to have: each is told by file and line if it comes out otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.errors import DefinitionError
from framework.moderation.examples import run_examples
from framework.moderation.files import ModerationFile, read_moderation


def rules(folder: Path) -> ModerationFile:
    (folder / "moderation.yaml").write_text("rules:\n- {name: a, when: {words: [zorbax]}, do: reject}\n")
    file = read_moderation(folder)
    assert file is not None
    return file


def test_texts_of_both_files_are_judged_in_order(tmp_path: Path) -> None:
    file = rules(tmp_path)
    (tmp_path / "moderation.test.yaml").write_text("messages:\n- {text: zorbax, outcome: reject}\n")
    (tmp_path / "texts.jsonl").write_text('{"text": "hello"}\n\n{"text": "z0rbax", "outcome": "flag"}\n')
    first, second, third = run_examples(tmp_path, file)
    assert [one.wrong for one in (first, second)] == ["", ""]
    assert "expected flag, got reject by a" in third.wrong
    assert str(third.where).endswith("texts.jsonl:3")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{bad", "is not a JSON object"),
        ("[" * 5_000, "is not a JSON object"),
        ('{"text": "x", "outcome": "refuse"}', "outcome"),
        ('{"text": "x", "rules": "a"}', "rules"),
        ('"x"', "dictionary"),
        ('{"outcome": "flag"}', "text"),
    ],
)
def test_a_line_that_is_wrong_is_told_with_its_number(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "texts.jsonl").write_text(f'{{"text": "hello"}}\n{line}\n')
    with pytest.raises(DefinitionError, match=said) as caught:
        list(run_examples(tmp_path, rules(tmp_path)))
    assert "texts.jsonl:2" in str(caught.value)
