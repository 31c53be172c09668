"""The framework's fixed sentences in the languages that it speaks beside English, by the names in `phrases`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Final, Literal

Language = Literal["en", "de", "es", "fr", "it", "pt", "nl", "pl"]
"""A language that the framework's own sentences exist in. English ones are the defaults of `phrases`."""

SENTENCES: Final[Mapping[str, Mapping[str, str]]] = json.loads(
    resources.files(__package__).joinpath("sentences.json").read_text(encoding="utf-8")
)
"""From a language's two letters to the sentences by name."""
