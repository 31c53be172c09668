"""Segments and their targets."""

from __future__ import annotations

from framework.sandbox.chat.channels.record import pair
from framework.sandbox.chat.feature import Feature
from framework.sandbox.features.campaigns import segments
from framework.sandbox.features.campaigns.segments import SEGMENT_TARGETS, SEGMENTS, TARGETS_OF, Segment, SegmentTarget
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.paging import field_value, listed

DOMAIN = Domain("segments")
TYPES = ("user", "channel")
MAX_TARGETS = 10_000


@DOMAIN.operation("CreateSegment", "POST", "/segments", access=Access.SERVER)
def create_segment(call: Call) -> Result:
    """Make a segment."""
    kind = call.required_text("type", call.body)
    if kind not in TYPES:
        raise invalid(f"type must be one of [{', '.join(TYPES)}]")
    segment_id = call.text("id", call.body) or call.sandbox.ids.new()
    if segment_id in call.store[SEGMENTS]:
        raise invalid(f"segment with id {segment_id} already exists")
    made = Segment(
        segment_id,
        kind,
        call.now,
        call.now,
        name=call.text("name", call.body) or "",
        description=call.text("description", call.body) or "",
        filter=call.mapping("filter", call.body),
        all_users=call.flag("all_users", call.body),
        all_sender_channels=call.flag("all_sender_channels", call.body),
    )
    if made.all_users and kind != "user":
        raise invalid("all_users is only for segments of type user")
    if made.all_sender_channels and kind != "channel":
        raise invalid("all_sender_channels is only for segments of type channel")
    view = segments.view(call, made)  # tries the filter: a broken one is not stored
    call.store[SEGMENTS].put(made)
    return {"segment": view}


@DOMAIN.operation("QuerySegments", "POST", "/segments/query", access=Access.SERVER)
def query_segments(call: Call) -> Result:
    """Find segments."""
    found = listed(call, call.store[SEGMENTS], field_value)
    return {"segments": [segments.view(call, one) for one in found.items], **found.cursors()}


@DOMAIN.operation("GetSegment", "GET", "/segments/{id}", access=Access.SERVER)
def get_segment(call: Call) -> Result:
    """One segment."""
    return {"segment": segments.view(call, _find(call))}


@DOMAIN.operation("UpdateSegment", "PUT", "/segments/{id}", access=Access.SERVER, status=200)
def update_segment(call: Call) -> Result:
    """Change name, description or filter."""
    segment = _find(call)
    changed = segment.copy()
    for name in ("name", "description"):
        if name in call.body:
            setattr(changed, name, call.text(name, call.body) or "")
    if "filter" in call.body:
        changed.filter = call.mapping("filter", call.body)
    changed.updated_at = call.now
    view = segments.view(call, changed)
    segment.become(changed)
    call.store[SEGMENTS].put(segment)
    return {"segment": view}


@DOMAIN.operation("DeleteSegment", "DELETE", "/segments/{id}", access=Access.SERVER)
def delete_segment(call: Call) -> Result:
    """Delete a segment with its targets."""
    segment = _find(call)
    for target in call.store.index(TARGETS_OF).of(segment.id):
        call.store[SEGMENT_TARGETS].remove(target.key)
    call.store[SEGMENTS].remove(segment.id)
    return {}


@DOMAIN.operation("SegmentTargetExists", "GET", "/segments/{id}/target/{target_id}", access=Access.SERVER)
def segment_target_exists(call: Call) -> Result:
    """404 unless a target was added to the segment."""
    segment, target_id = _find(call), call.path["target_id"]
    if pair(segment.id, target_id) not in call.store[SEGMENT_TARGETS]:
        raise not_found(f"target {target_id} is not in segment {segment.id}")
    return {}


@DOMAIN.operation("AddSegmentTargets", "POST", "/segments/{id}/addtargets", access=Access.SERVER)
def add_segment_targets(call: Call) -> Result:
    """Add users or channels; they need not exist yet."""
    segment, ids = _find(call), _target_ids(call)
    if segment.all_users or segment.all_sender_channels:
        raise invalid("a segment of all users or channels takes no targets")
    for target_id in ids:
        if pair(segment.id, target_id) not in call.store[SEGMENT_TARGETS]:
            call.store[SEGMENT_TARGETS].put(SegmentTarget(segment.id, target_id, call.now))
    return {}


@DOMAIN.operation("DeleteSegmentTargets", "POST", "/segments/{id}/deletetargets", access=Access.SERVER)
def delete_segment_targets(call: Call) -> Result:
    """Take users or channels out."""
    segment = _find(call)
    for target_id in _target_ids(call):
        call.store[SEGMENT_TARGETS].remove(pair(segment.id, target_id))
    return {}


@DOMAIN.operation("QuerySegmentTargets", "POST", "/segments/{id}/targets/query", access=Access.SERVER)
def query_segment_targets(call: Call) -> Result:
    """The targets that were added, by a filter over `target_id`."""
    segment = _find(call)
    found = listed(call, call.store.index(TARGETS_OF).of(segment.id), field_value, order=("target_id", False))
    return {"targets": [{**one.view().fields, "app_pk": 1} for one in found.items], **found.cursors()}


def _find(call: Call) -> Segment:
    segment = call.store[SEGMENTS].get(call.path["id"])
    if segment is None:
        raise not_found(f"segment with id {call.path['id']} not found")
    return segment


def _target_ids(call: Call) -> list[str]:
    ids = list(dict.fromkeys(call.texts("target_ids", call.body)))
    if not ids:
        raise invalid("target_ids is a required field")
    if len(ids) > MAX_TARGETS:
        raise invalid(f"at most {MAX_TARGETS} targets can be named at once")
    return ids


FEATURE = Feature(operations=(DOMAIN,))
