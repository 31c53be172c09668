"""Turn the values of a bot.yaml into a definition, and collect all problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from framework.definition.model import BotDefinition
from framework.definition.overrides import idle_overrides, merged
from framework.definition.reading.problems import RuleFinding, problems_of
from framework.definition.rules.consistency import rules
from framework.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from framework.definition.reading.positions import Key, YamlDocument


def validated(document: YamlDocument, problems: list[DefinitionError]) -> tuple[BotDefinition, set[str]]:
    """Return the definition and the sections that had to be left out of it. Their problems are added to `problems`."""
    value = {} if document.value is None else document.value
    if not isinstance(value, dict):
        raise DefinitionError(
            "must be a mapping of keys to values", where=document.position(()), hint="Begin as in `description: ...`."
        )
    # The rest is checked as well, so that one round shows all problems.
    unclear: set[str] = set()
    rest: dict[str, object] = dict(value)
    while True:
        try:
            return BotDefinition.model_validate(rest), unclear
        except ValidationError as error:
            problems += problems_of(error, document, BotDefinition)
            unclear |= {str(place[0]) for place in (detail["loc"] for detail in error.errors()) if place}
            rest = _without(rest, [detail["loc"] for detail in error.errors()])


def _without(value: dict[str, object], places: Sequence[Key]) -> dict[str, object]:
    """Return the sections without problems; of `overrides`, the blocks without problems."""
    broken = {str(place[0]) for place in places if place}
    rest = {key: given for key, given in value.items() if key not in broken}
    blocks = value.get("overrides")
    if "overrides" in broken and isinstance(blocks, dict):
        patterns = {str(place[1]) for place in places if len(place) > 1 and place[0] == "overrides"}
        if patterns:
            rest["overrides"] = {pattern: block for pattern, block in blocks.items() if pattern not in patterns}
    return rest


def findings(definition: BotDefinition, unclear: set[str], tools_file: Path | None) -> list[RuleFinding]:
    """Apply the rules to a definition, and to it with each override. A finding is reported once."""
    usable = [rule for sections, rule in rules(tools_file) if not sections & unclear]
    found = [finding for rule in usable for finding in rule(definition)]
    if not unclear & {"channels", "overrides"}:
        found += idle_overrides(definition)
    told = {(finding.path, finding.what) for finding in found}
    for pattern in definition.overrides:
        there = merged(definition, (pattern,))
        for finding in (finding for rule in usable for finding in rule(there)):
            if (finding.path, finding.what) not in told:
                path = ("overrides", pattern, *finding.path)
                found.append(RuleFinding(path, finding.what, finding.hint, finding.warning))
    return found
