"""Stream's filter language, compiled to predicates."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.wire import Json, parse_time

T = TypeVar("T")
ValueOf = Callable[[T, str], Any]
"""The value of a named field of an item; None where the item lacks it."""
Predicate = Callable[[T], bool]
Test = Callable[[Any], bool]

_MAX_DEPTH = 10
_WORD = re.compile(r"\w+")


def compile_filter(conditions: Mapping[str, Any], value_of: ValueOf[T], depth: int = 0) -> Predicate[T]:
    """Return a predicate for `filter_conditions`. Raises ApiError 400 for what the language does not have."""
    if depth > _MAX_DEPTH:
        raise invalid(f"filter is nested deeper than {_MAX_DEPTH} levels")
    parts = [_clause(name, operand, value_of, depth) for name, operand in conditions.items()]
    if len(parts) == 1:
        return parts[0]
    return lambda item: all(part(item) for part in parts)


def _clause(name: str, operand: Json, value_of: ValueOf[T], depth: int) -> Predicate[T]:
    if name in ("$and", "$or", "$nor"):
        return _combined(name, operand, value_of, depth)
    if name.startswith("$"):
        raise invalid(f"filter: {name} is not an operator that joins conditions")
    tests = _tests(name, operand)
    if len(tests) == 1:
        only = tests[0]
        return lambda item: only(value_of(item, name))
    return lambda item: all(test(value_of(item, name)) for test in tests)


def _combined(name: str, operand: Json, value_of: ValueOf[T], depth: int) -> Predicate[T]:
    if not isinstance(operand, list) or not operand or not all(isinstance(part, Mapping) for part in operand):
        raise invalid(f"filter: {name} takes a list of at least one filter")
    parts = [compile_filter(part, value_of, depth + 1) for part in operand]
    if name == "$and":
        return lambda item: all(part(item) for part in parts)
    if name == "$or":
        return lambda item: any(part(item) for part in parts)
    return lambda item: not any(part(item) for part in parts)


def _tests(name: str, operand: Json) -> list[Test]:
    if isinstance(operand, Mapping) and any(str(key).startswith("$") for key in operand):
        tests = []
        for symbol, value in operand.items():
            make = _OPERATORS.get(symbol)
            if make is None:
                raise invalid(f"filter: {name} has the unknown operator {symbol}")
            tests.append(make(name, value))
        return tests
    return [_equal(name, operand)]


def _equal(name: str, operand: Json) -> Test:
    def test(value: Json) -> bool:
        if isinstance(value, list | tuple | set | frozenset):
            if isinstance(operand, list):
                return set(map(_hashable, value)) == set(map(_hashable, operand))
            return operand in value or (operand is None and not value)
        if isinstance(value, datetime):
            return operand is not None and value == parse_time(operand, name)
        if isinstance(operand, bool) and value is None:
            return not operand
        return bool(value == operand) and isinstance(value, bool) == isinstance(operand, bool)

    return test


def _not_equal(name: str, operand: Json) -> Test:
    equal = _equal(name, operand)
    return lambda value: not equal(value)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[str, Any], Test]:
    def make(name: str, operand: Json) -> Test:
        if operand is None or isinstance(operand, list | Mapping):
            raise invalid(f"filter: {name} can only be compared with a number, a text or a time")

        def test(value: Json) -> bool:
            if value is None:
                return False
            other = parse_time(operand, name) if isinstance(value, datetime) else operand
            comparable = isinstance(value, int | float) and isinstance(other, int | float)
            return (comparable or type(value) is type(other)) and compare(value, other)

        return test

    return make


def _in(name: str, operand: Json) -> Test:
    if not isinstance(operand, list):
        raise invalid(f"filter: $in on {name} takes a list")
    tests = [_equal(name, item) for item in operand]
    return lambda value: any(test(value) for test in tests)


def _not_in(name: str, operand: Json) -> Test:
    inside = _in(name, operand)
    return lambda value: not inside(value)


def _exists(name: str, operand: Json) -> Test:
    if not isinstance(operand, bool):
        raise invalid(f"filter: $exists on {name} takes true or false")
    return lambda value: (value is not None) is operand


def _autocomplete(name: str, operand: Json) -> Test:
    if not isinstance(operand, str):
        raise invalid(f"filter: $autocomplete on {name} takes a text")
    wanted = operand.casefold().split()

    def matches(value: str) -> bool:
        words = value.casefold().split()
        return all(any(word.startswith(part) for word in words) for part in wanted)

    def test(value: Json) -> bool:
        values = value if isinstance(value, list | tuple) else [value]
        return bool(wanted) and any(isinstance(one, str) and matches(one) for one in values)

    return test


def _words(text: str) -> set[str]:
    """Return the words of a text, folded. A search finds whole words: `cious` does not find `precious`."""
    return set(_WORD.findall(text.casefold()))


def _query(name: str, operand: Json) -> Test:
    if not isinstance(operand, str):
        raise invalid(f"filter: $q on {name} takes a text")
    wanted = _words(operand)

    def test(value: Json) -> bool:
        if not isinstance(value, str) or not wanted:
            return False
        words = _words(value)
        return all(word in words or (not word.isascii() and word in value.casefold()) for word in wanted)

    return test


def _contains(name: str, operand: Json) -> Test:
    wanted = operand if isinstance(operand, list) else [operand]
    return lambda value: isinstance(value, list | tuple | set | frozenset) and all(item in value for item in wanted)


def _hashable(value: Json) -> Json:
    return str(value) if isinstance(value, list | dict) else value


_OPERATORS: dict[str, Callable[[str, Any], Test]] = {
    "$eq": _equal,
    "$ne": _not_equal,
    "$gt": _ordered(operator.gt),
    "$gte": _ordered(operator.ge),
    "$lt": _ordered(operator.lt),
    "$lte": _ordered(operator.le),
    "$in": _in,
    "$nin": _not_in,
    "$exists": _exists,
    "$autocomplete": _autocomplete,
    "$q": _query,
    "$contains": _contains,
}


def dig(fields: Mapping[str, Json], path: str) -> Json:
    """Return a value inside nested objects by its dotted path; None if a step is missing."""
    value: Any = fields
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def select(items: Iterable[T], conditions: Mapping[str, Any], value_of: ValueOf[T]) -> list[T]:
    """The items that a filter lets through; an empty filter lets all through."""
    if not conditions:
        return list(items)
    return list(filter(compile_filter(conditions, value_of), items))
