"""The text of a campaign: what Stream fills in stays a place in it, and Jinja renders the rest for each person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jinja2
from jinja2 import meta, nodes

from framework.campaigns.person import Addressee
from framework.definition.expressions.bounded import BoundedEnvironment

RECEIVER, SENDER = "receiver", "sender"
GIVEN = frozenset({RECEIVER, SENDER})
LONGEST = 5_000
"""Characters of a message, as Stream has it by default."""
_PLACE = re.compile(r"\{\{\s*receiver\.([A-Za-z_]\w*+)\s*\}\}")
_MARK = "\x02{}\x03"
"""Stands for a place while Jinja renders, so that no value of a person can look like one."""
_MARKED = re.compile("\x02([A-Za-z_]\\w*+)\x03")


class MissingFieldError(Exception):
    """A person has no value for a field that the text needs. `args[0]` is its name."""


class TextError(Exception):
    """A text cannot be rendered, or not be sent. `args[0]` says why."""


@dataclass(frozen=True)
class Rendered:
    """What one person reads, and the template that Stream gets; equal templates are one campaign."""

    template: str
    text: str


@dataclass
class CampaignText:
    """One wording. `source` is Jinja. Raises jinja2.TemplateSyntaxError for what is not."""

    source: str
    variables: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Parse the source, and see what it needs."""
        self._environment = BoundedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True)
        tree = self._environment.parse(self.source)
        self.unknown = sorted(meta.find_undeclared_variables(tree) - GIVEN - set(self.variables))
        marked = _PLACE.sub(lambda match: _MARK.format(match[1]), self.source)
        self.places = tuple(dict.fromkeys(_PLACE.findall(self.source)))
        self.fields = _fields_of(tree)
        """The fields of receivers that it names, whoever fills them in."""
        self._computed = _fields_of(self._environment.parse(marked))
        self._whole = _uses_whole(self._environment.parse(marked))
        self._template = self._environment.from_string(marked)
        self._known: dict[tuple[object, ...], str] = {}

    def for_person(self, person: Addressee, sender: Mapping[str, Any]) -> Rendered:
        """Render it. Raises MissingFieldError if the person lacks a field, TextError if it fails or is too long."""
        for name in self.places:
            if person.fields.get(name) in (None, ""):
                raise MissingFieldError(name)
        marked = self._marked(person, sender)
        text = _MARKED.sub(lambda match: str(person.fields[match[1]]), marked).strip()
        if not text:
            raise TextError("the text is empty for them")
        if len(text) > LONGEST:
            raise TextError(f"the text has more than {LONGEST:,} characters for them")
        return Rendered(_MARKED.sub(lambda match: f"{{{{ receiver.{match[1]} }}}}", _defused(marked)).strip(), text)

    def wrong_for_all(self) -> str:
        """Return why nobody can get it, whatever is known of them: "" if that cannot be told before."""
        known = dict.fromkeys((*self.fields, "id", "name"), "0")
        self._environment.renew()
        try:
            made = self._template.render({**self.variables, RECEIVER: known, SENDER: known})
        except jinja2.UndefinedError:
            return ""
        except (jinja2.TemplateRuntimeError, OverflowError) as error:  # what a template may not do, or too much of it
            return f"the text cannot be filled in: {error}"
        except Exception:  # noqa: BLE001 - the made-up person may lack what it computes with; each real one is told
            return ""
        return f"the text has more than {LONGEST:,} characters" if len(made) > LONGEST else ""

    def _marked(self, person: Addressee, sender: Mapping[str, Any]) -> str:
        names = sorted(person.fields) if self._whole else self._computed
        key = tuple(repr(person.fields.get(name, jinja2.Undefined)) for name in names)
        if self._whole:
            key = (*names, *key)
        if key not in self._known:
            self._known[key] = self._render(person, sender)
        return self._known[key]

    def _render(self, person: Addressee, sender: Mapping[str, Any]) -> str:
        self._environment.renew()
        receiver = {name: _plain(value) for name, value in person.fields.items()}
        try:
            return self._template.render({**self.variables, RECEIVER: receiver, SENDER: dict(sender)})
        except jinja2.UndefinedError as error:
            match = re.search(r"has no attribute '(\w+)'", error.message or "")
            if match:
                raise MissingFieldError(match[1]) from None
            raise TextError(f"the text cannot be filled in: {error.message}") from None
        except Exception as error:  # noqa: BLE001 - what a template computes may fail in any way; its author is told
            raise TextError(f"the text cannot be filled in: {error}") from None


def _defused(text: str) -> str:
    """Return a text in which Stream fills in nothing: a person's own braces are kept apart."""
    return re.sub(r"\{(?=[{%#])", "{ ", text)


def _plain(value: object) -> object:
    """Return a person's value without the signs that stand for places."""
    return value.replace("\x02", "").replace("\x03", "") if isinstance(value, str) else value


def _fields_of(tree: nodes.Template) -> tuple[str, ...]:
    """Return the fields of receivers that a template names, in order."""
    named = [node.attr for node in tree.find_all(nodes.Getattr) if _is_receiver(node.node)]
    items = [node.arg for node in tree.find_all(nodes.Getitem) if _is_receiver(node.node)]
    named += [str(arg.value) for arg in items if isinstance(arg, nodes.Const)]
    return tuple(dict.fromkeys(named))


def _uses_whole(tree: nodes.Template) -> bool:
    """Return whether a template does more with receivers than to name their fields."""
    named = sum(1 for node in tree.find_all(nodes.Name) if _is_receiver(node))
    fields = sum(1 for node in tree.find_all(nodes.Getattr) if _is_receiver(node.node))
    items = [node for node in tree.find_all(nodes.Getitem) if _is_receiver(node.node)]
    return named > fields + sum(1 for node in items if isinstance(node.arg, nodes.Const))


def _is_receiver(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == RECEIVER
