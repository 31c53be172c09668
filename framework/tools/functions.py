"""Check whether a function of tools.py can be a tool: types, docstring, and phrases that lead to it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from langchain_core.tools import BaseTool, tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic.errors import PydanticInvalidForJsonSchema

from framework.definition.expressions.patterns import REGEX_HINT, linear
from framework.errors import DefinitionError, Position


def made_of(name: str, function: Callable[..., Any], where: Position) -> BaseTool:
    """Make a tool of a plain function. Raises DefinitionError if it lacks types or a docstring."""
    _check_arguments(name, function, where)
    if not inspect.getdoc(function):
        raise _unfit(
            name,
            "it has no docstring",
            where,
            'Say below its first line when to use it, as in """Look up an order by its number.""".',
        )
    try:
        made = tool(function)
    except (ValueError, TypeError) as error:
        hint = "Give it a docstring that says when to use it, and a type for each argument."
        raise _unfit(name, str(error), where, hint) from error
    _check_schema(name, made, where)
    return made


def check_made(name: str, made: BaseTool, where: Position) -> None:
    """Raise DefinitionError if a tool made by `@tool` lacks types or a docstring, or its `extras` are wrong.

    An argument needs no type if the author gave a schema.
    """
    function = function_of(made)
    fields = getattr(made.args_schema, "model_fields", {})
    if function is not None and any(field.annotation is Any for field in fields.values()):
        _check_arguments(name, function, where)
    _check_schema(name, made, where)
    _check_phrases(name, made, where)


def wrong_arguments(made: BaseTool, arguments: Mapping[str, Any]) -> str:
    """Return what is wrong with the arguments of a call by the tool's schema; empty if nothing is."""
    from pydantic import BaseModel, ValidationError

    strange = sorted(set(arguments) - set(made.args))
    if strange:
        near = get_close_matches(strange[0], made.args, n=1)
        return f"it has no {strange[0]!r}" + (f", did you mean {near[0]!r}?" if near else "")
    schema = made.tool_call_schema
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        try:
            schema.model_validate(dict(arguments))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            return f"{'.'.join(map(str, first['loc'])) or 'they'}: {first['msg']}"
    return ""


def function_of(made: BaseTool) -> Callable[..., Any] | None:
    """Return the function behind a tool, or None."""
    return getattr(made, "func", None) or getattr(made, "coroutine", None)


def _unfit(name: str, why: str, where: Position, hint: str) -> DefinitionError:
    return DefinitionError(f"{name!r} cannot be a tool: {why}", where=where, hint=hint)


def _check_arguments(name: str, function: Callable[..., Any], where: Position) -> None:
    parameters = inspect.signature(function).parameters
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    many = next((key for key, parameter in parameters.items() if parameter.kind in open_ended), None)
    if many is not None:
        hint = f"Name each argument; several values are a list, as in `{many}: list[str]`."
        raise _unfit(name, f"what stands in {many} has no names", where, hint)
    untyped = [key for key in parameters if key not in getattr(function, "__annotations__", {})]
    if untyped:
        hint = f"Say what the model is to give, as in `{untyped[0]}: str`."
        raise _unfit(name, f"{', '.join(untyped)} has no type", where, hint)


def _check_schema(name: str, made: BaseTool, where: Position) -> None:
    try:
        convert_to_openai_tool(made)
    except PydanticInvalidForJsonSchema:
        hint = "Take text, numbers, true and false, lists, mappings, or pydantic models of these."
        raise _unfit(name, "an argument has a type that a model cannot give", where, hint) from None


def _check_phrases(name: str, made: BaseTool, where: Position) -> None:
    phrases = (made.extras or {}).get("phrases", ())
    if isinstance(phrases, str):
        raise _unfit(name, "its `phrases` are one text", where, f'Write a list: "phrases": [r"{phrases}"].')
    for phrase in phrases:
        try:
            groups = linear(phrase, ignore_case=True).names
        except ValueError as error:
            hint = REGEX_HINT.replace("put them into '...'", 'write them as r"..."')
            raise _unfit(name, f"its phrase {error}", where, hint) from None
        if strange := sorted(groups - set(made.args)):
            what = f"{phrase!r} fills {strange[0]!r}, which is not an argument of it"
            raise _unfit(name, what, where, f"It takes: {', '.join(sorted(made.args)) or 'nothing'}.")
