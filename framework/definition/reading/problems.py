"""Turn pydantic's errors into problems with file, line, what is wrong, and the nearest valid key."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydantic import BaseModel

from framework.definition.parts.part import Part
from framework.definition.reading.shape import annotation_at, expected, field_at, model_at, part_of
from framework.errors import DefinitionError
from framework.values import Untyped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from framework.definition.reading.positions import Key, YamlDocument

_WRONG_TYPE = ("_type", "_parsing", "_from_float", "literal_error")
_CURLY = ("“", "”", "„", "‘", "’", "«", "»")
_SHOWN = 60
"""Characters of a wrong value that are shown."""


class InvalidDefinitionError(DefinitionError):
    """All problems of a definition, in the order of the file."""

    def __init__(self, problems: Iterable[DefinitionError]) -> None:
        self.problems = tuple(sorted(problems, key=_order))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class RuleFinding:
    """A problem at a path, and what to do about it. `check` prints warnings; all others are errors."""

    path: Key
    what: str
    hint: str
    warning: bool = False


def together(problems: Iterable[DefinitionError]) -> DefinitionError:
    """Return one error for all of these, each once."""
    told = list({str(problem): problem for problem in problems}.values())
    return told[0] if len(told) == 1 else InvalidDefinitionError(told)


def _order(problem: DefinitionError) -> tuple[str, int, int]:
    where = problem.where
    file = "" if getattr(getattr(where, "file", None), "name", "") == "bot.yaml" else str(getattr(where, "file", ""))
    return file, getattr(where, "line", None) or 0, getattr(where, "column", None) or 0


def explain(error: ValidationError, document: YamlDocument, model: type[BaseModel]) -> DefinitionError:
    """Translate a validation error of a document that was read with positions."""
    return together(problems_of(error, document, model))


def problems_of(error: ValidationError, document: YamlDocument, model: type[BaseModel]) -> list[DefinitionError]:
    """Translate the errors one by one. A value with several types has several errors: the first one is used."""
    found: dict[object, DefinitionError] = {}
    details = error.errors()
    for detail in details:
        if detail["type"] == "too_short" and any(len(other["loc"]) > len(detail["loc"]) for other in details):
            continue  # pydantic does not count invalid entries: the list is not too short, its entries are wrong.
        place = document.locate(_without_tags(detail["loc"]))
        unknown = (detail["loc"] if detail["type"] in {"extra_forbidden", "missing"} else place, "")
        found.setdefault(unknown, _explain_one(detail, document, model))
    return list(found.values())


def _without_tags(key: Key) -> Key:
    # pydantic adds `str`, `tuple[...]` and the like to the path of a value that may have several types.
    return tuple(part for part in key if not (isinstance(part, str) and _TAG.fullmatch(part)))


_TAG = re.compile(r"str|int|float|bool|constrained-str|\[key\]|(?:tuple|list|dict|function-[a-z]+)\[.*\]")


def said(key: Key) -> str:
    """Return a path as people write it: `triggers[1].schedule.cron`."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _explain_one(detail: ErrorDetails, document: YamlDocument, model: type[BaseModel]) -> DefinitionError:
    key: Key = detail["loc"]
    if detail["type"] == "extra_forbidden":
        return _unknown_key(key, document, model)
    short = _without_tags(key)
    field = field_at(model, short)
    if detail["type"] == "missing":
        return _missing(short, document, field)
    where = document.position(short)
    name = said(document.locate(short)) or "the file"
    message = detail["msg"].removeprefix("Value error, ")
    if any(sign in detail["type"] for sign in _WRONG_TYPE) and field is not None:
        message = f"expected {expected(annotation_at(model, short)) or 'something else'}"
        shown = _shown(detail.get("input"))
    else:
        message, shown = _wrong_value(detail, message)
    what = f"{name}: {message[:1].lower()}{message[1:]}{shown}"
    return DefinitionError(what, where=where, hint=_remedy(detail, field))


def _wrong_value(detail: ErrorDetails, message: str) -> tuple[str, str]:
    """Say what is wrong with a value of the right type, and show the value unless the text does."""
    given = detail.get("input")
    if detail["type"] == "string_pattern_mismatch":
        return f"{given!r} cannot stand here", ""
    if detail["type"] == "too_short":
        return "must not be empty", ""
    shown = "" if isinstance(given, (list, tuple, dict)) or repr(given) in message else _shown(given)
    return message.replace("input should", "must").replace("Input should", "must"), shown


def _shown(given: object) -> str:
    if given is None:
        return " (it is empty)"
    if isinstance(given, (str, int, float, bool)):
        text = json.dumps(given) if isinstance(given, bool) else repr(given)
        return f" (it is {text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''})"
    return " (it is a list)" if isinstance(given, (list, tuple)) else " (it has keys of its own)" if given else ""


def _remedy(detail: ErrorDetails, field: FieldInfo | None) -> str | None:
    """Return the purpose of the key, the nearest choice, and an example."""
    if field is None:
        return "docs/reference/bot-yaml.md says what may stand here."
    parts = [field.description or ""]
    given = detail.get("input")
    if detail["type"] == "literal_error" and isinstance(given, str):
        choices = detail.get("ctx", {}).get("expected", "").replace(" or ", ", ").replace("'", "").split(", ")
        near = get_close_matches(given, choices, n=1)
        parts.insert(0, f"Did you mean {near[0]!r}?" if near else "")
    if detail["type"] == "string_type" and isinstance(given, (int, float, bool)):
        parts.append(f'Put quotes around it: "{json.dumps(given)}".')
    if isinstance(given, str) and given[:1] in _CURLY:
        parts.insert(0, 'Write straight quotes, as in "...".')
    if part_of(field.annotation) is not None and detail["type"] == "model_type":
        colon = isinstance(given, str) and re.match(r"\w+:\S", given)
        parts.append("A colon needs a space behind it." if colon else "Its keys stand below it, indented.")
    if example := example_of(field):
        parts.append(f"For example: {example}.")
    return " ".join(part for part in parts if part) or None


def example_of(field: FieldInfo) -> str:
    """Return a value for bot.yaml, on one line: an example, else the default, else an empty text."""
    return _flow(field.examples[0]) if field.examples else default_of(field)


def default_of(field: FieldInfo) -> str:
    """Return the default for bot.yaml, on one line. It is empty for sections, None and empty lists."""
    default = field.default
    if isinstance(default, timedelta):
        return duration(default)
    if isinstance(default, tuple) and default:
        return _flow(list(default))
    plain = isinstance(default, (bool, int, float, str)) and default != ""
    return _flow(default) if plain else ""


def duration(value: timedelta) -> str:
    """Write a duration as bot.yaml has it: `90s`, `12h`."""
    seconds = value.total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"


def _flow(value: Untyped) -> str:
    """Write YAML on one line."""
    import yaml

    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _missing(key: Key, document: YamlDocument, field: FieldInfo | None) -> DefinitionError:
    at = document.locate(key[:-1])
    example = example_of(field) if field else ""
    return DefinitionError(
        f"{said(at) or 'the file'}: the key {str(key[-1])!r} is missing",
        where=document.position(key[:-1]),
        hint=f"{(field.description if field else '') or 'Add it.'}{f' For example: {example}.' if example else ''}",
    )


def _unknown_key(key: Key, document: YamlDocument, model: type[BaseModel]) -> DefinitionError:
    owner = model_at(model, key[:-1])
    at = document.locate(key[:-1])
    given = _value(document, at)
    valid = sorted(known_keys(owner, given)) if owner else []
    name = str(key[-1])
    near = get_close_matches(name, valid, n=1, cutoff=0.5)
    sure = bool(get_close_matches(name, valid, n=1, cutoff=0.8))
    inside = f" in {said(at)}" if at else ""
    guess = f"Did you mean {near[0]!r}? " if near else ""
    # A key of another section is more likely meant than a key that is only a little similar.
    hint = guess if sure else _elsewhere(name, key, model) or guess
    return DefinitionError(
        f"unknown key {key[-1]!r}{inside}",
        where=document.position(key),
        hint=f"{hint}Valid keys{inside}: {', '.join(valid)}.",
    )


def known_keys(owner: type[BaseModel], value: object) -> tuple[str, ...]:
    """Return the keys that files may use in a section."""
    if issubclass(owner, Part):
        names = owner.known_keys(value)
        return tuple(owner.model_fields[name].alias or name for name in names)
    return tuple(field.alias or name for name, field in owner.model_fields.items())


def _elsewhere(name: str, key: Key, model: type[BaseModel]) -> str:
    """Return the section in which a misplaced key belongs."""
    if key and key[0] == "overrides":
        if name in model.model_fields:
            return f"{name!r} is the same in all channels: set it at the top of the file. "
        if name == "user_id":
            return "The bot is one user in all channels: set it under `identity` at the top of the file. "
    if name != name.strip():
        return "The blank before it is none (a no-break space or the like): type it anew. "
    if name.startswith(("x-", ".")):
        return "Nothing may stand here only to be repeated: put the & where the value is first used. "
    if name in model.model_fields:
        return f"{name!r} stands at the top of the file, not indented. "
    for section, field in model.model_fields.items():
        inner = part_of(field.annotation)
        if inner is not None and name in inner.model_fields:
            return f"{name!r} is a key of `{section}`: put it below `{section}:`. "
    return ""


def _value(document: YamlDocument, key: Key) -> object:
    value = document.value
    for part in key:
        value = value[part]
    return value
