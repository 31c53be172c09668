"""What goes into the agent and what comes out of it, whatever model is behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

Outcome = Literal["answered", "unsure", "refused"]


@dataclass(frozen=True)
class Utterance:
    """Something said. `name` is how a person is shown; `images` are addresses of pictures that came with it.

    Half a surrogate pair, which JSON and argument lists can bring in and UTF-8 cannot carry, becomes U+FFFD.
    """

    who: Literal["user", "bot"]
    text: str
    name: str = ""
    images: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Make text and name such that every model and every file takes them."""
        object.__setattr__(self, "text", _well_formed(self.text))
        object.__setattr__(self, "name", _well_formed(self.name))


def _well_formed(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@dataclass(frozen=True)
class Caller:
    """For whom and where the agent works: handed to tools, never to the model. `key` names the turn: a tool that
    writes uses it (with its own call's place) to do nothing twice.
    """

    user_id: str
    user_name: str = ""
    channel: str = ""
    key: str = ""


@dataclass(frozen=True)
class Conversation:
    """The last messages, oldest first; the last one is the one to answer."""

    utterances: tuple[Utterance, ...]
    caller: Caller

    @property
    def question(self) -> str:
        """The text of the message to answer."""
        return self.utterances[-1].text if self.utterances else ""


@dataclass(frozen=True)
class Source:
    """Where an answer comes from: an article's title, its file below the knowledge folder, the heading inside it."""

    title: str
    file: str
    heading: str = ""


@dataclass(frozen=True)
class Answer:
    """What the agent came to. Seconds are measured from the call; token counts are None where a model does not say."""

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
class Finished:
    """The last event: the whole answer. Its text is the final one, whatever was streamed before."""

    answer: Answer


AgentEvent = TextDelta | ToolStarted | ToolFinished | Finished


class Agent(Protocol):
    """Answers conversations. One instance serves many turns at once."""

    def stream(self, conversation: Conversation) -> AsyncIterator[AgentEvent]:
        """Answer, piece by piece; the last event is `Finished`. Raises ModelError when no answer can be had."""
