"""A moderation.yaml that is wrong says where and what to do."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from framework.errors import DefinitionError, FrameworkError
from framework.moderation.files import read_moderation
from framework.moderation.guards import Guards
from framework.moderation.message import Screened, pieces_of

RULE = "rules:\n  - name: one\n    when: {words: [zorbax]}\n    do: reject\n"


def test_a_bot_without_the_file_has_no_rules(tmp_path: Path) -> None:
    assert read_moderation(tmp_path) is None


def test_a_sound_file_is_read_with_the_places_of_its_rules(tmp_path: Path) -> None:
    (tmp_path / "moderation.yaml").write_text(RULE)
    file = read_moderation(tmp_path)
    assert file is not None
    assert [rule.name for rule in file.moderation.rules] == ["one"]
    assert file.where["one"].line == 2


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (RULE + "  - name: one\n    when: {links: true}\n    do: flag\n", 1, "two rules are called 'one'"),
        (RULE.replace("reject", "explode"), 4, "'explode' is not an outcome"),
        (RULE.replace("reject", "mute"), 4, "'mute' needs a time"),
        (RULE.replace("reject", "{mute: 3s}"), 4, "mute takes 1m to 365d"),
        (RULE.replace("reject", "{rewrite: ''}"), 4, "rewrite needs a text"),
        (RULE.replace("{words: [zorbax]}", "{}"), 3, "a rule needs a condition"),
        (RULE.replace("{words: [zorbax]}", "{match: inside}"), 3, "a rule needs a condition"),
        (RULE.replace("{words: [zorbax]}", "{word: [zorbax]}"), 3, "word"),
        (RULE.replace("{words: [zorbax]}", "{words: ['!!']}"), 3, "'!!' has no letter"),
        (RULE.replace("{words: [zorbax]}", "{words: words.txt}"), 3, "there is no file words.txt"),
        (RULE.replace("{words: [zorbax]}", "{domains: [spam]}"), 3, "'spam' is not a domain"),
        (RULE.replace("{words: [zorbax]}", "{regex: ['(']}"), 3, "regular expression"),
        (RULE.replace("{words: [zorbax]}", "{regex: ['(?=x)']}"), 3, "(?=x)"),
        (RULE.replace("{words: [zorbax]}", "{personal_data: [mail]}"), 3, "'mail' is not a kind of personal data"),
        (RULE.replace("{words: [zorbax]}", "{messages: 1}"), 3, "messages"),
        (RULE.replace("{words: [zorbax]}", "{messages: 5, within: 2d}"), 3, "within takes 1s to 1d"),
        (RULE.replace("{words: [zorbax]}", "{links: true}").replace("reject", "mask"), 2, "mask needs something"),
        (RULE + "    disguised: reject\n", 2, "disguised is meant to be weaker"),
        (RULE + "    alert: makers\n", 5, "'makers' is not a channel"),
        (RULE + "    say: {english: no}\n", 5, "'english' is not a language"),
        (RULE.replace("reject", "flag") + "    say: no\n", 2, "say is read where a message is rejected"),
        (RULE.replace("{words: [zorbax]}", "{roles: [a]}") + "    not_roles: [a]\n", 2, "it can never apply"),
        ("rules: {}\n", 1, "rules"),
        ("rules:\n  - [\n", 3, ""),
    ],
)
def test_what_is_wrong_is_told_by_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    (tmp_path / "moderation.yaml").write_text(text)
    with pytest.raises(DefinitionError) as raised:
        read_moderation(tmp_path)
    assert told in str(raised.value)
    assert f"moderation.yaml:{line}" in str(raised.value)


def test_a_list_that_is_wrong_is_told_by_its_own_line(tmp_path: Path) -> None:
    (tmp_path / "moderation.yaml").write_text(RULE.replace("[zorbax]", "words.yaml"))
    (tmp_path / "words.yaml").write_text("- zorbax\n- {term: a, match: inside}\n")
    with pytest.raises(FrameworkError) as raised:
        read_moderation(tmp_path)
    assert "words.yaml:2" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "list_", "line", "said"),
    [
        (
            "words.txt",
            "# all\n" + "\n".join(f"word{n}" for n in range(10_001)),
            10_002,
            "this is term 10,001 of 10,001",
        ),
        ("words.yaml", "".join(f"- word{n}\n" for n in range(10_001)), 10_001, "this is term 10,001 of 10,001"),
        ("words.txt", "zorbax\n\nx\n", 3, "the bare letter 'x'"),
        ("words.yaml", "- zorbax\n- {term: ё, match: inside}\n", 2, "the bare letter 'ё'"),
        ("words.json", '[\n "zorbax",\n "7"\n]', 3, "the bare letter '7'"),
        ("words.txt", "zorbax\n!!!\n", 2, "has no letter"),
    ],
)
def test_a_list_that_is_too_long_or_has_a_bare_letter_is_refused_with_its_line(
    tmp_path: Path, name: str, list_: str, line: int, said: str
) -> None:
    (tmp_path / name).write_text(list_)
    (tmp_path / "moderation.yaml").write_text(f"rules:\n- {{name: a, when: {{words: {name}}}, do: reject}}\n")
    with pytest.raises(FrameworkError, match=said) as caught:
        read_moderation(tmp_path)
    assert f"{name}:{line}:" in str(caught.value)


def test_a_list_of_ten_thousand_terms_and_words_of_one_sign_are_fine(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("\n".join([*(f"word{n}" for n in range(9_999)), "死"]))
    (tmp_path / "moderation.yaml").write_text("rules:\n- {name: a, when: {words: words.txt}, do: reject}\n")
    file = read_moderation(tmp_path)
    assert file is not None
    assert len(file.terms["a"]) == 10_000


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"(\w{1,100} ){1,100}", "."),
        (r"(a{1,1000}){1,1000}", "."),
        (r"(?=x)y", "look"),
        (r"(a)\1", "."),
        (r"(?:a|b", "missing"),
        ("(" * 2000 + "a" + ")" * 2000, "."),
    ],
)
def test_an_expression_that_explodes_is_refused_with_its_line(tmp_path: Path, pattern: str, said: str) -> None:
    (tmp_path / "moderation.yaml").write_text(
        f"rules:\n- name: a\n  do: reject\n  when:\n    regex:\n    - fine\n    - '{pattern}'\n"
    )
    with pytest.raises(DefinitionError, match=said) as caught:
        read_moderation(tmp_path)
    assert re.search(r"moderation\.yaml:[57]", str(caught.value)), str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("{name: a, when: {words: [ab1], allow_words: [AB1]}, do: reject}", "every word is in allow_words"),
        ("{name: a, when: {links: false, domains: [a.example]}, do: reject}", "wants no link"),
        ('{name: a, when: {words: [zorbax]}, do: reject, in: ["team:*"]}', "none of the guarded channels"),
        ("{name: a, when: {roles: [x]}, do: reject, not_roles: [x]}", "can never apply"),
    ],
)
def test_a_rule_that_can_never_hold_is_told_with_its_place(tmp_path: Path, rule: str, says: str) -> None:
    (tmp_path / "moderation.yaml").write_text(f'channels: ["messaging:*"]\nrules:\n  - {rule}\n', encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        read_moderation(tmp_path)
    assert says in str(caught.value)
    assert "moderation.yaml:" in str(caught.value.where)


def test_a_rule_with_a_blocklist_that_is_not_there_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "moderation.yaml").write_text(
        'channels: ["messaging:*"]\nrules:\n  - {name: a, when: {stream_list: gone}, do: reject}\n', encoding="utf-8"
    )
    file = read_moderation(tmp_path)
    assert file is not None
    message = Screened("messaging:a", "eve", pieces_of({"text": "hello zorbax"}))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert file.guard("bot", now=lambda: now).judge(message).outcome == "allow"
    assert file.guard("bot", now=lambda: now, lists={"gone": ["zorbax"]}).judge(message).outcome == "reject"


def test_two_guards_of_one_pattern_are_told_with_both_places(tmp_path: Path) -> None:
    guards = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "moderation.yaml").write_text('channels: ["messaging:*"]\nrules: []\n', encoding="utf-8")
        file = read_moderation(folder)
        assert file is not None
        guards.append(file.guard(name, now=lambda: datetime(2026, 1, 1, tzinfo=UTC)))
    with pytest.raises(DefinitionError, match="both guard") as caught:
        Guards.of(guards)
    assert "two/moderation.yaml:1" in str(caught.value.where)
    assert "one/moderation.yaml:1" in caught.value.what
