"""Blocklists: create, import, list, update, delete. `features/moderation/content_check.py` uses them."""

from __future__ import annotations

from framework.sandbox.chat.feature import Feature
from framework.sandbox.features.blocklists import rules as blocklists
from framework.sandbox.features.blocklists.record import (
    BLOCKLISTS,
    PROFANITY,
    SWITCHES,
    TYPES,
    Blocklist,
    blocklist_key,
)
from framework.sandbox.kernel import tasks
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.paging import page
from framework.sandbox.kernel.wire import Json

DOMAIN = Domain("blocklists")
MAX_WORDS = 10_000
MAX_WORD = 255
MAX_LISTS = 1000


@DOMAIN.operation("ListBlockLists", "GET", "/blocklists", family="common", access=Access.SERVER)
def list_block_lists(call: Call) -> Result:
    """Return the lists of the app, or of one team; the built-in one among them."""
    team = call.text("team", call.query)
    found = [PROFANITY, *(one for one in call.store[BLOCKLISTS] if team is None or one.team == team)]
    call.payload.setdefault("next", call.query.get("cursor"))
    shown = page(call, found, default=MAX_LISTS, high=MAX_LISTS)
    more = {"next_cursor": shown.next} if shown.next is not None else {}
    return {"blocklists": [one.view().fields for one in shown.items], **more}


@DOMAIN.operation("CreateBlockList", "POST", "/blocklists", family="common", access=Access.SERVER)
def create_block_list(call: Call) -> Result:
    """Make a list."""
    name, team = call.required_text("name", call.body), call.text("team", call.body)
    kind = call.text("type", call.body) or "word"
    if kind not in TYPES:
        raise invalid(f"type must be one of [{', '.join(TYPES)}]")
    words = _words(call, call.body.get("words"), kind)
    if blocklist_key(name, team) in call.store[BLOCKLISTS] or name == PROFANITY.name:
        raise invalid(f"block list with name {name} already exists")
    made = Blocklist(name, call.sandbox.ids.new(), call.now, call.now, kind, words, team)
    _switch(call, made)
    return {"blocklist": call.store[BLOCKLISTS].put(made).view().fields}


@DOMAIN.operation("GetBlockList", "GET", "/blocklists/{name}", family="common", access=Access.SERVER)
def get_block_list(call: Call) -> Result:
    """One list."""
    team = call.text("team", call.query)
    found = blocklists.find(call.sandbox, call.path["name"], team)
    return {"blocklist": (found or _find(call, team)).view().fields}


@DOMAIN.operation("UpdateBlockList", "PUT", "/blocklists/{name}", family="common", access=Access.SERVER, status=200)
def update_block_list(call: Call) -> Result:
    """Replace the words of a list, or set its switches."""
    found = _find(call, call.text("team", call.body))
    if "words" in call.body:
        found.words = _words(call, call.body["words"], found.type)
    _switch(call, found)
    found.updated_at = call.now
    return {"blocklist": call.store[BLOCKLISTS].put(found).view().fields}


@DOMAIN.operation("DeleteBlockList", "DELETE", "/blocklists/{name}", family="common", access=Access.SERVER)
def delete_block_list(call: Call) -> Result:
    """Delete a list; where channel types name it, nothing is looked for any more."""
    call.store[BLOCKLISTS].remove(_find(call, call.text("team", call.query)).key)
    return {}


@DOMAIN.operation("ImportBlockList", "POST", "/blocklists/{id}/import", family="common", access=Access.SERVER)
def import_block_list(call: Call) -> Result:
    """Add many words to a list, as a task."""
    named = call.path["id"]
    found = next((one for one in call.store[BLOCKLISTS] if named in (one.id, one.name)), None)
    if found is None:
        raise not_found(f"block list {named} not found")
    items = _words(call, call.body.get("items"), found.type)
    call.number("chunk_size", 1000, low=1, source=call.body)
    before = len(found.words)
    found.words = list(dict.fromkeys([*found.words, *items]))
    found.updated_at = call.now
    call.store[BLOCKLISTS].put(found)
    result = {"imported": len(found.words) - before, "total": len(found.words)}
    return {"task_id": tasks.completed(call, "import.blocklist", result)}


def _find(call: Call, team: str | None) -> Blocklist:
    name = call.path["name"]
    if name == PROFANITY.name:
        raise invalid(f"block list {name} cannot be changed")
    found = call.store[BLOCKLISTS].get(blocklist_key(name, team))
    if found is None:
        raise not_found(f"block list {name} not found")
    return found


def _words(call: Call, raw: Json, kind: str) -> list[str]:
    words = call.texts("words", {"words": raw})
    if raw is None:
        raise invalid("words is a required field")
    if len(words) > MAX_WORDS:
        raise invalid(f"words may hold at most {MAX_WORDS} items")
    for word in words:
        if not word or len(word) > MAX_WORD:
            raise invalid(f"each of words must have 1 to {MAX_WORD} characters")
        if kind == "regex" and not blocklists.checked_pattern(word):
            raise invalid(f"{word} is not a valid regular expression")
    return words


def _switch(call: Call, blocklist: Blocklist) -> None:
    for name in SWITCHES:
        setattr(blocklist, name, call.flag(name, call.body, default=getattr(blocklist, name)))


FEATURE = Feature(operations=(DOMAIN,))
