"""Devices: register, list, remove."""

from __future__ import annotations

from framework.sandbox.call import Call
from framework.sandbox.errors import ApiError, invalid, not_found
from framework.sandbox.feature import Feature, dropping
from framework.sandbox.model.device import DEVICES, DEVICES_OF, Device
from framework.sandbox.model.push import PROVIDER_TYPES
from framework.sandbox.operations import Domain, Result
from framework.sandbox.services import people
from framework.sandbox.views.push import devices_of

DOMAIN = Domain("devices")
MAX_DEVICES = 25
MAX_ID = 255


@DOMAIN.operation("CreateDevice", "POST", "/devices", family="common")
def create_device(call: Call) -> Result:
    """Register a device of a user; a known one goes over to it."""
    device_id = call.required_text("id", call.body)
    if len(device_id) > MAX_ID:
        raise ApiError(400, 20, f"id must be a maximum of {MAX_ID} characters in length")
    provider = call.required_text("push_provider", call.body)
    if provider not in PROVIDER_TYPES:
        raise invalid(f"push_provider must be one of [{', '.join(PROVIDER_TYPES)}]")
    name, hardware = call.text("push_provider_name", call.body), call.text("hardware_id", call.body)
    voip = call.flag("voip_token", call.body)
    user = people.acting_user(call)
    known = call.store[DEVICES].remove(device_id)
    count = call.store.index(DEVICES_OF).count(user.id)
    if known is None and count >= MAX_DEVICES:
        oldest = min(call.store.index(DEVICES_OF).of(user.id), key=lambda device: device.created_at)
        call.store[DEVICES].remove(oldest.id)
    call.store[DEVICES].put(Device(device_id, provider, user.id, call.now, name, hardware, voip))
    return {}


@DOMAIN.operation("ListDevices", "GET", "/devices", family="common")
def list_devices(call: Call) -> Result:
    """A user's devices."""
    return {"devices": devices_of(call.sandbox, people.acting_user(call).id)}


@DOMAIN.operation("DeleteDevice", "DELETE", "/devices", family="common")
def delete_device(call: Call) -> Result:
    """Remove a user's device."""
    device_id, user = call.required_text("id"), people.acting_user(call)
    device = call.store[DEVICES].get(device_id)
    if device is None or device.user_id != user.id:
        raise not_found(f"user {user.id} has no device {device_id}")
    call.store[DEVICES].remove(device_id)
    return {}


FEATURE = Feature(operations=(DOMAIN,), forget_user=dropping(DEVICES_OF))
