"""Accordions, tabs and callouts of any make as one kind of element: `<details>` with its `<summary>`."""

from __future__ import annotations

import re

from lxml import etree

from framework.agent.knowledge.articles.tree.inline import Node, remove, tag, text_of, unwrap

_LONGEST = 200
_OPENED = ("accordion", "faq", "collaps", "toggle", "expand", "tab")
_OPENING = (
    *("title", "button", "header", "heading", "head", "trigger", "question", "label", "toggle", "link", "summary"),
    "control-text",
)
_LABELS = frozenset(
    {"accordion", "collapsible", "accordion__q", "toggle", "collapse", "collapsed", "panel-title", "paneltitle"}
    | {"spoiler-title", "spoiler-head", "spoilertitle", "spoilerhead"}
)
_QUESTIONS = ("question", "question-title", "question_title", "question-text", "question_text")
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_ATTRIBUTES = ("label", "title", "heading", "header", "summary", "question", "name", "tab")
_KNOWN = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "address",
        "article",
        "aside",
        "b",
        "big",
        "blockquote",
        "body",
        "br",
        "button",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "dfn",
        "dir",
        "div",
        "dl",
        "dt",
        "em",
        "fieldset",
        "figcaption",
        "figure",
        "font",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "html",
        "i",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "legend",
        "li",
        "main",
        "mark",
        "menu",
        "nav",
        "ol",
        "p",
        "picture",
        "pre",
        "q",
        "s",
        "samp",
        "section",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "time",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "wbr",
        "output",
        "search",
        "listing",
        "xmp",
        "bdi",
        "bdo",
        "data",
        "ruby",
        "rt",
        "rp",
        "math",
    ]
)


def unfold(root: Node) -> None:
    """Rewrite the tree in place."""
    _name_panels(root)
    _name_tabs_in_order(root)
    for node in list(root.iter()):
        name = tag(node)
        if name and name not in _KNOWN:
            _name_component(node)
        elif name == "blockquote":
            _name_alert(node)
    for node in list(root.iter()):
        if tag(node) and node is not root and node.getparent() is not None and _is_label(node):
            _wrap(node)
    for node in list(root.iter("button")):
        _finish_button(node)


def _name_panels(root: Node) -> None:
    """Give each panel the label of what opens it, if that is somewhere else: tabs above their panels."""
    ids = {value: node for node in root.iter() if tag(node) and (value := node.get("id"))}
    for opener in list(root.iter("a", "button", "li", "div", "label", "span")):
        is_tab = opener.get("role") == "tab" or opener.get("data-toggle") in {"tab", "pill"}
        is_tab = is_tab or opener.get("data-bs-toggle") in {"tab", "pill"}
        if not is_tab:
            continue
        keys = ("aria-controls", "data-bs-target", "data-target", "href")
        named = next((ids[key] for name in keys if (key := (opener.get(name) or "").lstrip("#")) in ids), None)
        if named is not None and named is not opener:
            _put_label(named, text_of(opener))
            _drop(opener)
    for panel in list(root.iter()):
        if tag(panel) and panel.get("role") == "tabpanel" and tag(panel) != "details":
            label = ids.get((panel.get("aria-labelledby") or "").split(" ")[0])
            if label is not None and label is not panel and text_of(label):
                _put_label(panel, text_of(label))
                _drop(label)


def _name_tabs_in_order(root: Node) -> None:
    """Tabs that name no panel belong to the panels after them, in order."""
    for row in list(root.iter("ul", "div", "ol")):
        is_row = row.get("role") == "tablist" or "tabbed-labels" in (row.get("class") or "").split()
        parent = row.getparent()
        if not is_row or parent is None:
            continue
        tabs = [node for node in row.iter() if node.get("role") == "tab"] or list(row.iter("label"))
        panels = [node for node in parent.iter() if tag(node) == "div" and _is_panel(node)]
        if tabs and len(tabs) == len(panels):
            for tab, panel in zip(tabs, panels, strict=True):
                _put_label(panel, text_of(tab))
            _drop(row)


def _is_panel(node: Node) -> bool:
    return node.get("role") == "tabpanel" or "tabbed-block" in (node.get("class") or "").split()


def _name_component(node: Node) -> None:
    """A component that is no HTML: its title is the label of what it holds."""
    label = next((value for key in _ATTRIBUTES if (value := node.get(key)) and "{" not in value), "")
    if label and (text_of(node) or len(node)):
        _put_label(node, label)
    elif label and " " in label:
        node.tag, node.text = "p", label
    else:
        node.tag = "div" if any(tag(child) in {"p", "ul", "ol", "table", "div", "pre"} for child in node) else "span"


def _name_alert(node: Node) -> None:
    """`> [!NOTE] Title`, as GitHub and Obsidian write callouts."""
    first = node[0] if len(node) and tag(node[0]) == "p" else None
    match = re.match(r"\s*+\[!([\w-]++)\]([-+]?)[ \t]*+([^\n]*+)\n?", first.text or "") if first is not None else None
    if first is None or match is None:
        return
    rest = (first.text or "")[match.end() :]
    title = match[3].strip()
    first.text = rest
    if not rest.strip() and not len(first):
        node.remove(first)
    if title and (text_of(node) or len(node)):
        _put_label(node, title)
    elif title:
        node.text = title


def _put_label(node: Node, label: str) -> None:
    """Make the node a `<details>` under a label."""
    if tag(node) == "details" or not label:
        return
    summary = etree.Element("summary")
    summary.text = label
    summary.tail, node.text = node.text, None
    node.insert(0, summary)
    node.tag = "details"


def _drop(node: Node) -> None:
    """Remove a label; the list item or line that held nothing else goes with it."""
    parent = node.getparent()
    if parent is None:
        return
    remove(node)
    if tag(parent) in {"li", "ul", "ol", "p", "div"} and not text_of(parent) and parent.getparent() is not None:
        _drop(parent)


def _is_label(node: Node) -> bool:
    """Whether this opens what comes after it."""
    name = tag(node)
    if name in _HEADINGS or name in {"details", "summary", "table", "body", "main"} or _in_label(node):
        return False
    opens = node.get("aria-expanded") is not None or node.get("aria-controls") is not None
    opens = opens or node.get("data-toggle") == "collapse" or node.get("data-bs-toggle") == "collapse"
    if name != "button" and not opens and not _is_named(node):
        return False
    if any(tag(below) in {"p", "ul", "ol", "table", "details"} | _HEADINGS for below in node.iterdescendants()):
        return False
    text = text_of(node)
    if not text or len(text) > _LONGEST:
        return False
    if name == "button" and not opens and not _is_named(node) and not text.endswith("?"):
        return False
    return _next_to(node) is not None


def _is_named(node: Node) -> bool:
    """Whether a class says that this opens something: `accordion-title`, `faq__question`, `collapsible`."""
    for name in (node.get("class") or "").lower().split()[:30]:
        if name in _LABELS or name.endswith(_QUESTIONS):
            return True
        if any(part in name for part in _OPENED) and name.endswith(_OPENING) and name not in _OPENING:
            return True
    return False


def _in_label(node: Node) -> bool:
    return any(tag(up) in _HEADINGS or tag(up) in {"summary", "p"} for up in node.iterancestors())


def _next_to(node: Node) -> Node | None:
    """The element, this one or one around it, after which there is something that it may open."""
    current: Node | None = node
    label = text_of(node)
    while current is not None and tag(current) not in {"body", "main", "li"}:
        if current.getnext() is not None or (current.tail or "").strip():
            return current
        parent = current.getparent()
        if parent is None or text_of(parent) != label:
            return None
        current = parent
    return None


def _wrap(label: Node) -> None:
    """Put what follows a label, up to the next one, under it."""
    start = _next_to(label)
    if start is None or (parent := start.getparent()) is None:
        return
    details, summary = etree.Element("details"), etree.SubElement(etree.Element("x"), "summary")
    summary.text = text_of(label)
    details.append(summary)
    summary.tail, start.tail = start.tail, None
    follower = start.getnext()
    while follower is not None and not _begins(follower):
        after = follower.getnext()
        details.append(follower)
        follower = after
    parent.replace(start, details)


def _begins(node: Node) -> bool:
    """Whether the next label or heading begins in this element."""
    first: Node | None = node
    while first is not None:
        if tag(first) in _HEADINGS or tag(first) == "details" or (_is_label(first) and tag(first)):
            return True
        first = first[0] if len(first) and not (first.text or "").strip() else None
    return False


def _finish_button(node: Node) -> None:
    """The text of a button counts in a heading, a label and a sentence; other buttons are controls."""
    parent = node.getparent()
    if parent is None:
        return
    around = " ".join(filter(None, (parent.text or "", node.tail or ""))).strip()
    if tag(parent) in _HEADINGS | {"summary", "p", "li", "td", "dt", "span"} and (around or tag(parent) != "p"):
        unwrap(node)
    elif text_of(node).endswith("?"):
        node.tag = "p"
    else:
        remove(node)
