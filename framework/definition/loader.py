"""Load a bot by name or path: find its folder, read bot.yaml, prompts and articles, and report what is wrong."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path

from framework.called import called_as
from framework.definition.model import Bot, BotDefinition
from framework.definition.overrides import merged
from framework.definition.parts.operations import OPERATION_TOOLS
from framework.definition.parts.schedule_run import CAMPAIGNS
from framework.definition.reading.positions import Key, read_yaml
from framework.definition.reading.problems import said, together
from framework.definition.reading.prompt import Prompt, read_prompt
from framework.definition.validation import findings, validated
from framework.errors import DefinitionError, Position, UsageError

BOT_FILE = "bot.yaml"
ARTICLE_SUFFIXES = frozenset(
    {".md", ".markdown", ".mdx", ".txt", ".html", ".htm", ".xhtml", ".pdf", ".docx", ".csv", ".tsv", ".xlsx"}
    | {".rst", ".adoc", ".asciidoc"}
)
_UNREAD_SUFFIXES = frozenset(
    {".doc", ".odt", ".rtf", ".xls", ".xlsm", ".xlsb", ".ods", ".ppt", ".pptx", ".odp", ".epub", ".pages", ".numbers"}
    | {".zip", ".mht"}
)
"""Documents that people take for articles, although no reader can read them. Pictures and the like are not reported."""
_STRAY = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN", "node_modules"})
DEFAULT_KNOWLEDGE = "knowledge"
_ABOVE = Path(__file__).resolve().parents[2]
_CHECKOUT = _ABOVE if (_ABOVE / "pyproject.toml").is_file() else None
"""Of this code; None where it is installed as a package."""
_PACKAGED = Path(__file__).resolve().parents[1] / "templates" / "prompts"
"""Prompts that come with an installed framework, without a checkout."""


def bots_folder() -> Path:
    """Return `bots/` of the working directory, or that of the checkout."""
    here = Path.cwd() / "bots"
    return here if here.is_dir() or _CHECKOUT is None else _CHECKOUT / "bots"


def bot_names() -> list[str]:
    """Return the names of the bots that need no path, sorted."""
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
    """Load a bot and check what can be checked without running it. Files are only read.

    Raises UsageError if there is no such bot. Raises DefinitionError for everything that is wrong in it, with file and
    line, in the order of the file.
    """
    return _Loading(find_bot(name)).bot()


def files_of(bot: Bot) -> tuple[Path, ...]:
    """Return the files whose change changes the bot, and the folders of its articles, where new ones may appear."""
    prompts = (file for prompt in bot.prompts.values() for file in prompt.files.values())
    articles = (file for files in bot.articles.values() for file in files)
    entries = (entry for knowledge in bot.articles for entry in (knowledge or (DEFAULT_KNOWLEDGE,)))
    folders = (place for entry in entries if (place := bot.folder / entry).is_dir())
    tools = (bot.folder / "tools.py",)
    return tuple(dict.fromkeys((bot.folder / BOT_FILE, *prompts, *tools, *folders, *articles)))


class _Loading:
    """Reads one bot and collects its problems."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._document = read_yaml(folder / BOT_FILE)
        self._problems: list[DefinitionError] = []
        self._warnings: list[DefinitionError] = []

    def bot(self) -> Bot:
        tools_file = self._folder / "tools.py"
        tools = tools_file if tools_file.is_file() else None
        definition, unclear = validated(self._document, self._problems)
        self._follow_rules(definition, unclear, tools)
        self._find_campaigns(definition)
        prompts, rendered = self._prompts(definition) if not unclear & {"prompt", "variables"} else ({}, "")
        articles = self._articles(definition)
        if self._problems:
            raise together(self._problems)
        own = any("/" not in name and name not in OPERATION_TOOLS for name in definition.tool_names)
        return Bot(
            name=self._folder.resolve().name,
            folder=self._folder,
            definition=definition,
            system_prompt=rendered,
            knowledge_files=articles[definition.knowledge],
            tools_file=tools if own or any(block.tools for block in definition.overrides.values()) else None,
            document=self._document,
            prompts=prompts,
            articles=articles,
            warnings=tuple(self._warnings),
        )

    def _follow_rules(self, definition: BotDefinition, unclear: set[str], tools: Path | None) -> None:
        for finding in findings(definition, unclear, tools):
            path = self._document.locate(finding.path)
            problem = DefinitionError(
                f"{said(path) or BOT_FILE}: {finding.what}", where=self._document.position(path), hint=finding.hint
            )
            (self._warnings if finding.warning else self._problems).append(problem)

    def _find_campaigns(self, definition: BotDefinition) -> None:
        """Report schedules of campaigns that the bot does not have."""
        names = sorted(file.stem for file in (self._folder / CAMPAIGNS).glob("*.yaml"))
        for index, trigger in enumerate(definition.triggers):
            if not trigger.campaign or trigger.campaign in names:
                continue
            near = get_close_matches(trigger.campaign, names, n=1)
            guess = f"Did you mean {near[0]!r}? " if near else ""
            path = self._document.locate(("triggers", index, "run", "campaign"))
            problem = DefinitionError(
                f"{said(path)}: {trigger.campaign!r} is not a campaign of this bot",
                where=self._document.position(path),
                hint=f"{guess}A campaign is a file {self._folder / CAMPAIGNS}/NAME.yaml. "
                f"There are: {', '.join(names) or 'none'}.",
            )
            self._problems.append(problem)

    def _prompts(self, definition: BotDefinition) -> tuple[dict[str, Prompt], str]:
        """Return all templates, and the system prompt without overrides. Those of overrides are rendered as a check."""
        # A bot's own prompt wins over the shared ones beside bots/, and those over the ones of the framework.
        ours = () if _CHECKOUT is None else (_CHECKOUT / "prompts",)
        shared = [self._folder.resolve().parent.parent / "prompts", *ours, _PACKAGED]
        folders = list(dict.fromkeys([self._folder, self._folder / "prompts", *shared]))
        prompts: dict[str, Prompt] = {}
        missing: set[str] = set()
        rendered = ""
        for path, there in _everywhere(definition):
            if there.prompt in missing:
                continue
            try:
                where = self._document.position((*path, "prompt"))
                prompt = prompts.get(there.prompt) or read_prompt(there.prompt, folders, where)
                prompts[there.prompt] = prompt
                text = prompt.render(there.prompt_values)
            except DefinitionError as error:
                self._problems.append(self._unnamed(error) if self._is_shared(error.where) else error)
                missing.add(there.prompt)
                continue
            rendered = rendered if path else text
        for prompt in prompts.values():
            if not any(text.strip() for text in prompt.texts.values()):
                where, hint = Position(prompt.files[prompt.name]), "Say in it who the bot is and how it answers."
                self._warnings.append(DefinitionError("is empty: a model is told nothing", where=where, hint=hint))
        if not missing:
            self._warn_of_unused(definition, frozenset(name for prompt in prompts.values() for name in prompt.uses()))
        return prompts, rendered

    def _is_shared(self, where: Position | str | None) -> bool:
        """Return whether a problem is in a shared prompt that bot.yaml does not name."""
        named = "prompt" in (self._document.value or {})
        return not named and isinstance(where, Position) and not where.file.is_relative_to(self._folder)

    def _unnamed(self, error: DefinitionError) -> DefinitionError:
        """Return the problem of a shared prompt that does not fit the bot."""
        default = BotDefinition.model_fields["prompt"].default
        where = Position(self._folder / BOT_FILE, 1)
        if self._document.value is None:
            return DefinitionError(
                "is empty",
                where=where,
                hint=f"Say what the bot is to do: `{called_as()} new` makes bots to copy from, and docs/bots.md "
                "describes every key.",
            )
        return DefinitionError(
            f"no prompt is named, and the shared {default} {error.what}",
            where=where,
            hint=f"Write a prompt beside bot.yaml and name it, as in `prompt: prompt.md.j2`. Or: {error.hint}",
        )

    def _warn_of_unused(self, definition: BotDefinition, used: frozenset[str]) -> None:
        for path, there in _everywhere(definition):
            for name in there.variables:
                place = self._document.locate((*path, "variables", name))
                if name in used or place[-1:] != (name,):
                    continue
                warning = DefinitionError(
                    f"variables.{name} is used by no prompt",
                    where=self._document.position(place),
                    hint=f"Write {{{{ {name} }}}} into the prompt, or remove the variable.",
                )
                self._warnings.append(warning)

    def _articles(self, definition: BotDefinition) -> dict[tuple[str, ...] | None, tuple[Path, ...]]:
        found: dict[tuple[str, ...] | None, tuple[Path, ...]] = {}
        for path, there in _everywhere(definition):
            if there.knowledge not in found:
                found[there.knowledge] = self._article_files(there.knowledge, path)
        return found

    def _article_files(self, knowledge: tuple[str, ...] | None, path: Key) -> tuple[Path, ...]:
        """Return the article files, sorted. A named file or folder must exist, and a folder must not be empty."""
        if knowledge is None:
            default = self._folder / DEFAULT_KNOWLEDGE
            self._warn_of_unread(default)
            found = articles_in(default) if default.is_dir() else ()
            if problem := _outside(self._folder, DEFAULT_KNOWLEDGE, found):
                what, hint = problem
                self._problems.append(DefinitionError(what, where=Position(self._folder / BOT_FILE, 1), hint=hint))
            return found
        files: list[Path] = []
        for index, entry in enumerate(knowledge):
            place = self._folder / entry
            found = articles_in(place) if place.is_dir() else (place,)
            self._warn_of_unread(place)
            if problem := _wrong_place(entry, place, found) or _outside(self._folder, entry, found or (place,)):
                what, hint = problem
                where = self._document.position((*path, "knowledge", index))
                self._problems.append(DefinitionError(what, where=where, hint=hint))
            files += found
        return tuple(dict.fromkeys(files))

    def _warn_of_unread(self, folder: Path) -> None:
        """Warn of files that are left out: those that programs leave behind, and documents that no reader can read."""
        if not folder.is_dir():
            return
        for place in stray_in(folder):
            what = "is left out: programs write such files for themselves"
            hint = "Remove it; nothing in it is read."
            self._warnings.append(DefinitionError(what, where=Position(place), hint=hint))
        unread = (file for file in _files(folder) if file.suffix.lower() in _UNREAD_SUFFIXES)
        for file in unread:
            kinds = ", ".join(sorted(ARTICLE_SUFFIXES))
            what = f"is not read: {file.suffix} is not a kind of article"
            self._warnings.append(DefinitionError(what, where=Position(file), hint=f"Save it as one of {kinds}."))


def _wrong_place(entry: str, place: Path, found: tuple[Path, ...]) -> tuple[str, str] | None:
    kinds = ", ".join(sorted(ARTICLE_SUFFIXES))
    if re.match(r"[a-z]+://", entry):
        return (
            f"the knowledge {entry!r} is an address",
            "Save the page as HTML into the folder `knowledge`.",
        )
    if re.search(r"[*?\[]", entry) and not place.exists():
        folder = entry.rpartition("/")[0] or DEFAULT_KNOWLEDGE
        return f"the knowledge {entry!r} has wildcards", f"Name the folder, as in {folder!r}, or each file in a list."
    if not place.exists():
        near = get_close_matches(entry, [path.name for path in place.parent.glob("*")], n=1)
        guess = f"Did you mean {near[0]!r}? " if near else ""
        return f"the knowledge {entry!r} does not exist", f"{guess}Looked for {place}. Create it or correct it."
    if not found:
        return f"the knowledge folder {entry!r} holds no articles", f"Put files ending in {kinds} into {place}."
    if place.is_file() and place.suffix.lower() not in ARTICLE_SUFFIXES:
        return f"the knowledge {entry!r} cannot be read as an article", f"Articles end in {kinds}."
    return None


def _outside(folder: Path, entry: str, files: tuple[Path, ...]) -> tuple[str, str] | None:
    """Report articles that lie outside of the bot's folder, by their path or by a link."""
    home = folder.resolve()
    strange = next((file for file in files if not file.resolve().is_relative_to(home)), None)
    if strange is None:
        return None
    what = f"the knowledge {entry!r} leads out of the bot's folder, to {strange}"
    return what, f"Copy it into {folder}. Links that lead out are not followed."


def _everywhere(definition: BotDefinition) -> list[tuple[Key, BotDefinition]]:
    """Yield the definition without overrides, then with each of them, and its path in the file."""
    each = [(("overrides", pattern), merged(definition, (pattern,))) for pattern in definition.overrides]
    return [((), definition), *each]


def articles_in(folder: Path) -> tuple[Path, ...]:
    """Return the article files in a folder and below it, sorted, without those that programs leave behind."""
    return tuple(file for file in _files(folder) if file.suffix.lower() in ARTICLE_SUFFIXES)


def _files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if not _stray_part(f.relative_to(folder)) and f.is_file())


def stray_in(folder: Path) -> tuple[Path, ...]:
    """Return lock files, hidden folders and the like in a folder and below it, each folder once."""
    found: dict[Path, None] = {}
    for file in sorted(folder.rglob("*")):
        below = file.relative_to(folder)
        if not (part := _stray_part(below)) or not file.is_file():
            continue
        place = folder.joinpath(*below.parts[: below.parts.index(part) + 1])
        if place != file or file.suffix.lower() in ARTICLE_SUFFIXES | _UNREAD_SUFFIXES:
            found[place] = None
    return tuple(found)


def _stray_part(below: Path) -> str:
    """Return the part of a path that shows that it is not an article: `~$`, a leading dot, `__MACOSX`; else ""."""
    return next((part for part in below.parts if part.startswith((".", "~$")) or part in _STRAY), "")
