"""The base of all sections of a declaration, and how durations and lists are written."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"\s*(?:\d+(?:\.\d+)?\s*[smhdw]\s*)+")


def read_duration(value: object) -> object:
    """Read `90s`, `1h 30m`, `7d`; a plain number counts seconds. Raises ValueError for other texts."""
    if isinstance(value, str):
        if not _DURATION.fullmatch(value):
            raise ValueError(f"{value!r} is not a duration; write it as in 90s, 30m, 2h or 7d")
        parts = re.findall(r"(?<![\d.])(\d++(?:\.\d++)?)\s*+([smhdw])", value)
        return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0:
        raise ValueError("a duration cannot be negative")
    return value


def _one_or_many(value: object) -> object:
    """Read a single text as a list of one."""
    return (value,) if isinstance(value, str) else value


ONE_OR_MANY = BeforeValidator(_one_or_many, json_schema_input_type=str | list[str])
Duration = Annotated[timedelta, BeforeValidator(read_duration, json_schema_input_type=str | int | float)]
"""In bot.yaml `90s`, `30m`, `2h`, `7d`, or a number of seconds."""
Texts = Annotated[tuple[str, ...], ONE_OR_MANY]
"""In bot.yaml a list, or one text alone."""


class Part(BaseModel):
    """The base of every section: no unknown keys, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, value: object) -> object:
        # A key whose lines are all commented out is read as null. A section or a list then has its default.
        if not isinstance(value, dict) or None not in value.values():
            return value
        return {key: given for key, given in value.items() if given is not None or not cls._is_collection(key)}

    @classmethod
    def _is_collection(cls, key: str) -> bool:
        field = cls.model_fields.get(key)
        return field is not None and (field.default_factory is not None or isinstance(field.default, tuple))

    @classmethod
    def known_keys(cls, value: object) -> tuple[str, ...]:
        """Return the keys that are allowed in `value`, which was meant to be such a section."""
        return tuple(cls.model_fields)
