"""From a name or a path to a loaded bot: find its folder, read bot.yaml, prompt and knowledge, say what is wrong."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from framework.definition.model import Bot, BotDefinition
from framework.definition.operations import OPERATION_TOOLS
from framework.definition.positions import Document, read_yaml
from framework.definition.problems import explain
from framework.definition.prompt import find_prompt, render_prompt
from framework.errors import DefinitionError, Position, UsageError

BOT_FILE = "bot.yaml"
ARTICLE_SUFFIXES = frozenset({".md", ".markdown", ".txt"})
_CHECKOUT = Path(__file__).resolve().parents[2]


def bots_folder() -> Path:
    """`bots/` of the working directory, or of the checkout that this code runs from."""
    here = Path.cwd() / "bots"
    return here if here.is_dir() else _CHECKOUT / "bots"


def bot_names() -> list[str]:
    """The bots that can be named without a path, sorted."""
    return sorted(file.parent.name for file in bots_folder().glob(f"*/{BOT_FILE}"))


def find_bot(name: str) -> Path:
    """Find a bot's folder by its name under bots/, by a path to the folder, or to its bot.yaml. Raises UsageError."""
    path = Path(name)
    for folder in (bots_folder() / name, path, path.parent if path.name == BOT_FILE else path):
        if (folder / BOT_FILE).is_file():
            return folder
    if path.is_dir():
        raise UsageError(f"{name} has no {BOT_FILE}.", hint="A bot is a folder with a bot.yaml in it.")
    near = get_close_matches(name, bot_names(), n=1)
    guess = f"Did you mean {near[0]!r}? " if near else ""
    raise UsageError(
        f"There is no bot {name!r}.",
        hint=f"{guess}Bots under {bots_folder()}: {', '.join(bot_names()) or 'none'}. A path to a folder works too.",
    )


def load_bot(name: str) -> Bot:
    """Load a bot and check all that can be checked without running it.

    Raises UsageError where there is no such bot, and DefinitionError with file and line for what is wrong inside it.
    """
    folder = find_bot(name)
    document = read_yaml(folder / BOT_FILE)
    definition = _validate(document)
    return Bot(
        name=folder.resolve().name,
        folder=folder,
        definition=definition,
        system_prompt=_prompt(folder, definition, document),
        knowledge_files=_knowledge(folder, definition, document),
        tools_file=_tools(folder, definition, document),
    )


def _validate(document: Document) -> BotDefinition:
    if document.value is not None and not isinstance(document.value, dict):
        raise DefinitionError("must be a mapping of keys to values", where=document.position(()))
    try:
        return BotDefinition.model_validate(document.value or {})
    except ValidationError as error:
        raise explain(error, document, BotDefinition) from None


def _prompt(folder: Path, definition: BotDefinition, document: Document) -> str:
    # A bot's own prompt wins over the shared ones beside bots/, and those over the ones that come with the framework.
    folders = [folder, folder / "prompts", folder.resolve().parents[1] / "prompts", _CHECKOUT / "prompts"]
    file = find_prompt(definition.prompt, list(dict.fromkeys(folders)), document.position(("prompt",)))
    given = {"bot_name": definition.identity.name, "language": definition.identity.language, **definition.variables}
    return render_prompt(file, given)


def _knowledge(folder: Path, definition: BotDefinition, document: Document) -> tuple[Path, ...]:
    """The article files, sorted. A place that is named must exist and hold something."""
    if definition.knowledge is None:
        default = folder / "knowledge"
        return _articles(default) if default.is_dir() else ()
    files: list[Path] = []
    for index, entry in enumerate(definition.knowledge):
        place, where = folder / entry, document.position(("knowledge", index))
        if not place.exists():
            raise DefinitionError(
                f"the knowledge {entry!r} does not exist",
                where=where,
                hint=f"Looked for {place}. Create it or correct it.",
            )
        found = _articles(place) if place.is_dir() else (place,)
        if not found:
            raise DefinitionError(
                f"the knowledge folder {entry!r} holds no articles",
                where=where,
                hint=f"Put files ending in {', '.join(sorted(ARTICLE_SUFFIXES))} into {place}.",
            )
        files += found
    return tuple(dict.fromkeys(files))


def _articles(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(f for f in folder.rglob("*") if f.suffix.lower() in ARTICLE_SUFFIXES and f.is_file()))


def _tools(folder: Path, definition: BotDefinition, document: Document) -> Path | None:
    own = [name for name in definition.tool_names if name not in OPERATION_TOOLS]
    if not own:
        return None
    file = folder / "tools.py"
    if not file.is_file():
        raise DefinitionError(
            "tools are named, but the bot has no tools.py",
            where=document.position(("tools",)),
            hint=f"Write {Position(file)}, or remove {', '.join(own)} from `tools`.",
        )
    return file
