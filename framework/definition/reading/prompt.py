"""Prompts: Jinja templates below prompts/, with every variable given, checked when the bot is loaded."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from jinja2 import meta
from jinja2.sandbox import SandboxedEnvironment

from framework.definition.expressions.bounded import BoundedEnvironment
from framework.definition.reading.positions import read_text
from framework.errors import DefinitionError, Position

if TYPE_CHECKING:
    from collections.abc import Sequence

_ADVICE = "Templates are Jinja: {{ name }} is a value, {% if name %}...{% endif %} a choice."


def find_prompt(name: str, folders: Sequence[Path], where: Position) -> Path:
    """Find a template in the first folder that has it. Raises DefinitionError naming the folders and what they hold."""
    outside = False
    for folder in folders:
        if (folder / name).is_file():
            if _lies_in((folder / name).resolve(), folders):
                return folder / name
            outside = True
    if outside:
        raise DefinitionError(
            f"the prompt {name!r} lies outside of the folders for prompts",
            where=where,
            hint=f"Copy it into one of them: {', '.join(map(str, folders))}. Links that lead out are not followed.",
        )
    if len(name.split()) > 2:
        raise DefinitionError(
            "the prompt is a text, and not the name of a file",
            where=where,
            hint="Write the text into a file beside bot.yaml and name that, as in `prompt: prompt.md.j2`.",
        )
    known = sorted({path.name for folder in folders if folder.is_dir() for path in folder.glob("*.j2")})
    near = get_close_matches(name, known, n=1)
    guess = f"Did you mean {near[0]!r}? " if near else ""
    raise DefinitionError(
        f"the prompt {name!r} does not exist",
        where=where,
        hint=f"{guess}Looked in {', '.join(map(str, folders))}. There are: {', '.join(known) or 'no prompts'}.",
    )


def _lies_in(file: Path, folders: Sequence[Path]) -> bool:
    return any(file.is_relative_to(folder.resolve()) for folder in folders)


@dataclass(frozen=True)
class Prompt:
    """A template with what it includes. It is rendered without reading files again."""

    name: str
    files: Mapping[str, Path]
    texts: Mapping[str, str]

    def render(self, variables: Mapping[str, object]) -> str:
        """Render the template. Raises DefinitionError with file and line for a missing variable."""
        environment = _environment(self.texts)
        try:
            self._demand(environment, variables)
            return environment.get_template(self.name).render(variables).strip()
        except DefinitionError:
            raise
        except Exception as error:  # noqa: BLE001 - what a template computes may fail in any way; its author is told
            said = str((error.message if isinstance(error, jinja2.TemplateError) else None) or error).rstrip(".")
            hint = _nearest_filter(said, environment) + _ADVICE
            raise DefinitionError(f"cannot be filled in: {said}", where=self._place(error), hint=hint) from None

    def _demand(self, environment: SandboxedEnvironment, variables: Mapping[str, object]) -> None:
        for name, text in self.texts.items():
            undeclared = meta.find_undeclared_variables(environment.parse(text)) - set(variables)
            if undeclared:
                raise _missing(self.files[name], text, sorted(undeclared), variables)

    def uses(self) -> frozenset[str]:
        """Return the variables that the template uses."""
        environment = _environment(self.texts)
        trees = (environment.parse(text) for text in self.texts.values())
        return frozenset(name for tree in trees for name in meta.find_undeclared_variables(tree))

    def _place(self, error: Exception) -> Position:
        """Return the line that could not be filled in; Jinja tells it of the template that it was in at last."""
        frames = traceback.extract_tb(error.__traceback__)
        found = [(frame.filename, frame.lineno) for frame in frames if frame.filename in self.texts]
        if isinstance(error, jinja2.TemplateSyntaxError) and error.lineno:
            found.append((error.name or self.name, error.lineno))
        name, line = found[-1] if found else (self.name, None)
        return Position(self.files.get(name, self.files[self.name]), line)


def read_prompt(name: str, folders: Sequence[Path], where: Position) -> Prompt:
    """Read a template and what it includes or extends. Raises DefinitionError for a missing file or a syntax error."""
    files: dict[str, Path] = {}
    texts: dict[str, str] = {}
    waiting = [(name, where)]
    while waiting:
        wanted, place = waiting.pop()
        if wanted in files:
            continue
        files[wanted] = find_prompt(wanted, folders, place)
        texts[wanted], included = _read(files[wanted])
        waiting += [(other, _first(files[wanted], texts[wanted], other)) for other in included]
    return Prompt(name, files, texts)


def _read(file: Path) -> tuple[str, list[str]]:
    """Return a template's text, and the names of the templates that it uses."""
    text = read_text(file)
    try:
        tree = _environment({}).parse(text)
    except jinja2.TemplateSyntaxError as error:
        raise DefinitionError(
            f"is not a valid template: {error.message}", where=Position(file, error.lineno), hint=_ADVICE
        ) from None
    except (RecursionError, ValueError):  # Python reads no number of more than 4,300 digits
        raise DefinitionError(
            "is not a valid template: it is nested too deep, or has a number of too many digits",
            where=Position(file, 1),
            hint=_ADVICE,
        ) from None
    return text, [name for name in meta.find_referenced_templates(tree) if name is not None]


def _environment(texts: Mapping[str, str]) -> SandboxedEnvironment:
    return BoundedEnvironment(
        # Each template is named by its file, so that errors have file and line.
        loader=jinja2.FunctionLoader(lambda name: (texts[name], name, None) if name in texts else None),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _missing(file: Path, text: str, names: Sequence[str], given: Mapping[str, object]) -> DefinitionError:
    near = get_close_matches(names[0], given, n=1)
    guess = f"Did you mean {near[0]!r}? " if near else ""
    return DefinitionError(
        f"uses {', '.join(names)}, which bot.yaml does not give",
        where=_first(file, text, names[0]),
        hint=f"{guess}Add it under `variables:` in bot.yaml. Given are: {', '.join(sorted(given))}.",
    )


def _first(file: Path, text: str, word: str) -> Position:
    """Return the first position of a word in a template, inside {{ }} or {% %}."""
    for number, row in enumerate(text.splitlines(), 1):
        if match := re.search(rf"\{{[{{%][^}}]*?(?<!\w)({re.escape(word)})(?!\w)", row):
            return Position(file, number, match.start(1) + 1)
    return Position(file)


def _nearest_filter(said: str, environment: SandboxedEnvironment) -> str:
    match = re.fullmatch(r"No filter named '(\w+)'", said)
    near = get_close_matches(match[1], environment.filters, n=1) if match else []
    return f"Did you mean {near[0]!r}? " if near else ""
