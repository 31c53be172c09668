"""A retriever of one's own in the place of a bot's articles: a vector database, a search engine, a wiki."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Protocol, runtime_checkable

from pydantic import Field

from framework.agent.conversation import Conversation, Reference, Source, Utterance
from framework.agent.knowledge.search.evidence import Evidence, Passage
from framework.agent.knowledge.tool import SaidBefore, as_text
from framework.agent.own_tools import SEARCH
from framework.errors import DefinitionError
from framework.values import Untyped

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_core.tools import BaseTool


@runtime_checkable
class Retriever(Protocol):
    """Finds passages for a question. One instance serves many turns at once."""

    async def search(self, question: str, history: Sequence[Utterance]) -> Sequence[Reference]:
        """Return the passages that answer the question, best first; none if nothing fits. `history` is what was said
        before, oldest first. What it raises ends the turn with an apology in the channel and a traceback in the log.
        """


class RetrieverLibrary:
    """The `Library` of an agent over a retriever: one of ours, or one of LangChain's."""

    domains: frozenset[str] = frozenset()
    """Its links are not known beforehand: `reply: domains:` in bot.yaml names those that may be posted."""

    def __init__(self, retriever: Untyped) -> None:
        """Raises DefinitionError for something that is neither kind of retriever."""
        from langchain_core.retrievers import BaseRetriever

        self._retriever = retriever
        self._is_langchain = isinstance(retriever, BaseRetriever)
        if not self._is_langchain and not isinstance(retriever, Retriever):
            raise DefinitionError(
                f"{type(retriever).__name__} is not a retriever",
                where="retriever",
                hint="Give it `async def search(self, question, history)`, or pass a retriever of LangChain.",
            )

    async def warm(self) -> None:
        """See `Library.warm`: nothing is asked before the first question."""

    async def look_up(self, conversation: Conversation) -> Sequence[Reference]:
        """See `Library.look_up`."""
        return await self.search(conversation.question, conversation.utterances[:-1])

    def read(self, artifact: object) -> Sequence[Reference]:
        """See `Library.read`."""
        if not isinstance(artifact, Evidence):
            return ()
        return tuple(Reference(passage.source, passage.text) for passage in artifact.passages)

    async def search(self, question: str, history: Sequence[Utterance]) -> Sequence[Reference]:
        """Return the passages, best first. Raises DefinitionError for a result that holds anything else."""
        if self._is_langchain:
            return tuple(_reference(document) for document in await self._retriever.ainvoke(question))
        found = tuple(await self._retriever.search(question, history))
        for passage in found:
            if not isinstance(passage, Reference):
                raise DefinitionError(
                    f"the retriever {type(self._retriever).__name__} returned a {type(passage).__name__}",
                    where="retriever",
                    hint="Return passages: [Reference(Source(title, file), text), ...].",
                )
        return found

    def tool(self) -> BaseTool:
        """The tool `search_knowledge` over this retriever."""
        from langchain_core.tools import tool

        @tool(SEARCH, response_format="content_and_artifact")
        async def search_knowledge(
            question: Annotated[str, Field(description="What to look for: one question that stands on its own.")],
            history: Annotated[
                list[SaidBefore] | None,
                Field(description="What was said before, oldest first; only where the question needs it."),
            ] = None,
        ) -> tuple[str, Evidence]:
            """Search the company's knowledge. Returns the passages that fit best, with their titles."""
            said = tuple(Utterance(turn.who, turn.text) for turn in history or ())
            evidence = _evidence(await self.search(question, said))
            return as_text(evidence), evidence

        return search_knowledge


def _evidence(found: Sequence[Reference]) -> Evidence:
    """Take what a retriever returned for an answer, since it returns nothing if nothing fits."""
    passages = tuple(
        Passage(reference.source, reference.text, reference.text, 1.0 / place)
        for place, reference in enumerate(found, start=1)
    )
    return Evidence("answered" if passages else "refused", passages, 1.0 if passages else 0.0)


def _reference(document: Document) -> Reference:
    """A LangChain document: `title`, `heading`, `source` and `url` of its metadata say where it stands."""
    file = str(document.metadata.get("source") or document.id or "")
    title, heading = str(document.metadata.get("title") or file), str(document.metadata.get("heading") or "")
    url = str(document.metadata.get("url") or "") or (file if file.startswith(("http://", "https://")) else "")
    return Reference(Source(title, file, heading, url), document.page_content)
