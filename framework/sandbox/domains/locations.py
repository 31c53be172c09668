"""Live locations: a user's own, and moving one."""

from __future__ import annotations

from framework.sandbox.call import Call
from framework.sandbox.errors import forbidden, invalid, not_found
from framework.sandbox.feature import Feature, dropping
from framework.sandbox.model.channel import CHANNELS
from framework.sandbox.model.location import LOCATIONS, LOCATIONS_OF
from framework.sandbox.operations import Domain, Result
from framework.sandbox.services import locations, people
from framework.sandbox.services import messages as service
from framework.sandbox.services.locations import location_fields
from framework.sandbox.views.channel import channel_view
from framework.sandbox.views.message import message_view

DOMAIN = Domain("locations")
_PATH = "/users/live_locations"


@DOMAIN.operation("GetUserLiveLocations", "GET", _PATH, family="common")
def get_user_live_locations(call: Call) -> Result:
    """The locations that a user shares and that have not ended."""
    user = people.acting_user(call)
    live = [one for one in call.store.index(LOCATIONS_OF).of(user.id) if locations.is_live(one, call.now)]
    shown = []
    for location in live:
        view = location_fields(location)
        channel = call.store[CHANNELS].get(location.cid)
        if channel is not None:
            view["channel"] = channel_view(call.sandbox, channel)
        shown.append(view)
    return {"active_live_locations": shown}


@DOMAIN.operation("UpdateLiveLocation", "PUT", _PATH, family="common")
def update_live_location(call: Call) -> Result:
    """Move a live location, or end it by setting `end_at`."""
    user = people.acting_user(call)
    message = service.find(call, call.required_text("message_id"))
    location = call.store[LOCATIONS].get(message.id)
    if location is None:
        raise not_found(f"message {message.id} shares no location")
    if location.user_id != user.id:
        raise forbidden(f"user {user.id} may not move the location of another user")
    if not locations.is_live(location, call.now):
        raise invalid(f"the location of message {message.id} is not live")
    changes = locations.take(call, call.payload, location)
    for name, value in changes.items():
        setattr(location, name, value)
    location.updated_at = call.now
    call.store[LOCATIONS].put(location)
    service.publish_change(call, "message.updated", message, user)
    view = location_fields(location)
    view["message"] = message_view(call.sandbox, message, user.id)
    return view


FEATURE = Feature(
    operations=(DOMAIN,),
    check_message=locations.check,
    message_sent=locations.note,
    forget_message=locations.forget,
    forget_user=dropping(LOCATIONS_OF),
    message_fields=locations.message_fields,
    channel_state=locations.channel_state,
)
