"""One call of a model, piece by piece, through LangChain's `astream`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message
from langchain_core.messages.ai import add_ai_message_chunks

from framework.insight.turn_texts import is_noting, note_prompt

if TYPE_CHECKING:
    from langchain.agents.middleware import ModelRequest
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import Runnable

_KEPT = 64
"""How many models with their tools are kept. A bot has few sets of tools: one for each group of people."""


class ModelCalls:
    """Calls models with the tools of a request.

    `create_agent` would convert the tools to schemas again for each call, and LangGraph would hand each piece of text
    on by a write to the event loop's own socket. Here a model with its tools is kept, and pieces go to `say`.
    """

    def __init__(self) -> None:
        self._bound: dict[tuple[int, ...], tuple[object, Runnable[Any, AIMessage]]] = {}

    async def ask(self, request: ModelRequest[Any], say: Callable[[str], None], began: Callable[[], None]) -> AIMessage:
        """Return the whole answer. `say` is given its text as it comes, `began` is called with each piece, whatever is
        in it. Raises what the provider's package raises.
        """
        messages = [request.system_message, *request.messages] if request.system_message else request.messages
        if is_noting():
            note_prompt((message.type, message.text) for message in messages)
        task = asyncio.current_task()
        pieces: list[AIMessageChunk] = []
        said = False
        async with aclosing(self._with_tools(request).astream(messages)) as stream:  # type: ignore[type-var]
            async for piece in stream:
                began()
                if task is not None and task.cancelling():
                    # A provider's package may wait with asyncio.wait_for, which in Python 3.11 loses a cancellation
                    # that comes together with a piece: the stream would go on for as long as the model speaks.
                    raise asyncio.CancelledError
                say(piece.text)
                if not isinstance(piece, AIMessageChunk):
                    return piece  # of a model that does not stream
                if not said and piece.text:
                    said = True
                    await asyncio.sleep(0)  # whoever reads shows the first text before the next pieces are looked at
                pieces.append(piece)
        if not pieces:
            raise ValueError("the model sent nothing")
        whole = message_chunk_to_message(add_ai_message_chunks(*pieces))
        if not isinstance(whole, AIMessage):
            raise TypeError(f"the model sent a {whole.type}")
        return whole

    def _with_tools(self, request: ModelRequest[Any]) -> Runnable[Any, AIMessage]:
        """The model with the request's tools, as `create_agent` binds them."""
        if request.model_settings or request.tool_choice:
            return _bind(request)
        key = (id(request.model), *map(id, request.tools))
        known = self._bound.get(key)
        if known is None:
            if len(self._bound) >= _KEPT:
                self._bound.clear()
            # What the ids name is kept with it, so that no other object gets the same.
            known = self._bound[key] = ((request.model, tuple(request.tools)), _bind(request))
        return known[1]


def _bind(request: ModelRequest[Any]) -> Runnable[Any, AIMessage]:
    model: BaseChatModel = request.model
    if not request.tools:
        return model.bind(**request.model_settings)
    return model.bind_tools(request.tools, tool_choice=request.tool_choice, **request.model_settings)
