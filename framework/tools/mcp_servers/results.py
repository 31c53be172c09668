"""Turn the result of an MCP tool into text for a model, whatever kinds of blocks it has."""

from __future__ import annotations

import json
from collections.abc import Mapping

from framework.values import Untyped, well_formed

LONGEST = 20_000
"""Characters of one result."""


def result_text(result: Untyped) -> str:
    """Return the blocks of a result, one below the other, and its structured content unless the text repeats it."""
    parts = [_block(block) for block in getattr(result, "content", None) or ()]
    whole = "\n".join(filter(None, parts))
    structured = getattr(result, "structured_content", None)
    if structured is not None and not _says(whole, structured):
        whole = "\n".join(filter(None, [whole, json.dumps(structured, ensure_ascii=False, default=str)]))
    whole = well_formed(whole)
    return whole if len(whole) <= LONGEST else f"{whole[:LONGEST]}\n[cut: {len(whole) - LONGEST} more characters]"


def _says(text: str, structured: object) -> bool:
    """Return whether a text repeats the structured content, or its only value: servers send both for older clients."""
    try:
        said = json.loads(text)
    except ValueError:
        said = text
    only = next(iter(structured.values())) if isinstance(structured, Mapping) and len(structured) == 1 else structured
    return said in (structured, only) or (only is None and not text)


def _block(block: Untyped) -> str:
    kind = str(getattr(block, "type", ""))
    resource = getattr(block, "resource", None)
    if kind == "resource_link":
        return _link(block)
    if isinstance(text := getattr(block, "text", None), str):
        return text
    if isinstance(text := getattr(resource, "text", None), str):
        return text
    size = len(getattr(block, "data", "") or getattr(resource, "blob", "") or "") * 3 // 4
    about = getattr(block, "mime_type", None) or getattr(resource, "mime_type", None) or "of an unknown type"
    named = {"image": "picture", "audio": "recording"}.get(kind, "file")
    uri = getattr(resource, "uri", None)
    address = f" {uri}" if uri else ""
    return f"[{named}: {about}, {size} bytes, which cannot be shown as text{address}]"


def _link(block: Untyped) -> str:
    name = getattr(block, "title", None) or getattr(block, "name", None) or "resource"
    about = getattr(block, "description", None)
    return f"{name}: {block.uri}" + (f" ({about})" if about else "")
