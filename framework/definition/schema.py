"""The JSON Schema of bot.yaml, with all its short forms, so that editors complete and check it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from framework.definition.model import BotDefinition
from framework.definition.reading.problems import duration
from framework.values import Json

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def bot_schema() -> dict[str, Any]:
    """Return the schema as plain values."""
    schema = BotDefinition.model_json_schema(mode="validation")
    written = _as_written(schema)
    return {"$schema": _DIALECT, **written, "title": "bot.yaml"}


def schema_text() -> str:
    """Return the schema as text for the file."""
    return json.dumps(bot_schema(), ensure_ascii=False, indent=2) + "\n"


def _as_written(node: Json) -> Json:
    """Write defaults as people do (`30m`, not ISO 8601), and drop titles that repeat the key."""
    if isinstance(node, list):
        return [_as_written(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _as_written(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    default = kept.get("default")
    if isinstance(default, str) and re.fullmatch(r"P(?:\d+D)?(?:T[\dHMS.]+)?", default):
        kept["default"] = duration(TypeAdapter(timedelta).validate_python(default))
    return kept
