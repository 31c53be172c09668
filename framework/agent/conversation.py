"""What goes into the agent and what comes out of it, whatever model is behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from framework.tools.notices import Notifier
from framework.tools.promiser import Promiser
from framework.values import Json, well_formed

Outcome = Literal["answered", "unsure", "refused"]


@dataclass(frozen=True)
class Utterance:
    """Something said. `name` is how a person is shown; `images` are addresses of pictures that came with it; `to` is
    the name of whom a bot answered, or of whoever writes in the thread that begins with it; empty if it is not known.

    `foreign`: said by, or in the name of, a bot, but not by this one: data, like what people say. `restricted`: for
    some people's eyes alone, so that no summary for all of them may tell it.

    Half a surrogate pair, which JSON and argument lists can bring in and UTF-8 cannot carry, becomes U+FFFD.
    """

    who: Literal["user", "bot"]
    text: str
    name: str = ""
    images: tuple[str, ...] = ()
    foreign: bool = False
    restricted: bool = False
    to: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Make text and name such that every model and every file takes them."""
        object.__setattr__(self, "text", well_formed(self.text))
        object.__setattr__(self, "name", well_formed(self.name))


@dataclass(frozen=True)
class Caller:
    """For whom and where the agent works: handed to tools, never to the model. `key` names the turn: a tool that
    writes uses it (with its own call's place) to do nothing twice. `roles` are those in the app and in the channel;
    `thread` is the id of the thread's first message, empty outside threads; `message` that of the message which the
    turn is about (the one to answer, or that somebody reacted to), empty where there is none. `restricted`: only some
    people of the channel may read the answer.
    """

    user_id: str
    user_name: str = ""
    channel: str = ""
    key: str = ""
    roles: tuple[str, ...] = ()
    thread: str = ""
    message: str = ""
    restricted: bool = False


class Steps(Protocol):
    """What earlier tries at this turn left behind, and where this one leaves what it finished."""

    def saved(self, step: str) -> Json | None:
        """What was saved under this name; None where nothing was."""

    async def save(self, step: str, value: Json) -> None:
        """Keep a finished step's result (a JSON value, not None), durably. What it raises ends the turn."""


@dataclass(frozen=True)
class Conversation:
    """The last messages, oldest first; the last one is the one to answer.

    `instruction`: what the bot is to do where no message is to be answered (a schedule, an idle channel, a new member);
    then there need be no utterances. It comes from the bot's definition, never from a channel. `earlier`: messages
    before `utterances`, oldest first, for the summary of what fell out of the window; as many as are at hand, or none.
    `steps`: with it a turn that is tried again repeats neither the finished answer nor tool calls that write.
    `decided`: the id of a tool call that the team approved or denied since. An approved one runs first, once, and the
    bot reports what came of it; then neither utterances nor an instruction are needed.
    `language`: the two letters of the one that the customer reads; empty: told from the utterances. `run`: a call
    of a tool (`tool`, `arguments`) with which the turn begins. `toolless`: no tool may be called, as the messages are
    not the caller's. `notifier`: by it tools reach people; None where there is no chat.
    `promiser`: by it tools promise; None where the bot promises nothing.
    """

    utterances: tuple[Utterance, ...]
    caller: Caller
    instruction: str = ""
    earlier: tuple[Utterance, ...] = ()
    steps: Steps | None = None
    decided: str = ""
    language: str = ""
    run: Mapping[str, Any] = field(default_factory=dict)
    toolless: bool = False
    notifier: Notifier | None = field(default=None, repr=False, compare=False)
    promiser: Promiser | None = field(default=None, repr=False, compare=False)

    @property
    def question(self) -> str:
        """The text of the message to answer, or the instruction."""
        if self.instruction:
            return self.instruction
        return self.utterances[-1].text if self.utterances else ""

    @property
    def said(self) -> Iterator[str]:
        """What people said, the newest first."""
        return (utterance.text for utterance in reversed(self.utterances) if utterance.who == "user")


@dataclass(frozen=True)
class Source:
    """Where an answer comes from: an article's title, its file in the bot's folder, the heading inside it.

    `url` is the article's public address, empty if it has none. `line` is the line (or page) of the file at which the
    passage begins; 0 if it is not known.
    """

    title: str
    file: str
    heading: str = ""
    url: str = ""
    line: int = 0


@dataclass(frozen=True)
class Answer:
    """What the agent came to. Seconds are measured from the call. Token counts are sums over all calls of models in the
    turn, tool calls and summaries included; None where a model does not say. `cost` is what they come to by the
    definition's price, None where there is no price or no count. `uncertain`: tools of which nobody knows whether they
    did what they were called for, because an earlier try at the turn ended in the middle of the call. `spent`: the
    turn's budget ended the answer.
    """

    text: str
    outcome: Outcome
    sources: tuple[Source, ...] = ()
    suggestions: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_token_seconds: float | None = None
    seconds: float = 0.0
    cost: float | None = None
    uncertain: tuple[str, ...] = ()
    spent: bool = False


@dataclass(frozen=True)
class TextDelta:
    """More text of the answer."""

    text: str


@dataclass(frozen=True)
class ToolStarted:
    """The agent is calling a tool. Text that came before it in this turn was not the answer."""

    name: str


@dataclass(frozen=True)
class ToolFinished:
    """A tool returned or failed."""

    name: str
    ok: bool


@dataclass(frozen=True)
class HandoverRequested:
    """The model wants a person to take over, and why; `summary` is for that person. `Finished` follows all the same."""

    reason: str
    summary: str


@dataclass(frozen=True)
class ApprovalRequested:
    """A tool call waits for a person's word. `id` names it in the store of approvals; `args_summary` are lines for
    people to read, without secrets. The turn goes on without the call.
    """

    id: str
    tool: str
    args_summary: str


@dataclass(frozen=True)
class Finished:
    """The last event: the whole answer. Its text is the final one, whatever was streamed before."""

    answer: Answer


AgentEvent = TextDelta | ToolStarted | ToolFinished | HandoverRequested | ApprovalRequested | Finished


class Agent(Protocol):
    """Answers conversations. One instance serves many turns at once."""

    def stream(self, conversation: Conversation) -> AsyncIterator[AgentEvent]:
        """Answer, piece by piece; the last event is `Finished`. Raises ModelError when no answer can be had."""

    async def summarise(self, conversation: Conversation) -> str:
        """A short summary for the person who takes over. Raises ModelError when the model fails."""


@dataclass(frozen=True)
class Reference:
    """A passage, and where it stands."""

    source: Source
    text: str


class Library(Protocol):
    """What the agent asks of a bot's knowledge."""

    async def warm(self) -> None:
        """Do what the first question would otherwise wait for."""

    async def look_up(self, conversation: Conversation) -> Sequence[Reference]:
        """Return the passages that fit the question best, best first; empty if nothing comes near."""

    def read(self, artifact: object) -> Sequence[Reference]:
        """The passages in what the tool `search_knowledge` returned beside its text; empty for anything else."""
