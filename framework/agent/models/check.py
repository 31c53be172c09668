"""Whether the model of a bot can be used, asked of its server."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from framework.agent.models.dialect import dialect_of
from framework.agent.models.setup import OPENAI, build_model, choose_model, close_model, site_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from framework.agent.models.failure import ModelSite
    from framework.definition.model import Model
    from framework.settings import Settings

_PATIENCE = timedelta(seconds=20)


async def check_model(definition: Model, settings: Settings, *, within: timedelta = _PATIENCE) -> str:
    """Ask once, cheaply, whether the model can be used, and say which one it is. Raises ModelError, also if it does not
    answer `within` this time.

    An OpenAI-compatible server is asked for its list of models; where the list does not settle it, and for other
    providers, the model is asked for a few tokens.
    """
    choice = choose_model(definition, settings)
    if choice.is_embedded:
        return "embedded: answers from the articles, needs no key"
    if definition.base_url:
        settings = settings.model_copy(update={"openai_base_url": definition.base_url})

    quick = definition.model_copy(update={"retries": 0, "timeout": min(definition.timeout, within)})
    model = build_model(choice, quick, settings)
    site = site_of(choice, settings)
    try:
        names = await _listed_names(model, site) if choice.provider == OPENAI else frozenset()
        if choice.name not in names or settings.openai_base_url:
            await _ask_little(model, site, names)
    finally:
        await close_model(model)
    found = dialect_of(settings.openai_base_url or "", choice.name).describe() if choice.provider == OPENAI else ""
    return f"{choice.label} answers at {site.place}" + (f"; it is asked {found}" if found else "")


async def _listed_names(model: BaseChatModel, site: ModelSite) -> frozenset[str]:
    """The models that the server lists; none where it keeps no list, which many compatible servers do not."""
    from langchain_core.exceptions import ModelConnectionError, ModelTimeoutError
    from openai import (  # noqa: TID251 - this room speaks to OpenAI's SDK
        APIConnectionError,
        APIStatusError,
        APITimeoutError,
    )

    from framework.agent.models.failure import explain

    client: Any = getattr(model, "root_async_client", None)
    try:
        page = await client.models.list()
    except APIStatusError as error:
        if error.status_code in {404, 405, 501}:
            return frozenset()
        raise explain(error, site) from None
    except APITimeoutError:
        raise explain(ModelTimeoutError(), site) from None
    except APIConnectionError:
        raise explain(ModelConnectionError(), site) from None
    except (ValueError, TypeError) as error:
        raise explain(error, site) from None
    entries = getattr(page, "data", None) or ()
    return frozenset(name for entry in entries if isinstance(name := getattr(entry, "id", None), str))


_CHECK_TOOL = {
    "type": "function",
    "function": {
        "name": "nothing",
        "description": "Does nothing. Do not call it.",
        "parameters": {"type": "object", "properties": {}},
    },
}


async def _ask_little(model: BaseChatModel, site: ModelSite, names: frozenset[str]) -> None:
    """Some servers answer for names that they do not list, so the list alone decides nothing."""
    from langchain_core.exceptions import ModelNotFoundError

    from framework.agent.models.failure import explain, unknown_model

    try:
        # Asked with a tool, as bots ask: what a server cannot take shows here. The first piece settles it; closing the
        # stream then stops the rest.
        asked: Any = model.bind_tools([_CHECK_TOOL]) if site.url else model
        pieces: Any = asked.astream([("system", "Answer in one word."), ("human", "Say: ok")])
        async with aclosing(pieces):
            await anext(pieces, None)
    except ModelNotFoundError:
        raise unknown_model(site, names=names) from None
    except Exception as error:  # noqa: BLE001 - whatever a provider's package raises, explain() sorts it
        raise explain(error, site) from None
