"""Prompts: Jinja templates below prompts/, with every variable given, checked when the bot is loaded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import jinja2
from jinja2 import meta
from jinja2.sandbox import SandboxedEnvironment

from framework.errors import DefinitionError, Position

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def find_prompt(name: str, folders: Sequence[Path], where: Position) -> Path:
    """Find a template in the first folder that has it. Raises DefinitionError naming the folders and what they hold."""
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    known = sorted({path.name for folder in folders if folder.is_dir() for path in folder.glob("*.j2")})
    raise DefinitionError(
        f"the prompt {name!r} does not exist",
        where=where,
        hint=f"Looked in {', '.join(map(str, folders))}. There are: {', '.join(known) or 'no prompts'}.",
    )


def render_prompt(file: Path, variables: Mapping[str, object]) -> str:
    """Fill in a template. Raises DefinitionError with file and line for a syntax error or a missing variable."""
    environment = SandboxedEnvironment(
        undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    text = file.read_text(encoding="utf-8")
    try:
        undeclared = meta.find_undeclared_variables(environment.parse(text)) - set(variables)
        if undeclared:
            raise _missing(file, text, sorted(undeclared), variables)
        return environment.from_string(text).render(variables).strip()
    except jinja2.TemplateSyntaxError as error:
        raise DefinitionError(f"is not a valid template: {error.message}", where=Position(file, error.lineno)) from None
    except jinja2.TemplateError as error:
        raise DefinitionError(f"cannot be filled in: {error.message}", where=Position(file)) from None


def _missing(file: Path, text: str, names: Sequence[str], given: Mapping[str, object]) -> DefinitionError:
    line = next(
        (n for n, row in enumerate(text.splitlines(), 1) if re.search(rf"\b{re.escape(names[0])}\b", row)), None
    )
    return DefinitionError(
        f"uses {', '.join(names)}, which bot.yaml does not give",
        where=Position(file, line),
        hint=f"Add it under `variables:` in bot.yaml. Given are: {', '.join(sorted(given))}.",
    )
