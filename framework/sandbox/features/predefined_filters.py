"""Predefined filters: create, list, change, delete."""

from __future__ import annotations

import re
from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.filters import compile_filter
from framework.sandbox.kernel.query.paging import field_value, listed
from framework.sandbox.kernel.query.predefined import PREDEFINED_FILTERS, PredefinedFilter
from framework.sandbox.kernel.query.sorting import parse_sort

DOMAIN = Domain("predefined_filters")
OPERATIONS = ("QueryChannels",)
_NAME = re.compile(r"[\w.\-]{1,255}", re.ASCII)


@DOMAIN.operation("GetPredefinedFilters", "GET", "/predefined_filters", access=Access.SERVER)
def get_predefined_filters(call: Call) -> Result:
    """Return all filters; `include_stats` adds how often each was used."""
    stats = call.flag("include_stats")
    if isinstance(call.payload.get("sort"), str):
        call.payload["sort"] = call.objects("sort")
    found = listed(call, call.store[PREDEFINED_FILTERS], field_value, default=100)
    return {"predefined_filters": [_view(one, stats=stats) for one in found.items], **found.cursors()}


@DOMAIN.operation("CreatePredefinedFilter", "POST", "/predefined_filters", access=Access.SERVER)
def create_predefined_filter(call: Call) -> Result:
    """Keep a filter."""
    name = call.required_text("name", call.body)
    if not _NAME.fullmatch(name):
        raise invalid("name may only contain letters, digits, _, . and -")
    if name in call.store[PREDEFINED_FILTERS]:
        raise invalid(f"predefined filter with name {name} already exists")
    made = PredefinedFilter(name, "", call.now, call.now)
    _apply(call, made)
    return {"predefined_filter": _view(call.store[PREDEFINED_FILTERS].put(made))}


@DOMAIN.operation("GetPredefinedFilter", "GET", "/predefined_filters/{name}", access=Access.SERVER)
def get_predefined_filter(call: Call) -> Result:
    """One filter."""
    return {"predefined_filter": _view(_find(call))}


@DOMAIN.operation("UpdatePredefinedFilter", "PUT", "/predefined_filters/{name}", access=Access.SERVER, status=200)
def update_predefined_filter(call: Call) -> Result:
    """Replace a filter."""
    found = _find(call)
    _apply(call, found)
    found.updated_at = call.now
    return {"predefined_filter": _view(call.store[PREDEFINED_FILTERS].put(found))}


@DOMAIN.operation("DeletePredefinedFilter", "DELETE", "/predefined_filters/{name}", access=Access.SERVER)
def delete_predefined_filter(call: Call) -> Result:
    """Forget a filter."""
    call.store[PREDEFINED_FILTERS].remove(_find(call).name)
    return {}


def _find(call: Call) -> PredefinedFilter:
    found = call.store[PREDEFINED_FILTERS].get(call.path["name"])
    if found is None:
        raise not_found(f"predefined filter {call.path['name']} not found")
    return found


def _apply(call: Call, target: PredefinedFilter) -> None:
    operation = call.required_text("operation", call.body)
    if operation not in OPERATIONS:
        raise invalid(f"operation must be one of [{', '.join(OPERATIONS)}]")
    conditions, order = call.mapping("filter", call.body), call.objects("sort", call.body)
    if "filter" not in call.body:
        raise invalid("filter is a required field")
    if "{{" not in str(conditions):
        compile_filter(conditions, lambda _item, _name: None)
    if "{{" not in str(order):
        parse_sort(order)
    target.operation, target.filter, target.sort = operation, conditions, order
    target.description = call.text("description", call.body) or ""


def _view(found: PredefinedFilter, *, stats: bool = False) -> dict[str, Any]:
    view = found.view().fields
    view["sort"] = [
        {"field": str(item.get("field", "")), "direction": item.get("direction", 1), "type": str(item.get("type", ""))}
        for item in found.sort
    ]
    if stats:
        view["stats"] = {"calls": found.calls, "max_latency_ms": 0}
        if found.last_seen is not None:
            view["stats"]["last_seen"] = found.last_seen
    return view


FEATURE = Feature(operations=(DOMAIN,))
