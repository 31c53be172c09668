"""Whether LangChain reports what it does to LangSmith."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from langsmith import configure

if TYPE_CHECKING:
    from framework.settings import Settings

_FORMER = "LANGCHAIN_TRACING"
"""LangChain refuses to work while this variable is set, whatever it says."""


def settle_tracing(settings: Settings) -> None:
    """Send nothing to LangSmith unless FRAMEWORK_TRACING says so, whatever LANGSMITH_TRACING and its kin say: prompts
    hold what people wrote. Holds for the whole process.
    """
    os.environ.pop(_FORMER, None)
    configure(enabled=settings.tracing == "langsmith")
