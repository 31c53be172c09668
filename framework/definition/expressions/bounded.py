"""Bound the time and memory of templates, so that none can block the process.

Every filter, call, operator, round of a loop and output pays from one budget, by the size of its values. So neither
`'x' * 999999999` nor nested loops get far.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from math import prod
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

from framework.values import Untyped

MOST_WORK: Final = 3_000_000
MOST_CHARACTERS: Final = 200_000
"""Characters of one text, or of all texts in a list: some 50,000 tokens."""
_MADE_LARGER: Final = frozenset(
    """center ljust rjust zfill expandtabs replace join translate indent wordwrap batch slice
    xmlattr truncate""".split()  # noqa: SIM905 - a table of words reads best as words
)
_ROUND: Final = 10
_WIDE: Final = re.compile(
    r"%[-+ #.]*+[0-9]{1,3}+(?:[0-9]|\.[0-9]{4})|%[-+ #0-9.]*+\*|\{[^{}:]*+:(?:[^{}]*+\{|[^{}0-9]*+[0-9.,_]{4})"
)
"""What makes a value wide in a format: a width of more than three digits, or one that is given apart."""


class BoundedEnvironment(SandboxedEnvironment):
    """Jinja's sandbox with a budget. Each rendering has one of its own."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, **options: Untyped) -> None:
        super().__init__(optimized=False, finalize=self._put_out, **options)
        self._left = MOST_WORK
        self.globals.pop("lipsum")
        self.filters = {name: self._bounded(name, one) for name, one in self.filters.items()}
        self.filters[_ROUNDS] = self._rounds
        self.filters[_JOINED] = lambda parts: self.concat(map(str, parts))

    def renew(self) -> None:
        """Give the next rendering a budget of its own. Templates that are compiled once are rendered many times."""
        self._left = MOST_WORK

    def pay(self, work: int) -> None:
        """Take from the budget. Raises TemplateRuntimeError if it is spent."""
        self._left -= work
        if self._left < 0:
            raise jinja2.TemplateRuntimeError("it computes more than a prompt may")

    def concat(self, parts: Iterable[str]) -> str:
        """Join the parts of the output."""
        found: list[str] = []
        size = 0
        for part in parts:
            size += len(part)
            self._check_size(size)
            found.append(part)
        self.pay(size)
        return "".join(found)

    def call_binop(self, context: Context, operator: str, left: Untyped, right: Untyped) -> Untyped:
        """Compute, unless the result would be too large."""
        if operator == "**":
            self._check_size(_digits(left, right))
        elif operator == "%":
            self._check_format(left)
        elif operator == "*":
            sides = (left, right)
            numbers = all(isinstance(side, int | float) for side in sides)
            self._check_size(sum(map(_measure, sides)) if numbers else prod(_amount(side) for side in sides))
        self.pay(_measure(left) + _measure(right))
        result = super().call_binop(context, operator, left, right)
        self._check_size(_measure(result))
        return result

    def wrap_str_format(self, value: Untyped) -> Callable[..., str] | None:
        """Let a text format values, unless it makes them wide."""
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            self._check_format(value.__self__)
        return wrapped

    def call(__self, __context: Context, __obj: Untyped, *args: Untyped, **kwargs: Untyped) -> Untyped:  # noqa: N805 - as Jinja's
        """Call a function that the sandbox allows, and pay for it."""
        owner = getattr(__obj, "__self__", None)
        name = getattr(__obj, "__name__", "")
        if isinstance(owner, str | bytes | list | tuple | dict):
            __self._check_call(name, (owner, *args, *kwargs.values()))
        __self.pay(_ROUND + sum(map(_measure, (*args, *kwargs.values()))))
        return super().call(__context, __obj, *args, **kwargs)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Make loops count their rounds, and `~` measure what it joins."""
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _ROUNDS, [], [], None, None, lineno=loop.lineno)
        for node in list(tree.find_all(nodes.Concat)):
            parts = nodes.List(list(node.nodes), lineno=node.lineno)
            node.nodes = [nodes.Filter(parts, _JOINED, [], [], None, None, lineno=node.lineno)]
        tree.set_environment(self)
        return tree

    def _bounded(self, name: str, one: Callable[..., Any]) -> Callable[..., Any]:
        first = 1 if getattr(one, "jinja_pass_arg", None) else 0

        def filtered(*args: Untyped, **kwargs: Untyped) -> Untyped:
            self._check_call(name, (*args[first:], *kwargs.values()))
            result = one(*args, **kwargs)
            self._check_size(_measure(result))
            return result

        if first:
            filtered.jinja_pass_arg = one.jinja_pass_arg  # type: ignore[attr-defined]  # Jinja's own mark
        return filtered

    def _check_call(self, name: str, values: tuple[Any, ...]) -> None:
        sizes = [_measure(value) for value in values]
        self.pay(_ROUND + sum(sizes))
        if name in _MADE_LARGER:
            self._check_size(prod(map(_amount, values)) // 100)
        elif name == "format" and values:
            self._check_format(values[0])

    def _check_format(self, value: object) -> None:
        """Raise for a format that makes a value wide, such as `%999999999d`, `%*d` or `{:{}}`."""
        if isinstance(value, str) and _WIDE.search(value):
            raise jinja2.TemplateRuntimeError("a format makes a value wider than 999 characters")

    def _check_size(self, size: int) -> None:
        if size > MOST_CHARACTERS:
            raise jinja2.TemplateRuntimeError(f"it makes more than {MOST_CHARACTERS:,} characters")

    def _put_out(self, value: Untyped) -> Untyped:
        size = _measure(value)
        self._check_size(size)
        self.pay(1 + size)
        return value

    def _rounds(self, values: Iterable[Any]) -> Iterator[Any]:
        if not isinstance(values, Sized):
            return self._counted(values)
        self.pay(_ROUND * len(values))
        return iter(values)

    def _counted(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self.pay(_ROUND)
            yield value


_ROUNDS: Final = "_rounds"
_JOINED: Final = "_joined"


def _measure(value: object) -> int:
    """Return about how many characters a value has, with everything in it. Counting stops soon after the limit."""
    size = 0
    waiting = [value]
    while waiting and size <= MOST_CHARACTERS:
        one = waiting.pop()
        if isinstance(one, str | bytes):
            size += len(one)
        elif isinstance(one, int):
            size += one.bit_length() // 3 + 1
        elif isinstance(one, Mapping):
            size += 2 * len(one)
            waiting += [*one.keys(), *one.values()][:MOST_CHARACTERS]
        elif isinstance(one, list | tuple | set | frozenset | range):
            size += 2 * len(one)
            waiting += list(one[:MOST_CHARACTERS]) if isinstance(one, list | tuple) else []
        else:
            size += 1
    return size


def _amount(value: object) -> int:
    """Return the factor by which a value can enlarge another: a number is the factor, for a text it is the length."""
    if isinstance(value, int | float):
        return max(1, min(int(abs(value)), 10**12)) if value == value and abs(value) < 1e300 else 10**12
    return max(1, _measure(value))


def _digits(base: object, exponent: object) -> int:
    if isinstance(base, int) and isinstance(exponent, int):
        return base.bit_length() * max(exponent, 0) // 3
    return 0
