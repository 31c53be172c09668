"""What a page holds but shows to nobody: scripts, forms' controls, hidden text. It is not knowledge."""

from __future__ import annotations

import re

from framework.agent.knowledge.articles.tree.inline import Node, remove, tag, text_of

_NEVER = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "iframe",
        "svg",
        "canvas",
        "object",
        "embed",
        "audio",
        "video",
        "select",
        "textarea",
        "option",
        "datalist",
        "link",
        "meta",
        "head",
        "title",
        "base",
        "math-field",
        "dialog",
        "progress",
        "meter",
        "map",
        "area",
        "param",
        "source",
        "track",
    ]
)
_PANEL_ROLES = frozenset({"tabpanel", "region"})
_PANEL = re.compile(
    r"\b(panel|pane|collapse|accordion|expand|tab|toggle|details|answer|content|body|drawer)", re.IGNORECASE
)
_INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_FOR_SCREEN_READERS = re.compile(
    r"(^|\s)(sr-only|visually-?hidden|screen-reader-text|d-none|hidden)(\s|$)", re.IGNORECASE
)


def remove_hidden(root: Node) -> None:
    """Remove it, but keep what a reader can open: the panels of tabs and accordions."""
    opened = _opened(root)
    for node in list(root.iter()):
        name = tag(node)
        if node is root or not name:
            continue
        if (
            name in _NEVER
            or (_is_hidden(node, name) and not _can_be_opened(node, opened))
            or (name == "a" and _is_anchor(node))
        ):
            remove(node)
        elif name == "input":
            _replace_box(node)


def _is_hidden(node: Node, name: str) -> bool:
    if node.get("hidden") is not None and node.get("hidden") != "until-found":
        return True
    if node.get("aria-hidden") == "true" or _INVISIBLE.search(node.get("style") or ""):
        return True
    return bool(_FOR_SCREEN_READERS.search(node.get("class") or ""))


def _can_be_opened(node: Node, opened: set[str]) -> bool:
    if node.get("role") in _PANEL_ROLES or (node.get("id") or "") in opened or node.get("aria-labelledby"):
        return True
    named = f"{node.get('class') or ''} {node.get('id') or ''}"
    return bool(_PANEL.search(named)) and not node.get("data-nosnippet")


def _opened(root: Node) -> set[str]:
    """The ids of what something on the page opens."""
    found: set[str] = set()
    for node in root.iter("a", "button", "div", "li", "span", "h2", "h3", "h4", "label"):
        for key in ("aria-controls", "data-target", "data-bs-target", "data-controls", "href"):
            value = node.get(key) or ""
            if key != "href" or (value.startswith("#") and (node.get("role") == "tab" or node.get("data-toggle"))):
                found.update(value.replace("#", " ").split())
    return found


def _is_anchor(node: Node) -> bool:
    """A link to its own heading, such as `¶`."""
    href = node.get("href") or ""
    return href.startswith("#") and not any(char.isalnum() for char in text_of(node)) and not len(node)


def _replace_box(node: Node) -> None:
    """A checked box in a table says yes; other controls say nothing."""
    if (node.get("type") or "").lower() == "checkbox" and any(tag(up) == "table" for up in node.iterancestors()):
        return
    remove(node)
