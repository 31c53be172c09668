"""How moderators work: the actions they are offered, saved queues, the set-up, templates of feeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.users import people
from framework.sandbox.features.review.operations import item_value
from framework.sandbox.features.review.record import REVIEW_ITEMS
from framework.sandbox.features.review.setup import (
    ACTION_CONFIGS,
    FEED_TEMPLATES,
    QUEUES,
    SETUP_SESSIONS,
    ActionConfig,
    FeedTemplate,
    ModerationQueue,
    SetupSession,
)
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.filters import select

DOMAIN = Domain("moderation_queues")
_ROOT = "/api/v2/moderation"
_ACTIONS, _QUEUES, _TEMPLATES = f"{_ROOT}/action_config", f"{_ROOT}/queues", f"{_ROOT}/feeds_moderation_template"
MAX_AT_ONCE = 100


@DOMAIN.operation("GetActionConfig", "GET", None, v2=_ACTIONS, access=Access.SERVER)
def get_action_config(call: Call) -> Result:
    """Return the actions by kind of entity."""
    queue, entity = call.text("queue_type", call.query), call.text("entity_type", call.query)
    shown: dict[str, list[dict[str, Any]]] = {}
    for one in sorted(call.store[ACTION_CONFIGS], key=lambda config: config.order):
        if queue in (None, one.queue_type) and entity in (None, one.entity_type):
            shown.setdefault(one.entity_type, []).append(_action_view(one))
    return {"action_config": {} if call.flag("only_defaults", call.query) else shown}


@DOMAIN.operation("UpsertActionConfig", "POST", None, v2=_ACTIONS, access=Access.SERVER)
def upsert_action_config(call: Call) -> Result:
    """Set one action."""
    return {"action_config": _action_view(call.store[ACTION_CONFIGS].put(_taken(call, call.body)))}


@DOMAIN.operation("BulkUpsertActionConfig", "POST", None, v2=f"{_ACTIONS}/bulk", access=Access.SERVER)
def bulk_upsert_action_config(call: Call) -> Result:
    """Set several actions."""
    given = call.objects("action_configs", call.body)
    if not 0 < len(given) <= MAX_AT_ONCE:
        raise invalid(f"action_configs must hold 1 to {MAX_AT_ONCE} items")
    made = [_taken(call, raw) for raw in given]
    return {"action_configs": [_action_view(call.store[ACTION_CONFIGS].put(one)) for one in made]}


@DOMAIN.operation(
    "BulkDeleteActionConfig", "POST", None, v2=f"{_ACTIONS}/bulk_delete", access=Access.SERVER, status=200
)
def bulk_delete_action_config(call: Call) -> Result:
    """Forget several actions; those that do not exist are passed over."""
    ids = dict.fromkeys(call.texts("ids", call.body))
    if not ids:
        raise invalid("ids is a required field")
    return {"deleted": sum(call.store[ACTION_CONFIGS].remove(one) is not None for one in ids)}


@DOMAIN.operation("DeleteActionConfig", "DELETE", None, v2=f"{_ACTIONS}/{{id}}", access=Access.SERVER)
def delete_action_config(call: Call) -> Result:
    """Forget an action."""
    if call.store[ACTION_CONFIGS].remove(call.path["id"]) is None:
        raise not_found(f"action config with id {call.path['id']} not found")
    return {"deleted": 1}


def _taken(call: Call, raw: Mapping[str, Any]) -> ActionConfig:
    action, entity = call.required_text("action", raw), call.required_text("entity_type", raw)
    config = ActionConfig(
        call.text("id", raw) or call.sandbox.ids.new(), action, entity, call.number("order", 0, source=raw)
    )
    config.description, config.icon = call.text("description", raw) or "", call.text("icon", raw) or ""
    config.queue_type, config.custom_data = call.text("queue_type", raw), call.mapping("custom", raw)
    return config


def _action_view(config: ActionConfig) -> dict[str, Any]:
    view = config.view().fields
    view["custom"] = view.pop("custom_data")
    return view


@DOMAIN.operation("ListQueues", "GET", None, v2=_QUEUES, access=Access.SERVER)
def list_queues(call: Call) -> Result:
    """Return the saved queues."""
    return {"queues": [_queue_view(call, queue) for queue in call.store[QUEUES]]}


@DOMAIN.operation("CreateQueue", "POST", None, v2=_QUEUES, access=Access.SERVER)
def create_queue(call: Call) -> Result:
    """Save a queue."""
    name, kind = call.required_text("name", call.body), call.required_text("type", call.body)
    user = people.acting_user_or_none(call)
    queue = ModerationQueue(call.sandbox.ids.new(), name, kind, user.id if user is not None else "", call.now, call.now)
    _change(call, queue)
    return {"queue": _queue_view(call, call.store[QUEUES].put(queue))}


@DOMAIN.operation("GetQueue", "GET", None, v2=f"{_QUEUES}/{{id}}", access=Access.SERVER)
def get_queue(call: Call) -> Result:
    """One saved queue."""
    return {"queue": _queue_view(call, _queue(call))}


@DOMAIN.operation("UpdateQueue", "PATCH", None, v2=f"{_QUEUES}/{{id}}", access=Access.SERVER, status=200)
def update_queue(call: Call) -> Result:
    """Change a saved queue."""
    queue = _queue(call)
    changed = queue.copy()
    changed.name, changed.updated_at = call.text("name", call.body) or queue.name, call.now
    _change(call, changed)
    queue.become(changed)
    return {"queue": _queue_view(call, call.store[QUEUES].put(queue))}


@DOMAIN.operation("DeleteQueue", "POST", None, v2=f"{_QUEUES}/{{id}}/delete", access=Access.SERVER, status=200)
def delete_queue(call: Call) -> Result:
    """Forget a saved queue; what it showed stays."""
    queue = _queue(call)
    view = _queue_view(call, queue)
    call.store[QUEUES].remove(queue.id)
    return {"queue": view}


def _queue(call: Call) -> ModerationQueue:
    queue = call.store[QUEUES].get(call.path["id"])
    if queue is None:
        raise not_found(f"moderation queue with id {call.path['id']} not found")
    return queue


def _change(call: Call, queue: ModerationQueue) -> None:
    if "description" in call.body:
        queue.description = call.text("description", call.body) or ""
    if "filters" in call.body:
        queue.filters = call.mapping("filters", call.body)
        select([], queue.filters, lambda _item, _name: None)
    if "sort" in call.body:
        queue.sort = call.objects("sort", call.body)


def _queue_view(call: Call, queue: ModerationQueue) -> dict[str, Any]:
    count = len(select(call.store[REVIEW_ITEMS], queue.filters, item_value))
    return {**queue.view().fields, "item_count": count}


@DOMAIN.operation("GetSetupSession", "GET", None, v2=f"{_ROOT}/setup", access=Access.SERVER)
def get_setup_session(call: Call) -> Result:
    """Return the state of the set-up; nothing if it was not begun."""
    session = call.store[SETUP_SESSIONS].get("setup")
    return {"setup_session": session.view().fields} if session is not None else {}


@DOMAIN.operation("UpsertSetupSession", "POST", None, v2=f"{_ROOT}/setup", access=Access.SERVER)
def upsert_setup_session(call: Call) -> Result:
    """Say how far the set-up is."""
    step, status = call.required_text("current_step", call.body), call.required_text("status", call.body)
    known = call.store[SETUP_SESSIONS].get("setup")
    session = known or SetupSession(step, status, call.now, call.now)
    session.current_step, session.status, session.updated_at = step, status, call.now
    session.setup_data = {**session.setup_data, **call.mapping("setup_data", call.body)}
    session.completed_at = call.now if status == "completed" else None
    return {"setup_session": call.store[SETUP_SESSIONS].put(session).view().fields}


@DOMAIN.operation("V2QueryTemplates", "GET", None, v2=_TEMPLATES, access=Access.SERVER)
def query_templates(call: Call) -> Result:
    """Return the templates of feeds."""
    return {"templates": [one.view().fields for one in call.store[FEED_TEMPLATES]]}


@DOMAIN.operation("V2UpsertTemplate", "POST", None, v2=_TEMPLATES, access=Access.SERVER)
def upsert_template(call: Call) -> Result:
    """Set a template of feeds."""
    name, config = call.required_text("name", call.body), call.mapping("config", call.body)
    known = call.store[FEED_TEMPLATES].get(name)
    template = known or FeedTemplate(name, call.now, call.now)
    template.config, template.updated_at = {**config, "data_types": call.mapping("data_types", config)}, call.now
    return call.store[FEED_TEMPLATES].put(template).view().fields


@DOMAIN.operation("V2DeleteTemplate", "DELETE", None, v2=_TEMPLATES, access=Access.SERVER)
def delete_template(call: Call) -> Result:
    """Forget a template: the one that `name` names, or all."""
    name = call.text("name")
    for template in call.store[FEED_TEMPLATES]:
        if name in (None, template.name):
            call.store[FEED_TEMPLATES].remove(template.name)
    return {}


FEATURE = Feature(operations=(DOMAIN,))
