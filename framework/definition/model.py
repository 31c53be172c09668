"""The declaration of a bot: what `bots/<name>/bot.yaml` may say. Strict: an unknown key is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field

from framework.definition.parts.budget import Budget
from framework.definition.parts.channels import CatchUpOptions, Channels
from framework.definition.parts.conditions import Conditions, Team
from framework.definition.parts.handover import HandoverOptions
from framework.definition.parts.identity import Identity, Persona
from framework.definition.parts.knowledge_url import KnowledgeUrl
from framework.definition.parts.language_model import Model
from framework.definition.parts.memory import Context, Memory
from framework.definition.parts.operations import Operations
from framework.definition.parts.part import ONE_OR_MANY, Part, Texts
from framework.definition.parts.phrases import Phrases
from framework.definition.parts.promises import Promises
from framework.definition.parts.reply import DraftOptions, Reply
from framework.definition.parts.tools import McpServer, ToolRule
from framework.definition.parts.triggers import Trigger
from framework.definition.reading.positions import YamlDocument
from framework.definition.reading.prompt import Prompt
from framework.errors import DefinitionError

__all__ = [
    "Bot", "BotDefinition", "CatchUpOptions", "ChannelDefinition", "Channels", "Identity", "Model", "Persona",
    "Phrases", "Variable",
]  # fmt: skip

Variable = str | int | float | bool
PATTERN = re.compile(r"[a-zA-Z0-9_*?-]+:[^:,%\s]+")
"""TYPE:ID with wildcards: the name of an override."""


LONGEST_STARTER = 120


def _pattern(value: str) -> str:
    if not PATTERN.fullmatch(value):
        raise ValueError(f"{value!r} is not TYPE:ID, for example messaging:vip-*")
    return value


def _starter(value: str) -> str:
    if not value.strip() or len(value) > LONGEST_STARTER or "\n" in value:
        raise ValueError(f"write one line of 1 to {LONGEST_STARTER} characters")
    return value.strip()


def _by_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _join(value: object) -> object:
    return {"join": value} if isinstance(value, (str, list, tuple)) else value


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, (str, dict)) else value


# What may be written shorter: a model's name, channels as a list, tools by name, one trigger without a list.
ModelByName = Annotated[Model, BeforeValidator(_by_name, json_schema_input_type=str | Model)]
ChannelList = Annotated[Channels, BeforeValidator(_join, json_schema_input_type=str | list[str] | Channels)]
ToolByName = Annotated[ToolRule, BeforeValidator(_by_name, json_schema_input_type=str | ToolRule)]
Tools = Annotated[
    tuple[ToolByName, ...],
    BeforeValidator(_one_or_many, json_schema_input_type=str | ToolRule | list[str | ToolRule]),
]
Triggers = Annotated[tuple[Trigger, ...], BeforeValidator(_one_or_many, json_schema_input_type=Trigger | list[Trigger])]


class ChannelDefinition(Part):
    """What a bot does in a channel. All of it may differ between channels, by `overrides`."""

    identity: Persona = Field(default_factory=Persona, description="As whom the bot speaks.")
    description: str = Field(
        "", description="One line for people who look through the bots.", examples=["Answers questions about orders."]
    )
    respond_to: Literal["every_message", "mention"] | None = Field(
        None, description="Short for one trigger: which messages of people are answered.", examples=["mention"]
    )
    triggers: Triggers = Field(
        (),
        description="What starts a turn, in any combination. `every_message` unless something is named.",
        examples=[["mention", {"keyword": ["refund"]}]],
    )
    conditions: Conditions = Field(default_factory=Conditions, description="What must hold for a turn to start.")
    team: Team = Field(default_factory=Team, description="The people behind the bot.")
    context: Context = Field(default_factory=Context, description="What the bot reads before it answers.")
    model: ModelByName = Field(default_factory=Model, description="Which model answers. A name alone is enough.")
    prompt: str = Field("support.md.j2", description="Template of the system prompt, a file below prompts/.")
    variables: dict[str, Variable] = Field(
        default_factory=dict, description="Values for the prompt's variables.", examples=[{"company": "Fernly"}]
    )
    knowledge: Texts | None = Field(
        None,
        description="Folders or files with articles, beside bot.yaml. Default: the folder `knowledge`, if it exists.",
        examples=["knowledge"],
    )
    knowledge_url: KnowledgeUrl = Field(
        default_factory=dict,
        description="Where the articles can be read on the web, so that sources are links: one address, or addresses "
        "by patterns of the article's path. In it {path} is the path below the knowledge folder without its ending, "
        "{name} its last part, {file} the path with the ending, {anchor} the heading as most sites write it. `url` in "
        "an article's front matter wins.",
        examples=["https://help.example.com/{path}#{anchor}", {"guides/*": "https://docs.example.com/{name}"}],
    )
    tools: Tools = Field(
        (),
        description="Tools that it may call, by name or with rules: those of its tools.py, of MCP servers, and those "
        "for the chat's operations.",
        examples=[["open_ticket"]],
    )
    memory: Memory = Field(default_factory=Memory, description="What it remembers of people.")
    budget: Budget = Field(default_factory=Budget, description="What it may spend.")
    reply: Reply = Field(default_factory=Reply, description="How it replies.")
    drafts: DraftOptions = Field(default_factory=DraftOptions, description="Whether the team approves answers first.")
    handover: HandoverOptions = Field(default_factory=HandoverOptions, description="When and how a person takes over.")
    promises: Promises = Field(
        default_factory=Promises, description="Whether people may have it remind them, or tell them of events."
    )
    operations: Operations = Field(
        default_factory=Operations, description="What it may do with the chat's operations, if it lists tools for them."
    )
    phrases: Phrases = Field(default_factory=Phrases, description="Fixed sentences, in the bot's language.")


class BotDefinition(ChannelDefinition):
    """A bot, as declared in its bot.yaml."""

    identity: Identity = Field(default_factory=Identity, description="As whom the bot speaks.")
    channels: ChannelList = Field(default_factory=Channels, description="Where the bot works. A list alone is `join`.")
    starters: Annotated[tuple[Annotated[str, AfterValidator(_starter)], ...], ONE_OR_MANY] = Field(
        (),
        max_length=6,
        description="First messages that the playground offers in a new conversation, up to 6, each of at most 120 "
        "characters.",
        examples=[["How long is the warranty?", "Where is my order?"]],
    )
    mcp_servers: dict[str, McpServer] = Field(
        default_factory=dict,
        description="MCP servers, by a name of your own.",
        examples=[{"github": {"url": "https://api.example.com/mcp"}}],
    )
    overrides: dict[Annotated[str, AfterValidator(_pattern)], ChannelDefinition] = Field(
        default_factory=dict,
        description="Other values for some channels, by TYPE:ID with wildcards. The most specific pattern wins.",
        examples=[{"messaging:vip-*": {"model": "openai:gpt-5"}}],
    )
    catch_up: CatchUpOptions = Field(
        default_factory=CatchUpOptions, description="Messages that came while it was away."
    )

    @property
    def tool_names(self) -> tuple[str, ...]:
        """Return the tools by name, in the order of the file."""
        return tuple(rule.name for rule in self.tools)

    @property
    def prompt_values(self) -> dict[str, Variable]:
        """Return the prompt's variables, with those that every prompt has."""
        return {"bot_name": self.identity.name, "language": self.identity.language, **self.variables}

    @property
    def effective_triggers(self) -> tuple[Trigger, ...]:
        """Return what starts a turn, with short forms and the default written out."""
        return self.triggers or (Trigger(on=self.respond_to or "every_message"),)

    @cached_property
    def by_patterns(self) -> dict[tuple[str, ...], Self]:
        """Return the cache of `overrides.merged`, by the patterns that match."""
        return {}

    @cached_property
    def by_channel(self) -> dict[str, Self]:
        """Return the cache of `overrides.effective`, by channel."""
        return {}

    def __copy__(self) -> Self:
        """Copy without the caches: the copy may be changed."""
        copied = super().__copy__()
        for name in ("by_patterns", "by_channel"):
            copied.__dict__.pop(name, None)
        return copied


@dataclass(frozen=True)
class Bot:
    """A loaded bot: its definition, checked, and where its parts are. Made by `Bot.load`.

    `document` is the bot.yaml that it was read from, with positions; `prompts` are all templates that the bot uses in
    any channel, `articles` the files of each `knowledge` that it has in any, `warnings` what is doubtful but not wrong.
    `at` gives the bot as it is in one channel.
    """

    name: str
    folder: Path
    definition: BotDefinition
    system_prompt: str
    knowledge_files: tuple[Path, ...] = ()
    tools_file: Path | None = None
    document: YamlDocument | None = field(default=None, compare=False, repr=False)
    prompts: Mapping[str, Prompt] = field(default_factory=dict, compare=False, repr=False)
    articles: Mapping[tuple[str, ...] | None, tuple[Path, ...]] = field(default_factory=dict, compare=False, repr=False)
    warnings: tuple[DefinitionError, ...] = field(default=(), compare=False)
    variants: dict[int, Bot] = field(default_factory=dict, init=False, compare=False, repr=False)

    @staticmethod
    def load(place: str | Path) -> Bot:
        """Load a bot by the path of its folder, or by its name under bots/. Reads files and changes nothing.

        Raises UsageError if there is no such bot, and DefinitionError with file and line for all that is wrong in it.
        """
        from framework.definition.loader import load_bot

        return load_bot(str(place))

    def at(self, cid: str) -> Bot:
        """Return the bot as it is in one channel (TYPE:ID): definition, system prompt and knowledge.

        Channels with the same overrides share one object. Without overrides it is this bot itself.
        """
        from framework.definition.overrides import effective

        definition = effective(self.definition, cid)
        if definition is self.definition:
            return self
        # By identity: `effective` keeps one definition for each set of overrides, and the definition keeps them alive.
        known = self.variants.get(id(definition))
        if known is None:
            known = replace(
                self,
                definition=definition,
                system_prompt=self._prompt_of(definition),
                knowledge_files=self.articles.get(definition.knowledge, self.knowledge_files),
            )
            self.variants[id(definition)] = known
        return known

    def _prompt_of(self, definition: BotDefinition) -> str:
        prompt = self.prompts.get(definition.prompt)
        return prompt.render(definition.prompt_values) if prompt else self.system_prompt
