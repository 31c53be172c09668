"""No text freezes the process: every regular expression of the package, of the bots and of the templates is attacked.

They are found, not listed: a new one is attacked as well. One that is made at run time needs an example in `MADE`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from fnmatch import translate
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from framework.agent.embedded import address
from framework.agent.knowledge.articles import encoding, formats
from framework.agent.knowledge.search import shorthand
from framework.agent.models import thoughts
from framework.catalog.search import languages
from framework.definition.expressions.patterns import LinearPattern
from framework.logs.secrets import Redactor
from framework.mcp import bounded_input
from framework.personal_data import accounts
from framework.runtime import reasons
from framework.runtime.core import language as words
from framework.runtime.handover import mood as handover_mood
from tests.support.patterns import Place, constants_of, methods_of, places_in, text_of
from tests.support.pumps import BAR, METHODS, attacks_on, searches_of, worst

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "framework", ROOT / "bots")
PLACES = [(place, folder) for folder in FOLDERS for place in places_in(folder, ROOT)]
KNOWN = [(place, folder) for place, folder in PLACES if place.pattern is not None]
_POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,]+\})\+")
NAMES = ("Fernly", "agent-bot", "support bot")


def _of_text(pattern: re.Pattern[bytes]) -> re.Pattern[str]:
    """The same expression for text: the attacks are texts."""
    return re.compile(pattern.pattern.decode("latin-1"), pattern.flags)


MADE: dict[str, Callable[[], list[re.Pattern[str] | None]]] = {
    "framework/agent/embedded/address.py:_called": lambda: [address._called(NAMES)],
    "framework/agent/models/dialect.py:_keys": lambda: [re.compile(r"(?<![\w$])exclusiveminimum\b")],
    "framework/agent/models/dialect.py:_schema": lambda: [re.compile(r"(?<![\w$])exclusiveminimum\b")],
    "framework/agent/models/thoughts.py:_MARK": lambda: [thoughts._MARK],
    "framework/agent/knowledge/search/shorthand.py:_table": lambda: [
        shorthand._table(code)[0] for code in ("en", "de", "fr")
    ],
    "framework/catalog/search/languages.py:_inside": lambda: [
        re.compile(f"(mute)[^\n]{{0,{languages.GAP_INSIDE}}}?(user)[^\n]{{0,{languages.GAP_INSIDE}}}?(now)")
    ],
    "framework/personal_data/accounts.py:_form": lambda: list(accounts._FORMS.values()),
    "framework/runtime/handover/mood.py:_HARD_RULES": lambda: list(handover_mood._HARD_RULES.values()),
    "framework/runtime/reasons.py:_BEHIND": lambda: [pattern for pattern, _ in reasons._BEHIND],
    "framework/runtime/core/language.py:_whole": lambda: [words._whole("talk to a person")],
    "framework/runtime/core/language.py:_called": lambda: [words._called("agent-bot")],
    "framework/runtime/core/language.py:_vocative": lambda: [words._vocative("ben")],
    "framework/agent/knowledge/articles/encoding.py:_DECLARED": lambda: [_of_text(encoding._DECLARED)],
    "framework/mcp/bounded_input.py:_MARK": lambda: [_of_text(bounded_input._MARK)],
    "framework/agent/knowledge/articles/encoding.py:_guessed": lambda: [re.compile("[\x80-\xff]{3,}")],
    "framework/agent/knowledge/articles/formats.py:_PAGE": lambda: [_of_text(formats._PAGE)],
    "framework/logs/secrets.py:__init__": lambda: [
        Redactor([SecretStr("a-secret-value"), SecretStr("another-one")])._known
    ],
}
"""What makes expressions at run time of what people wrote, with an example of each."""

NOT_OF_STRANGERS = {
    "framework/definition/expressions/translation.py:translated": "compiles a pattern to read it, and never runs it",
    "framework/definition/expressions/approval_conditions.py:_SUM": "an owner's condition in bot.yaml",
    "framework/definition/expressions/translation.py:marked": "a border and a mark: one sign",
    "framework/definition/reading/prompt.py:_first": "a word of an owner's template in that template, for `check`",
    "framework/testing/expect.py:_texts": "an owner's conversation test against an answer of their bot",
    "framework/testing/scenario.py:_pattern": "an owner's conversation test",
}
"""What is made at run time and sees no text of strangers, and why."""


@pytest.mark.parametrize(("place", "folder"), KNOWN, ids=[f"{place.id}-{n}" for n, (place, _) in enumerate(KNOWN)])
def test_an_expression_takes_little_time_for_its_worst_text(place: Place, folder: Path) -> None:
    assert place.pattern is not None
    searches = searches_of(re.compile(place.pattern, place.flags), methods_of(place, folder))
    seconds, attack = worst(searches, attacks_on(place.pattern, place.flags))
    assert seconds < BAR, f"{place.path}:{place.line} {place.pattern!r} takes {seconds:.2f} s for {attack}"


def test_no_group_is_repeated_possessively() -> None:
    r"""Before Python 3.11.5 `(?:...)*+` is wrong if what it holds can backtrack: `(?>(?:...)*)` says the same."""
    wrong = [place.id for place, _ in KNOWN if place.pattern and _POSSESSIVE_GROUP.search(str(place.pattern))]
    assert wrong == []


@pytest.mark.parametrize("place", sorted({place.id for place, _ in PLACES if place.pattern is None}))
def test_one_that_is_made_at_run_time_takes_little_time_as_well(place: str) -> None:
    assert place in MADE or place in NOT_OF_STRANGERS, f"{place} makes an expression: give an example in MADE"
    for pattern in MADE.get(place, list)():
        assert pattern is not None
        seconds, attack = worst(searches_of(pattern, METHODS), attacks_on(pattern.pattern, pattern.flags))
        assert seconds < BAR, f"{place} {pattern.pattern!r} takes {seconds:.2f} s for {attack}"


def _owners() -> Iterator[tuple[str, str]]:
    """Expressions of shipped bots and templates: `regex` triggers and the `phrases` of tools."""
    for file in [*ROOT.glob("bots/*/bot.yaml"), *ROOT.glob("framework/templates/*/bot.yaml.tmpl")]:
        text = re.sub(r"\{\{.*?\}\}", "x", file.read_text(encoding="utf-8"))
        for one in _regexes(yaml.safe_load(text)):
            yield file.relative_to(ROOT).as_posix(), one
    files = [*ROOT.glob("bots/*/tools.py"), *ROOT.glob("framework/templates/*/tools.py.tmpl")]
    for file in [*files, *ROOT.glob("framework/agent/*.py")]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = constants_of(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "phrases" and isinstance(value, ast.List):
                        yield from (
                            (file.relative_to(ROOT).as_posix(), text_of(item, names) or "") for item in value.elts
                        )


def _regexes(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "regex":
                yield from [inner] if isinstance(inner, str) else inner
            else:
                yield from _regexes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _regexes(inner)


OWNERS = list(dict.fromkeys(_owners()))


def test_owners_expressions_are_found() -> None:
    assert len(OWNERS) > 30
    assert all(source for _, source in OWNERS), "one is made at run time: give it another form"
    assert {file.partition("/")[0] for file, _ in OWNERS} == {"bots", "framework"}


@pytest.mark.parametrize(("file", "source"), OWNERS)
def test_an_owners_expression_takes_little_time_for_its_worst_text(file: str, source: str) -> None:
    pattern = LinearPattern(source, ignore_case="tools" in file)
    seconds, attack = worst([pattern.groups, pattern.matches], attacks_on(source))
    assert seconds < BAR, f"{file} {source!r} takes {seconds:.2f} s for {attack}"


@pytest.mark.parametrize(
    "glob", ["*a*a*a*a*b", "messaging:*-*-*-x", "*[a-z]*[0-9]*[a-z]?", "???*" * 8], ids=["a", "ids", "classes", "any"]
)
def test_a_pattern_of_ids_takes_little_time(glob: str) -> None:
    pattern = re.compile(translate(glob))
    for text in ("a" * 300, "messaging:" + "-" * 290, "a1" * 150, "x" * 300):  # the longest id has 255
        assert worst([pattern.match], attacks_on(pattern.pattern)[:200])[0] < BAR * 10
        assert pattern.match(text + "\x00!") is None or glob.endswith("*" * 1)


QUICK = BAR / 5
"""Seconds between linear and worse: on a quick machine some that are worse stay below the bar."""

PLANTED = {
    r"\s+$": True,
    r"\S+@\S+\.\w+": True,
    r"^\s*/poll\s+(?P<question>[^|]+?)\s*\|": True,
    r"^(a+)+$": True,
    r"(a|aa)+$": True,
    r"<(?=\s*/?\s*x)": True,
    r"\b[a-z]*[\w-]*\d-[\w-]*\b": True,
    r"(?<!\s)\s++\Z": False,
    r"\b(?:yes|no)\b": False,
    r"[a-z]{2}(?:-[a-z]{2})?": False,
}


@pytest.mark.parametrize(("pattern", "bad"), PLANTED.items())
def test_a_bad_expression_would_be_found(pattern: str, bad: bool) -> None:
    seconds, _ = worst(searches_of(re.compile(pattern), ["search", "sub"]), attacks_on(pattern))
    assert (seconds > QUICK) is bad


def test_a_planted_expression_is_collected(tmp_path: Path) -> None:
    module = tmp_path / "planted.py"
    module.write_text(
        "import re\n"
        'WORD = r"[a-z]"\n'
        '_BLANKS = re.compile(rf"{WORD}*\\s+$", re.IGNORECASE)\n'
        "def strip(text):\n"
        '    return _BLANKS.sub("", re.sub(r"\\S+@\\S+\\.\\w+", "", text))\n'
        "def made(word):\n"
        "    return re.search(word + '+$', word)\n"
    )
    found = {place.name: place for place in places_in(tmp_path, tmp_path)}
    assert set(found) == {"_BLANKS", "strip", "made"}
    assert (found["_BLANKS"].pattern, found["_BLANKS"].flags) == (r"[a-z]*\s+$", re.IGNORECASE)
    assert methods_of(found["_BLANKS"], tmp_path) == {"sub"}
    assert found["made"].pattern is None
    for name in ("_BLANKS", "strip"):
        place = found[name]
        assert place.pattern is not None
        searches = searches_of(re.compile(place.pattern, place.flags), methods_of(place, tmp_path))
        assert worst(searches, attacks_on(place.pattern, place.flags))[0] > QUICK
