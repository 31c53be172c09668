"""The JSON Schema of bot.yaml, with all its short forms, so that editors complete and check it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, TypeAdapter

from framework.definition.model import BotDefinition
from framework.definition.reading.problems import duration
from framework.values import Json

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def bot_schema() -> dict[str, Any]:
    """Return the schema as plain values."""
    return schema_of(BotDefinition, "bot.yaml")


def schema_of(model: type[BaseModel], title: str) -> dict[str, Any]:
    """Return the schema of a file by its model."""
    written = _as_written(model.model_json_schema(mode="validation"))
    return {"$schema": _DIALECT, **written, "title": title}


def schema_text(schema: dict[str, Any] | None = None) -> str:
    """Return a schema as text for its file; that of bot.yaml if none is given."""
    return json.dumps(schema or bot_schema(), ensure_ascii=False, indent=2) + "\n"


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
