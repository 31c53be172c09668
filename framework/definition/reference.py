"""The reference of a YAML file in Markdown, made from its models, so that it cannot say anything else than they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.definition.model import BotDefinition, ChannelDefinition
from framework.definition.reading.problems import default_of, example_of
from framework.definition.reading.shape import choices, expected, inside, part_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

BEGIN = "<!-- The reference, made by `python -m framework schema --docs FILE`. -->"
END = "<!-- End of the reference. -->"
_NOT_AGAIN = frozenset({ChannelDefinition})


def reference(model: type[BaseModel] = BotDefinition, *, once: bool = False) -> str:
    """All keys, section by section, with what each expects, an example, and what it is for. `once`: a section that
    stands at several places is told at the first one.
    """
    top = _table("", model)
    return "\n".join([top, *_sections(model, "", set() if once else None)])


def _sections(model: type[BaseModel], path: str, told: set[type[BaseModel]] | None) -> Iterator[str]:
    for name, field in model.model_fields.items():
        for part, suffix in _parts_of(field):
            if part in _NOT_AGAIN or (told is not None and part in told):
                continue
            if told is not None:
                told.add(part)
            full = f"{path}.{name}{suffix}" if path else f"{name}{suffix}"
            summary = " ".join((part.__doc__ or "").split())
            yield f"### `{full}`\n\n{summary}\n\n{_table(full, part)}"
            yield from _sections(part, full, told)


def _parts_of(field: FieldInfo) -> Iterator[tuple[type[BaseModel], str]]:
    """Return the models inside a field, and the path to them: direct, an entry of a list, or a name."""
    for choice in choices(field.annotation):
        if (part := part_of(choice)) is not None:
            yield part, ""
        elif (part := part_of(inside(choice))) is not None:
            yield part, ".NAME" if getattr(choice, "__origin__", None) is dict else "[]"


def _table(path: str, model: type[BaseModel]) -> str:
    rows = ["| key | takes | default | example | what for |", "|---|---|---|---|---|"]
    for name, field in model.model_fields.items():
        section = part_of(field.annotation) is not None
        takes = "keys, see below" if section else expected(field.annotation)
        default, example = default_of(field), example_of(field) if field.examples else ""
        cells = [
            f"`{field.alias or name}`",
            takes,
            default and f"`{default}`",
            example and f"`{example}`",
            field.description or "",
        ]
        rows.append(f"| {' | '.join(map(_cell, cells))} |")
    return "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def renewed(text: str) -> str:
    """Return a document with its reference renewed. Raises ValueError if the marks are missing."""
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"the document has no lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"
