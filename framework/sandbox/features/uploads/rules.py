"""Uploaded files; their bytes are in the file store."""

from __future__ import annotations

import asyncio
import mimetypes
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from framework.sandbox.kernel.app import APP
from framework.sandbox.kernel.errors import ApiError, invalid, not_found
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table
from framework.sandbox.kernel.wire import Json, parse_json

if TYPE_CHECKING:
    from starlette.requests import Request

    from framework.sandbox.kernel.call import Call


@dataclass(slots=True)
class Upload(Record):
    """An uploaded file. `kind` is "file" or "image"; `cid` is None for uploads that belong to no channel."""

    KEY = ("id",)

    id: str
    kind: str
    name: str
    mime_type: str
    size: int
    created_at: datetime
    user_id: str | None = None
    cid: str | None = None


UPLOADS = Table("uploads", Upload)


MAX_UPLOAD = 100 * 1024 * 1024
_FORM_OVERHEAD = 64 * 1024
_PATH = re.compile(r"/files/([0-9a-fA-F-]{36})(?:/.*)?")
_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}


@dataclass(frozen=True)
class Received:
    """A file as it came, and the other fields of its form."""

    name: str
    mime_type: str
    content: bytes
    fields: dict[str, Any]


async def receive(call: Call) -> Received:
    """Read the upload of a call. Raises ApiError 413 beyond the limit, 400 for anything but a form with a file."""
    request = call.request
    if request is None or not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise invalid("the request must be a multipart/form-data with a file")
    try:
        form = await MultiPartParser(request.headers, _limited(request), max_files=1).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise invalid(f"the multipart body cannot be read: {error}") from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise invalid("file is a required field")
        content = await file.read()
        name = PurePath((file.filename or "file").replace("\\", "/")).name or "file"
        fields = {key: value for key, value in form.items() if isinstance(value, str)}
        return Received(name, _mime_type(name, file.content_type, content), content, fields)
    finally:
        await form.close()


async def _limited(request: Request) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_UPLOAD + _FORM_OVERHEAD:
            raise _too_large(MAX_UPLOAD)
        yield chunk


def _too_large(limit: int) -> ApiError:
    return ApiError(413, 22, f"the file is larger than {limit} bytes")


def _mime_type(name: str, given: str | None, content: bytes) -> str:
    """What a file is: by its first bytes, by what the client says, by its name."""
    for magic, found in _IMAGES.items():
        if content.startswith(magic):
            return found
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if given and given not in ("application/octet-stream", "multipart/form-data"):
        return given.partition(";")[0].strip().lower()
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def field(received: Received, name: str, kind: type) -> Json:
    """A form field that holds JSON of a kind, or None. Raises ApiError 400."""
    raw = received.fields.get(name)
    if not raw:
        return None
    value = parse_json(raw, name)
    if not isinstance(value, kind):
        raise invalid(f"{name} has the wrong type")
    return value


def check(call: Call, received: Received, kind: str) -> None:
    """400 or 413 unless the app's settings let the file in, and an image is one."""
    if kind == "image" and not received.mime_type.startswith("image/"):
        raise invalid(f"the file {received.name} is not an image but {received.mime_type}")
    app = call.store[APP].get("app")
    config = (app.settings.get(f"{kind}_upload_config") if app is not None else None) or {}
    limit = config.get("size_limit") or MAX_UPLOAD
    if len(received.content) > limit:
        raise _too_large(limit)
    extension = PurePath(received.name).suffix.lower()
    for names, value in (("file_extensions", extension), ("mime_types", received.mime_type)):
        allowed = [_plain(item) for item in config.get(f"allowed_{names}") or []]
        blocked = [_plain(item) for item in config.get(f"blocked_{names}") or []]
        if (allowed and _plain(value) not in allowed) or _plain(value) in blocked:
            what = "extension" if names == "file_extensions" else "type"
            raise invalid(f"File {what} {value} is not supported")


def _plain(name: object) -> str:
    return str(name).lower().removeprefix(".")


async def keep(call: Call, received: Received, kind: str, cid: str | None, user_id: str | None) -> Upload:
    """Store an upload. The bytes are written before the record: a record always has its file."""
    size = len(received.content)
    upload = Upload(call.sandbox.ids.new(), kind, received.name, received.mime_type, size, call.now, user_id, cid)
    await asyncio.to_thread(call.sandbox.files.write, upload.id, received.content)
    return call.store[UPLOADS].put(upload)


def find(call: Call, url: str | None, kind: str, cid: str | None) -> Upload:
    """Return the upload that a URL of this sandbox leads to. Raises ApiError 400 without one, 404 for another's."""
    if not url:
        raise invalid("url is a required field")
    try:
        match = _PATH.fullmatch(unquote(urlsplit(url).path))
    except ValueError as error:
        raise invalid("url is not a valid URL") from error
    upload = call.store[UPLOADS].get(match[1]) if match else None
    if upload is None or upload.kind != kind or (cid is not None and upload.cid != cid):
        raise not_found(f"there is no {kind} at {url}")
    return upload


def url_of(call: Call, upload: Upload) -> str:
    """Where an upload can be fetched, at the server as the caller reached it."""
    return f"{origin(call)}/files/{upload.id}/{quote(upload.name)}"


def origin(call: Call) -> str:
    """Return the server as the caller reached it."""
    if call.request is not None and call.request.headers.get("host"):
        return f"{call.request.url.scheme}://{call.request.headers['host']}"
    return f"http://{call.sandbox.config.host}:{call.sandbox.config.port}"
