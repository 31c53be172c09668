"""Files and images: upload, delete. Where they are served is in `extras/files.py`."""

from __future__ import annotations

import asyncio
from typing import Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.permissions.rules import capabilities, require, require_feature
from framework.sandbox.chat.users import people
from framework.sandbox.features.uploads import rules as uploads
from framework.sandbox.features.uploads.rules import UPLOADS
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import forbidden
from framework.sandbox.kernel.operations import Domain, Result

DOMAIN = Domain("uploads")


@DOMAIN.operation("UploadChannelFile", "POST", "/channels/{type}/{id}/file", raw_body=True)
async def upload_channel_file(call: Call) -> Result:
    """Take in a file for a channel."""
    return await _to_channel(call, "file")


@DOMAIN.operation("UploadChannelImage", "POST", "/channels/{type}/{id}/image", raw_body=True)
async def upload_channel_image(call: Call) -> Result:
    """Take in an image for a channel."""
    return await _to_channel(call, "image")


@DOMAIN.operation("UploadFile", "POST", "/uploads/file", family="common", raw_body=True)
async def upload_file(call: Call) -> Result:
    """Take in a file that belongs to no channel."""
    return await _take(call, "file")


@DOMAIN.operation("UploadImage", "POST", "/uploads/image", family="common", raw_body=True)
async def upload_image(call: Call) -> Result:
    """Take in an image that belongs to no channel."""
    return await _take(call, "image")


@DOMAIN.operation("DeleteChannelFile", "DELETE", "/channels/{type}/{id}/file")
async def delete_channel_file(call: Call) -> Result:
    """Delete a file of a channel by its URL."""
    return await _delete(call, "file", channels.find(call).cid)


@DOMAIN.operation("DeleteChannelImage", "DELETE", "/channels/{type}/{id}/image")
async def delete_channel_image(call: Call) -> Result:
    """Delete an image of a channel by its URL."""
    return await _delete(call, "image", channels.find(call).cid)


@DOMAIN.operation("DeleteFile", "DELETE", "/uploads/file", family="common")
async def delete_file(call: Call) -> Result:
    """Delete a file by its URL."""
    return await _delete(call, "file", None)


@DOMAIN.operation("DeleteImage", "DELETE", "/uploads/image", family="common")
async def delete_image(call: Call) -> Result:
    """Delete an image by its URL."""
    return await _delete(call, "image", None)


async def _to_channel(call: Call, kind: str) -> Result:
    channel = channels.find(call)
    require_feature(call, channel, "uploads")
    if not call.actor.is_server:
        require(call, channel, people.acting_user(call), "upload-file")
    return await _take(call, kind, channel.cid)


async def _take(call: Call, kind: str, cid: str | None = None) -> Result:
    received = await uploads.receive(call)
    uploads.check(call, received, kind)
    named = uploads.field(received, "user", dict)
    sizes = uploads.field(received, "upload_sizes", list)
    user = people.acting_user_or_none(call, {"user": named} if named else None)
    upload = await uploads.keep(call, received, kind, cid, user.id if user is not None else None)
    url = uploads.url_of(call, upload)
    result: dict[str, Any] = {"file": url}
    if kind == "image":
        # The sandbox does not scale images: the thumbnail is the image itself.
        result["thumb_url"] = url
        if sizes:
            result["upload_sizes"] = [size for size in sizes if isinstance(size, dict)]
    return result


async def _delete(call: Call, kind: str, cid: str | None) -> Result:
    upload = uploads.find(call, call.text("url"), kind, cid)
    if not call.actor.is_server and upload.user_id != call.actor.user_id:
        channel = channels.by_cid(call, upload.cid) if upload.cid is not None else None
        user = people.acting_user(call)
        if channel is None or "delete-any-message" not in capabilities(call.sandbox, channel, user):
            raise forbidden(f"user {user.id} may not delete a {kind} of another user")
    call.store[UPLOADS].remove(upload.id)
    await asyncio.to_thread(call.sandbox.files.remove, upload.id)
    return {}


FEATURE = Feature(operations=(DOMAIN,))
