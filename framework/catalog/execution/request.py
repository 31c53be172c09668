"""From checked arguments to the HTTP request that leaves."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from framework.catalog.execution.arguments import ArgumentsError
from framework.catalog.execution.custom import FLAT_AT_THE_TOP
from framework.catalog.values import Json

if TYPE_CHECKING:
    from framework.catalog.operation import Operation, Parameter

_DATA_URL = re.compile(
    r"data:(?P<mime>[\w.+/-]+)?(?P<parameters>(?:;[\w=.+-]+)*?)(?P<encoded>;base64)?,(?P<data>.*)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file that goes with a request."""

    name: str
    mime: str
    content: bytes


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is sent. `path` is quoted already; `body` None sends none; a `form` is multipart, with or without files."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    files: dict[str, FilePart] = field(default_factory=dict)
    form: bool = False


def build_request(operation: Operation, arguments: dict[str, Any]) -> HttpRequest:
    """Put every argument in its place. Their custom fields stand already where the API has them (`custom.as_sent`).

    Raises ArgumentsError for a file that cannot be read from its `data:` address.
    """
    path = operation.endpoint.path
    query: dict[str, str] = {}
    body: dict[str, Any] = {}
    files: dict[str, FilePart] = {}
    form = operation.body == "multipart"
    for parameter in operation.parameters:
        if parameter.name not in arguments:
            continue
        value = arguments[parameter.name]
        if parameter.place == "path":
            path = path.replace(f"{{{parameter.wire_name}}}", quote(str(value), safe=""))
        elif parameter.place == "query":
            query[parameter.wire_name] = _in_query(value)
        elif parameter.wire_name == "file" and form:
            files["file"] = _upload(parameter, value)
        else:
            body[parameter.wire_name] = value
    if operation.id in FLAT_AT_THE_TOP:
        body = {**body.pop("custom", {}), **body}
    return HttpRequest(operation.endpoint.method, path, query, body if operation.body else None, files, form)


def _in_query(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def _upload(parameter: Parameter, value: str) -> FilePart:
    """A file from a `data:` address; any other text is the content itself. Never a path: nothing is read from disk."""
    match = _DATA_URL.fullmatch(value)
    if match is None:
        return FilePart("file.txt", "text/plain", value.encode())
    try:
        content = base64.b64decode(match["data"], validate=True) if match["encoded"] else match["data"].encode()
    except binascii.Error:
        raise ArgumentsError(
            f"{parameter.name}: expected text, or an address such as data:image/png;base64,iVBORw0KGgo=",
        ) from None
    mime = match["mime"] or "text/plain"
    name = re.search(r";name=([\w.+-]+)", match["parameters"] or "")
    return FilePart(name[1] if name else f"file.{mime.rpartition('/')[2].partition('+')[0]}", mime, content)
