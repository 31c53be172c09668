"""One answer of a chat completion while it comes: its text, its tool calls, its usage, and why it ended."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog

from framework.agent.models.calls import BROKEN, ToolCalls
from framework.agent.models.events import Body, NotAnAnswerError
from framework.agent.models.failure import BrokenAnswerError
from framework.agent.models.pieces import CUT, FILTERED, Usage, joined, read_piece
from framework.agent.models.text_calls import LONGEST, Call, call_place, calls_in
from framework.agent.models.thoughts import AnswerText, without_retracted

if TYPE_CHECKING:
    from collections.abc import Callable

    from framework.agent.models.failure import ModelSite
    from framework.agent.models.pacing import Pacing

_log = structlog.get_logger(__name__)

REFUSAL = "refusal"
"""A reason to stop: the model declines, in its own words."""
_ENDS = frozenset({"stop", CUT, FILTERED})


class RefusedInStreamError(Exception):
    """The server sent an error in the place of an answer, or of its rest. `words` are the server's own."""

    def __init__(self, problem: object) -> None:
        told = problem if isinstance(problem, dict) else {"message": str(problem)}
        self.words = str(told.get("message") or told)
        super().__init__(self.words)

    def error(self, site: ModelSite) -> BrokenAnswerError:
        """Return the same for people, and for the agent to try again."""
        return BrokenAnswerError(
            f"{site.place} sent an error instead of an answer: {site.quote(self.words)}",
            retryable=True,
            hint="The fault is on the model's side. Try again in a while.",
        )


class AnswerReader:
    """Reads one answer to a request.

    `began`: something of the answer has come. `finish`: the server's reason to stop; None until it gave one. `usage`:
    the tokens that the server counted. `reasoning`: what the server sent as thoughts. `text` knows what the text held
    besides the answer.
    """

    def __init__(self, payload: Mapping[str, Any], site: ModelSite, *, thinks: bool, new_id: Callable[[], str]) -> None:
        """`thinks`: the server is known to begin with thoughts without saying so. `new_id` makes ids of tool calls."""
        self._site = site
        self._tools = _names_of(payload.get("tools") or ())
        taken = {str(call.get("id")) for message in payload["messages"] for call in message.get("tool_calls") or ()}
        self._calls = ToolCalls(self._tools, taken, new_id)
        self._shown: list[str] = []
        self._pending = ""
        self.text = AnswerText(hold=thinks)
        self.refusal = ""
        self.finish: str | None = None
        self.usage: Usage | None = None
        self.reasoning: list[str] = []
        self.began = False

    @property
    def whole(self) -> str:
        """What was shown, without what was taken back."""
        return without_retracted("".join(self._shown))

    async def texts(self, response: Any, pacing: Pacing) -> AsyncGenerator[str, None]:  # noqa: ANN401 - the SDK's
        """Yield the text of each batch of bytes; empty if the batch held other things. Raises RefusedInStreamError for
        an error in the stream, BrokenAnswerError for what is not an answer, TimeoutError if nothing comes for too long.
        """
        body = Body()
        try:
            with self._faults_explained():
                async for piece in pacing.batches(response.aiter_bytes(), self._is_flowing):
                    text, fault = self._taken(body.feed(piece))
                    if text is not None:
                        pacing.heard()
                        yield text
                    if fault is not None:
                        raise fault
                for event in body.finish():
                    yield self._take(event)
        finally:
            await response.aclose()
        if not self.finish and body.done and self.began:
            self.finish = "stop"  # the end mark says that the answer is whole

    @contextmanager
    def _faults_explained(self) -> Iterator[None]:
        try:
            yield
        except NotAnAnswerError as error:
            raise BrokenAnswerError(
                f"{self._site.place} sent something that is not an answer: {self._site.quote(str(error)) or 'nothing'}",
                retryable=True,
                hint="Check OPENAI_BASE_URL: most end in /v1.",
            ) from None
        except Exception as error:
            if any(kind.__name__ == "TimeoutException" for kind in type(error).__mro__):
                raise TimeoutError from None
            raise

    def _is_flowing(self) -> bool:
        """Whether more of an answer is to come, so that a moment's wait joins it."""
        return self.began and self.finish is None

    def rest_of_text(self) -> str:
        """Return what was held back until the end and turned out to be text."""
        return self._show(self.text.finish())

    def take_pending(self) -> str:
        """Return what was held back because it could have been a call, since it is text; or else the refusal."""
        if self.refusal and not self.whole:
            return self.refusal
        text, self._pending = self._pending, ""
        if text:
            self._shown.append(text)
        return text

    def calls(self) -> list[dict[str, Any]]:
        """Return the calls of the answer in OpenAI's form, those that it wrote as text among them. Raises
        BrokenAnswerError for one that a mark announces and that cannot be read.
        """
        return self._calls.finish() or self._calls_in_text() or self._calls_in_thoughts()

    def end(self, calls: Sequence[Mapping[str, Any]]) -> str | None:
        """Return why the answer ended, in OpenAI's words; None if the server did not say that it did."""
        if self.finish is None:
            return None
        if calls and (self.finish != CUT or any(BROKEN in call["function"]["arguments"] for call in calls)):
            return "tool_calls"  # arguments that were cut cannot be run: the model hears so
        if self.refusal:
            return REFUSAL
        return self.finish if self.finish in _ENDS else "stop"

    def _taken(self, events: Iterable[Mapping[str, Any]]) -> tuple[str | None, Exception | None]:
        """Return the text of these objects, None if there were none; and the fault that ended them, if any did."""
        text: str | None = None
        try:
            for event in events:
                text = (text or "") + self._take(event)
        except (ValueError, RefusedInStreamError) as fault:
            return text, fault
        return text, None

    def _take(self, event: Mapping[str, Any]) -> str:
        """Take in one object; return what it adds to the text."""
        piece = read_piece(event)
        if piece.problem is not None:
            raise RefusedInStreamError(piece.problem)
        self.usage = joined(self.usage, piece.usage)
        self.finish = piece.finish or self.finish
        self.refusal += piece.refusal
        released = ""
        if piece.thought is not None:  # a server that names thoughts is trusted with telling them from the answer
            self.reasoning.append(piece.thought if isinstance(piece.thought, str) else json.dumps(piece.thought))
            released = self.text.release()
        if piece.whole and self.began:
            return self._show(released)  # the whole once more, at the end of a stream
        self._calls.add(piece.calls)
        self.began = self.began or bool(piece.text or piece.calls or piece.refusal or piece.thought is not None)
        return self._show(released + self.text.feed(piece.text))

    def _show(self, text: str) -> str:
        """Hold text back as long as it may turn out to be a call; return what can be shown."""
        if self._tools:
            self._pending += text
            place = call_place(self._pending, first=not self._shown)
            place = place if len(self._pending) - place < LONGEST else len(self._pending)
            text, self._pending = self._pending[:place], self._pending[place:]
        if text:
            self._shown.append(text)
        return text

    def _calls_in_text(self) -> list[dict[str, Any]]:
        """Calls that stand in the text, or that are all of it. A marked one that cannot be read is an error."""
        written, marked = self.text.call or self._pending, self.text.call is not None
        found = calls_in(written, self._tools, named=self.text.named, marked=marked) if self._tools else []
        if marked and not found:
            raise BrokenAnswerError(
                f"{self._site.place} wrote a tool call as text that cannot be read.",
                retryable=True,
                hint="Choose a model, or a server, that calls tools in the API's own form.",
            )
        if not found:
            return []
        self._pending = ""
        return self._written(found)

    def _calls_in_thoughts(self) -> list[dict[str, Any]]:
        """Calls that a model marked in its thoughts; only if nothing else is said."""
        if not self._tools or not self.reasoning or self.whole.strip() or self._pending or self.refusal:
            return []
        text = AnswerText()
        text.feed("".join(self.reasoning))
        text.finish()
        found = calls_in(text.call or "", self._tools, named=text.named, marked=True)
        return self._written([call for call in found if call[0] in self._tools])

    def _written(self, found: Sequence[Call]) -> list[dict[str, Any]]:
        _log.info("model.call_in_text", model=self._site.place, tools=[name for name, _ in found])
        self._calls.add(
            [{"index": n, "function": {"name": name, "arguments": given}} for n, (name, given) in enumerate(found)]
        )
        return self._calls.finish()


def _names_of(tools: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The names of the functions that a request offers."""
    return frozenset(str(tool["function"]["name"]) for tool in tools if isinstance(tool.get("function"), dict))
