"""Devices: register, list, remove."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from framework.sandbox.chat.feature import Feature, dropping
from framework.sandbox.chat.users import people
from framework.sandbox.features.push.record import PROVIDER_TYPES
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import ApiError, invalid, not_found
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.sandbox import Sandbox
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped


@dataclass(slots=True)
class Device(Record):
    """A device of a user. Its id is unique in the app: registered anew, it goes over to the new user."""

    KEY = ("id",)

    id: str
    push_provider: str
    user_id: str
    created_at: datetime
    push_provider_name: str | None = None
    hardware_id: str | None = None
    voip: bool = False
    disabled: bool = False
    disabled_reason: str = ""


DEVICES = Table("devices", Device)
DEVICES_OF = grouped(DEVICES, lambda device: device.user_id)


DOMAIN = Domain("devices")
MAX_DEVICES = 25
MAX_ID = 255
DEAD = "dead-"
"""How the id of a device begins that its provider does not know: the first push switches it off."""


def device_view(device: Device) -> dict[str, Any]:
    """Return a device."""
    view = device.view().fields
    for name in ("voip", "disabled", "disabled_reason"):
        if not view[name]:
            view.pop(name)
    return view


def devices_of(sandbox: Sandbox, user_id: str) -> list[dict[str, Any]]:
    """Return a user's devices."""
    index = sandbox.store.index(DEVICES_OF)
    return [device_view(device) for device in index.of(user_id)] if index.count(user_id) else []


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
    """Return a user's devices."""
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
