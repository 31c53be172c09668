"""What the styles and numberings of a DOCX say of a paragraph: heading, list item, code or running text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from framework.agent.knowledge.articles.tree.inline import Node

NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_W = f"{{{NAMESPACE}}}"
_HEADING = re.compile(r"^heading ?(\d)$", re.IGNORECASE)
_LIST = re.compile(r"^list (bullet|number|continue)?.*?(\d?)$", re.IGNORECASE)
_CODE = re.compile(r"code|source|preformatted|html[ -]?pre|listing|macro", re.IGNORECASE)
_NUMBER_FORMATS = frozenset({"bullet", "none"})


@dataclass(frozen=True, slots=True)
class Look:
    """What a paragraph is: `level` of a heading (0 if none), `depth` of a list's item (None if none)."""

    level: int = 0
    depth: int | None = None
    numbered: bool = False
    is_code: bool = False


def local(node: Node) -> str:
    """The element's name without its namespace; "" for comments."""
    name: object = node.tag
    return name.rpartition("}")[2] if isinstance(name, str) else ""


def value(properties: Node, name: str) -> str | None:
    """The value of a property; "true" if it is there without one, None if it is not there."""
    found = properties.find(f"{_W}{name}")
    return None if found is None else found.get(f"{_W}val") or "true"


class Styles:
    """Looks paragraphs up in the document's styles and numberings."""

    def __init__(self, styles: Node | None, numbering: Node | None) -> None:
        self._styles: dict[str, Node] = {}
        for style in styles.iter(f"{_W}style") if styles is not None else ():
            self._styles[style.get(f"{_W}styleId") or ""] = style
        self._formats = _formats(numbering)
        self._named = lru_cache(maxsize=1024)(self._look_of_style)

    def of(self, paragraph: Node) -> Look:
        """What the paragraph is."""
        properties = paragraph.find(f"{_W}pPr")
        if properties is None:
            return Look()
        look = self._named(value(properties, "pStyle") or "")
        outline = value(properties, "outlineLvl")
        if outline is not None and outline.isdecimal() and int(outline) < 9:
            return Look(int(outline) + 1)
        numbering = properties.find(f"{_W}numPr")
        if numbering is None or look.level:
            return look
        return self._item(numbering) or Look()

    def is_bold(self, run: Node) -> bool:
        """Whether a run is bold by itself or by its style."""
        properties = run.find(f"{_W}rPr")
        if properties is None:
            return False
        bold = value(properties, "b")
        if bold is None and (name := value(properties, "rStyle")):
            return name.casefold() in {"strong", "fett"}
        return bold not in {None, "0", "false"}

    def _item(self, numbering: Node) -> Look | None:
        number, depth = value(numbering, "numId") or "0", value(numbering, "ilvl") or "0"
        if number == "0":
            return None
        level = int(depth) if depth.isdecimal() else 0
        return Look(
            depth=min(level, 8), numbered=self._formats.get((number, str(level)), "decimal") not in _NUMBER_FORMATS
        )

    def _look_of_style(self, name: str) -> Look:
        seen: set[str] = set()
        while name and name not in seen:
            seen.add(name)
            style = self._styles.get(name)
            if style is None:
                return _by_name(name)
            look = _by_name(value(style, "name") or name)
            properties = style.find(f"{_W}pPr")
            if look == Look() and properties is not None:
                outline = value(properties, "outlineLvl")
                if outline is not None and outline.isdecimal() and int(outline) < 9:
                    return Look(int(outline) + 1)
                numbering = properties.find(f"{_W}numPr")
                look = (self._item(numbering) if numbering is not None else None) or look
            if look != Look():
                return look
            name = value(style, "basedOn") or ""
        return Look()


def _by_name(name: str) -> Look:
    if match := _HEADING.match(name):
        return Look(int(match[1]))
    if name.casefold() in {"title", "titel", "titre", "título"}:
        return Look(1)
    if name.casefold() == "list paragraph":
        return Look()
    if match := _LIST.match(name):
        depth = int(match[2]) - 1 if match[2] else 0
        return Look(depth=max(depth, 0), numbered=(match[1] or "").casefold() == "number")
    return Look(is_code=bool(_CODE.search(name)))


def _formats(numbering: Node | None) -> dict[tuple[str, str], str]:
    """The format of each level of each numbering."""
    if numbering is None:
        return {}
    abstract: dict[str, dict[str, str]] = {}
    for node in numbering.iter(f"{_W}abstractNum"):
        levels = {level.get(f"{_W}ilvl") or "0": value(level, "numFmt") or "decimal" for level in node.iter(f"{_W}lvl")}
        abstract[node.get(f"{_W}abstractNumId") or ""] = levels
    found: dict[tuple[str, str], str] = {}
    for node in numbering.iter(f"{_W}num"):
        for level, form in abstract.get(value(node, "abstractNumId") or "", {}).items():
            found[node.get(f"{_W}numId") or "", level] = form
    return found
