"""Serving uploaded files, and the pictures that commands of the sandbox answer with."""

from __future__ import annotations

import asyncio
import html
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from framework.sandbox.features.uploads.rules import UPLOADS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from framework.sandbox.kernel.sandbox import Sandbox

# Files come from anyone: none may run as a page of this origin, where the playground keeps its token.
_SAFE = {
    "access-control-allow-origin": "*",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "x-content-type-options": "nosniff",
    "cache-control": "private, max-age=3600",
}
_SHOWN = ("image/", "audio/", "video/", "text/plain", "application/pdf")
_COLOURS = ("#005fff", "#00826b", "#8a3ffc", "#b83280", "#9a5b00", "#c0392b")


def file_routes(sandbox: Sandbox) -> list[BaseRoute]:
    """`GET /files/{id}/{name}`: an upload, by its random id. `GET /sandbox/giphy/{n}/{words}.svg`: a drawn picture."""

    async def fetch(request: Request) -> Response:
        upload = sandbox.store[UPLOADS].get(request.path_params["id"])
        content = await asyncio.to_thread(sandbox.files.read, upload.id) if upload is not None else None
        if upload is None or content is None:
            return Response("there is no such file", 404, _SAFE, media_type="text/plain")
        place = "inline" if upload.mime_type.startswith(_SHOWN) else "attachment"
        headers = {**_SAFE, "content-disposition": f"{place}; filename*=UTF-8''{quote(upload.name, safe='')}"}
        return Response(content, headers=headers, media_type=upload.mime_type)

    async def giphy(request: Request) -> Response:
        words, number = request.path_params["words"][:80], request.path_params["number"]
        return Response(_picture(words, number), headers=_SAFE, media_type="image/svg+xml")

    return [
        Route("/files/{id}/{name:path}", fetch, methods=["GET"]),
        Route("/sandbox/giphy/{number:int}/{words}.svg", giphy, methods=["GET"]),
    ]


def _picture(words: str, number: int) -> str:
    colour = _COLOURS[number % len(_COLOURS)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200" viewBox="0 0 300 200">'
        f'<rect width="300" height="200" fill="{colour}"/>'
        '<g fill="#fff" font-family="sans-serif" text-anchor="middle">'
        f'<text x="150" y="105" font-size="24">{html.escape(words)}</text>'
        '<text x="150" y="185" font-size="12">a picture of the sandbox</text></g></svg>'
    )
