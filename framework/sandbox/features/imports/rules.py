"""Reading an import: users, devices, channels, members, messages and reactions from a JSON file.

The file is a list, or lines, of `{"type": "user", "item": {...}}`. Each item is checked by itself: one that cannot be
taken in is told of and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from framework.sandbox.chat.channels import creation as channel_creation
from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, MEMBERS, pair
from framework.sandbox.chat.members import memberships
from framework.sandbox.chat.messages import fields as message_fields
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.record import MESSAGES, REACTIONS, Reaction
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.features.imports.record import IMPORT_FILES, ImportFile
from framework.sandbox.features.push.devices import DEVICES, Device
from framework.sandbox.kernel.errors import ApiError, invalid
from framework.sandbox.kernel.wire import Untyped, parse_time, require_shallow

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call

MAX_ERRORS = 50


@dataclass
class Report:
    """What an import did: how many items of each type it took in, and what was wrong with the others."""

    imported: dict[str, int] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def view(self) -> dict[str, Any]:
        """As tasks answer it."""
        return {"imported": self.imported, "errors": self.errors}


def file_of(call: Call, path: str) -> ImportFile:
    """The file that a path names, whether it was put there or not. Raises ApiError 400 for no path of an import."""
    file = next((one for one in call.store[IMPORT_FILES] if path.strip("/").endswith(one.path)), None)
    if file is None:
        raise invalid(f"path {path} does not exist: ask for an upload_url, and put the file there")
    return file


def read(call: Call, file: ImportFile, mode: str) -> Report:
    """Take in a file; `mode` "insert" leaves alone what is there already, "upsert" changes it."""
    report = Report()
    if file.size is None:
        report.errors.append({"item": 0, "error": f"nothing was put at the upload_url of {file.path}"})
        return report
    content = call.sandbox.files.read(file.id) or b""
    try:
        items = _items(content)
    except orjson.JSONDecodeError as error:
        report.errors.append({"item": 0, "error": f"the file is not valid JSON: {error}"})
        return report
    # What others refer to comes first, whatever the order of the file.
    order = {kind: number for number, kind in enumerate(_READERS)}
    numbered = sorted(enumerate(items, 1), key=lambda entry: order.get(_kind(entry[1]), len(order)))
    for number, raw in numbered:
        try:
            _take(call, raw, mode)
        except ApiError as error:
            if len(report.errors) < MAX_ERRORS:
                report.errors.append({"item": number, "type": _kind(raw), "error": error.reason})
        else:
            report.imported[_kind(raw)] = report.imported.get(_kind(raw), 0) + 1
    return report


def _items(content: bytes) -> list[Any]:
    if not content.strip():
        return []
    if content.lstrip().startswith(b"["):
        loaded = orjson.loads(content)
        return list(loaded) if isinstance(loaded, list) else [loaded]
    return [orjson.loads(line) for line in content.splitlines() if line.strip()]


def _kind(raw: object) -> str:
    return str(raw.get("type")) if isinstance(raw, Mapping) else "unknown"


def _take(call: Call, raw: object, mode: str) -> None:
    reader = _READERS.get(_kind(raw))
    item = raw.get("item", raw.get("data")) if isinstance(raw, Mapping) else None
    if reader is None:
        raise invalid(f"an item's type must be one of [{', '.join(_READERS)}]")
    if not isinstance(item, Mapping):
        raise invalid("an item must be an object")
    require_shallow(item, "an item")
    reader(call, item, mode)


def _user(call: Call, item: Mapping[str, Any], mode: str) -> None:
    user_id = people.check_user_id(item.get("id"))
    if mode == "insert" and user_id in call.store[USERS]:
        return
    user = people.upsert(call, item)
    _times(call, user, item)
    call.store[USERS].put(user)


def _device(call: Call, item: Mapping[str, Any], _mode: str) -> None:
    user = people.existing(call, item.get("user_id"))
    device_id, provider = call.required_text("id", item), call.required_text("push_provider_type", item)
    call.store[DEVICES].put(Device(device_id, provider, user.id, call.now, call.text("push_provider_name", item)))


def _channel(call: Call, item: Mapping[str, Any], mode: str) -> None:
    cid = channels.cid_of(call, call.required_text("type", item), call.required_text("id", item))
    known = call.store[CHANNELS].get(cid)
    if known is not None and mode == "insert":
        return
    given = {name: value for name, value in item.items() if name not in ("created_by", "members", "member_ids")}
    taken = channels.take_channel(call, given)
    if known is not None:
        channels.apply(call, known, taken)
        call.store[CHANNELS].put(known)
        return
    creator = people.existing(call, item.get("created_by"))
    members = memberships.named_members(call, item.get("members") or item.get("member_ids") or [], "members")
    channel = channel_creation.create(call, cid, taken, creator, list(members))
    _times(call, channel, item)
    call.store[CHANNELS].put(channel)


def _cid(item: Mapping[str, Any]) -> str:
    return str(item.get("channel_cid") or item.get("cid") or f"{item.get('channel_type')}:{item.get('channel_id')}")


def _member(call: Call, item: Mapping[str, Any], _mode: str) -> None:
    channel, user = channels.by_cid(call, _cid(item)), people.existing(call, item.get("user_id"))
    memberships.add_members(call, channel, [{**item, "user_id": user.id}], None, quiet=True)
    member = call.store[MEMBERS].get(pair(channel.cid, user.id))
    if member is not None:
        _times(call, member, item)
        call.store[MEMBERS].put(member)


def _author(call: Call, item: Mapping[str, Any]) -> User:
    return people.existing(call, item.get("user") or item.get("user_id"))


def _message(call: Call, item: Mapping[str, Any], mode: str) -> None:
    channel, author = channels.by_cid(call, _cid(item)), _author(call, item)
    known = call.store[MESSAGES].get(str(item.get("id")))
    if known is not None and mode == "insert":
        return
    dropped = {"channel_type", "channel_id", "channel_cid", "user", "user_id", "created_at", "updated_at", "deleted_at"}
    given = {name: value for name, value in item.items() if name not in dropped}
    if given.get("type") not in ("system", "regular", "reply", None):
        given.pop("type")
    if known is not None:
        message_fields.apply(call, channel, known, messages.take_message(call, given))
        call.store[MESSAGES].put(known)
        return
    message = messages.compose(call, channel, messages.take_message(call, given), author)
    _times(call, message, item)
    if item.get("deleted_at"):
        message.deleted_at, message.type = parse_time(item["deleted_at"], "deleted_at"), "deleted"
    call.store[MESSAGES].put(message)
    unread.recount(call.sandbox, channel.cid)


def _reaction(call: Call, item: Mapping[str, Any], _mode: str) -> None:
    message, user = messages.find(call, call.required_text("message_id", item)), _author(call, item)
    kind = call.required_text("type", item)
    reaction = Reaction(message.id, user.id, kind, call.now, call.now)
    _times(call, reaction, item)
    call.store[REACTIONS].put(reaction)


def _times(_call: Call, record: Untyped, item: Mapping[str, Untyped]) -> None:
    """Give a record the times that the file has for it."""
    for name in ("created_at", "updated_at"):
        if item.get(name):
            setattr(record, name, parse_time(item[name], name))
    if item.get("created_at") and not item.get("updated_at"):
        record.updated_at = record.created_at


_READERS: dict[str, Callable[[Call, Mapping[str, Any], str], None]] = {
    "user": _user,
    "device": _device,
    "channel": _channel,
    "member": _member,
    "message": _message,
    "reaction": _reaction,
}
"""By the type of an item, in the order in which they are taken in."""
