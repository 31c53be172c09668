"""Footnotes: each one after the paragraph that refers to it, so that it is found with what it is about."""

from __future__ import annotations

import re

from lxml import etree

from framework.agent.knowledge.articles.tree.inline import Node, remove, tag, text_of

_MARK = re.compile(r"^[\[(]?([\d*†‡]{1,4}|[a-z]|[ivx]{1,5})[\])]?$")
_BACK = "↩↑^⤴\ufe0e\ufe0f "
_LEADING = re.compile(r"^(\[\w{1,4}\]|\^)\s*+")
_HOLDERS = ("p", "li", "td", "th", "dd", "dt", "blockquote", "div", "section", "body")


def place_notes(root: Node) -> None:
    """Move notes, and take their marks out of the text."""
    ids = {value: node for node in root.iter() if tag(node) and (value := node.get("id"))}
    links = [link for link in root.iter("a") if (link.get("href") or "").startswith("#")]
    moved: set[Node] = set()
    for link in links:
        note = _note_of(ids.get((link.get("href") or "")[1:]))
        if note is None or not _MARK.match(text_of(link)) or note in link.iterancestors() or note in moved:
            if note is not None and _MARK.match(text_of(link)) and note in moved:
                _take_out(link)
            continue
        holder = next((up for up in link.iterancestors() if tag(up) in _HOLDERS), None)
        text = _LEADING.sub("", text_of(note).rstrip().rstrip(_BACK)).strip()
        if holder is None or not text:
            continue
        _take_out(link)
        moved.add(note)
        _put_after(holder, text)
    for note in moved:
        parent = note.getparent()
        remove(note)
        while parent is not None and parent is not root and not text_of(parent) and parent.getparent() is not None:
            empty = parent
            parent = empty.getparent()
            remove(empty)


def _note_of(target: Node | None) -> Node | None:
    """The whole note for what a mark points at: an item of a list, mostly."""
    if target is None or tag(target) in {"h1", "h2", "h3", "h4", "h5", "h6", "table", "section", "article"}:
        return None
    if text_of(target) and not _MARK.match(text_of(target)):
        return target
    return next((up for up in target.iterancestors("li", "p", "dd", "td")), None)


def _take_out(link: Node) -> None:
    parent = link.getparent()
    remove(link)
    if parent is not None and tag(parent) == "sup" and not text_of(parent) and parent.getparent() is not None:
        remove(parent)


def _put_after(holder: Node, text: str) -> None:
    parent = holder.getparent()
    if tag(holder) in {"p", "blockquote"} and parent is not None and tag(parent) not in {"li", "td", "th"}:
        note = etree.Element("p")
        note.text, note.tail, holder.tail = text, holder.tail, None
        parent.insert(parent.index(holder) + 1, note)
    else:
        note = etree.SubElement(holder, "span")
        note.text = f" ({text})"
