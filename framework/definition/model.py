"""The declaration of a bot: what `bots/<name>/bot.yaml` may say. Strict: an unknown key is an error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from framework.definition.budget import Budget
from framework.definition.handover import Handover
from framework.definition.memory import Context, Memory
from framework.definition.operations import Operations
from framework.definition.part import Duration, Part
from framework.definition.reply import Drafts, Reply
from framework.definition.tools import McpServer, ToolRule
from framework.definition.triggers import Conditions, Team, Trigger

Variable = str | int | float | bool


class Identity(Part):
    """As whom the bot speaks in channels."""

    user_id: str = Field("agent-bot", pattern=r"^[a-zA-Z0-9@_-]{1,255}$", description="User id in the chat service.")
    name: str = Field("Support Bot", min_length=1, description="The name that people see.")
    image: str = Field("", description="Address of its picture.")
    language: str = Field("en", pattern=r"^[a-z]{2}$", description="The bot's main language, as in en or de.")


class Channels(Part):
    """In which channels the bot works."""

    join: tuple[str, ...] = Field(
        ("messaging:support-*",),
        min_length=1,
        description="Channels to join and watch, as TYPE:ID; `*` and `?` are wildcards in the id, as in support-*.",
    )
    create: tuple[str, ...] = Field((), description="Channels, as TYPE:ID, to create at start where they are missing.")
    where: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Only channels whose custom fields have these values."
    )
    automatic: bool = Field(True, description="Join by itself; otherwise only where somebody adds the bot.")

    @field_validator("join", "create")
    @classmethod
    def _addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not re.fullmatch(r"[a-zA-Z0-9_-]+:[^:,%\s]+", value):
                raise ValueError(f"{value!r} is not TYPE:ID, for example messaging:support-*")
        return values

    @field_validator("create")
    @classmethod
    def _no_wildcards(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if "*" in value or "?" in value:
                raise ValueError(f"{value!r} has a wildcard; name the channel to create in full")
        return values

    @property
    def types(self) -> tuple[str, ...]:
        """The channel types that occur, each once."""
        return tuple(dict.fromkeys(pattern.partition(":")[0] for pattern in self.join))

    def covers(self, cid: str) -> bool:
        """Whether the bot works in the channel with this address (`type:id`)."""
        return any(fnmatchcase(cid, pattern) for pattern in self.join)


class Model(Part):
    """Which model answers."""

    name: str = Field(
        "auto",
        description="`auto` (OpenAI-compatible where OPENAI_API_KEY is set), `embedded`, or PROVIDER:NAME.",
    )
    temperature: float | None = Field(None, ge=0, le=2, description="Randomness; the model's default without it.")
    timeout: Duration = Field(timedelta(seconds=60), description="Longest wait for a model call, as in 60s.")
    retries: int = Field(2, ge=0, le=10, description="How often a failed model call is tried again.")
    fallbacks: tuple[str, ...] = Field((), description="Models to ask, in order, when this one fails.")
    base_url: str = Field("", description="An OpenAI-compatible server for this bot alone; else OPENAI_BASE_URL.")
    mask: tuple[str, ...] = Field(
        (), description="Personal data kept from the model: email, credit_card, ip, mac_address, url."
    )

    @field_validator("name")
    @classmethod
    def _known_form(cls, value: str) -> str:
        if value not in {"auto", "embedded"} and not re.fullmatch(r"[a-z0-9_]+:\S+", value):
            raise ValueError(f"{value!r} is not `auto`, `embedded` or PROVIDER:NAME, for example openai:gpt-5-mini")
        return value


class CatchUp(Part):
    """What happens to messages that came while the bot was away."""

    horizon: Duration = Field(timedelta(hours=24), description="Older unanswered messages are left alone.")
    before_joining: Duration = Field(
        timedelta(minutes=10), description="The same for messages from before the bot joined the channel."
    )


class Phrases(Part):
    """Fixed sentences, in the bot's language. `{topics}` stands for article titles, `{person}` for how to get one."""

    greeting: str = Field("Hello! What can I help you with?", description="Answer to a bare greeting.")
    thanks: str = Field("You're welcome! Is there anything else?", description="Answer to a bare thank-you.")
    unsure: str = Field(
        "I am not certain that I have the answer. These articles come closest: {topics}. {person}",
        description="Said when the evidence is weak.",
    )
    refused: str = Field(
        "I could not find an answer to that in our help articles, and I don't want to guess. {person}",
        description="Said when there is no evidence.",
    )
    person: str = Field(
        "A person from our team can help you here.", description="How one gets to a person; fills `{person}` above."
    )
    apology: str = Field(
        "Sorry, I could not answer this because of a technical problem. Please try again in a moment.",
        description="Said when a turn failed for good.",
    )
    closed: str = Field(
        "We are closed right now. Your message stays here, and we answer when we are back.",
        description="Said outside the hours, where `outside` is `say`.",
    )
    spent: str = Field("I have answered all that I may for today. {person}", description="Said when a budget is spent.")
    handover: str = Field(
        "I am handing over to a person from our team. They have what we wrote so far.",
        description="Said when a person takes over.",
    )
    handover_closed: str = Field(
        "Nobody from our team is here right now. They have your message and answer when they are back.",
        description="Said when a person is to take over outside the team's hours.",
    )
    resumed: str = Field("I am back, and read along again.", description="Said when the team hands back.")
    draft: str = Field("", description="Said while a draft waits for approval; empty: nothing.")
    no_text: str = Field(
        "I can only read text so far. Could you describe in words what you need?",
        description="Answer to a message that holds only files or images.",
    )


class BotDefinition(Part):
    """A bot, as declared in its bot.yaml."""

    identity: Identity = Field(default_factory=Identity, description="As whom the bot speaks.")
    description: str = Field("", description="One line for people who look through the bots.")
    channels: Channels = Field(default_factory=Channels, description="Where the bot works; a list alone is `join`.")
    respond_to: Literal["every_message", "mention"] | None = Field(
        None, description="Short for one trigger: which messages of people are answered."
    )
    triggers: tuple[Trigger, ...] = Field(
        (), description="What starts a turn, any mix; `every_message` if none is named."
    )
    conditions: Conditions = Field(default_factory=Conditions, description="What must hold for a turn to start.")
    team: Team = Field(default_factory=Team, description="Who the people behind the bot are.")
    context: Context = Field(default_factory=Context, description="What the bot reads before it answers.")
    model: Model = Field(default_factory=Model, description="Which model answers; a name alone will do.")
    prompt: str = Field("support.md.j2", description="Template of the system prompt, a file below prompts/.")
    variables: dict[str, Variable] = Field(default_factory=dict, description="Values for the prompt's variables.")
    knowledge: tuple[str, ...] | None = Field(
        None, description="Folders or files with articles, beside bot.yaml; the folder `knowledge`, if there is one."
    )
    tools: tuple[ToolRule, ...] = Field(
        (),
        description="Tools that it may call, by name or with rules: of its tools.py, of MCP servers, and those for the "
        "chat's operations.",
    )
    mcp_servers: dict[str, McpServer] = Field(default_factory=dict, description="MCP servers, by a name of your own.")
    memory: Memory = Field(default_factory=Memory, description="What it remembers of people.")
    budget: Budget = Field(default_factory=Budget, description="What it may spend.")
    reply: Reply = Field(default_factory=Reply, description="How it replies.")
    drafts: Drafts = Field(default_factory=Drafts, description="Whether the team approves answers first.")
    handover: Handover = Field(default_factory=Handover, description="When and how a person takes over.")
    overrides: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Other values for some channels, by TYPE:ID with wildcards; the most specific pattern wins.",
    )
    operations: Operations = Field(
        default_factory=Operations, description="What it may do with the chat's operations, if it lists tools for them."
    )
    catch_up: CatchUp = Field(default_factory=CatchUp, description="Messages that came while it was away.")
    phrases: Phrases = Field(default_factory=Phrases, description="Fixed sentences, in the bot's language.")

    @field_validator("model", mode="before")
    @classmethod
    def _model_by_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("tools", mode="before")
    @classmethod
    def _tools_by_name(cls, value: object) -> object:
        if isinstance(value, (list, tuple)):
            return [{"name": entry} if isinstance(entry, str) else entry for entry in value]
        return value

    @property
    def tool_names(self) -> tuple[str, ...]:
        """The tools by name, in the order of the file."""
        return tuple(rule.name for rule in self.tools)

    @property
    def effective_triggers(self) -> tuple[Trigger, ...]:
        """What starts a turn, with the short form and the default spelt out."""
        return self.triggers or (Trigger(on=self.respond_to or "every_message"),)

    @field_validator("channels", mode="before")
    @classmethod
    def _channels_as_list(cls, value: object) -> object:
        return {"join": value} if isinstance(value, (list, tuple)) else value

    @field_validator("knowledge", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


@dataclass(frozen=True)
class Bot:
    """A loaded bot: its definition, checked, and where its parts are. Made by `loader.load_bot`."""

    name: str
    folder: Path
    definition: BotDefinition
    system_prompt: str
    knowledge_files: tuple[Path, ...] = ()
    tools_file: Path | None = None
