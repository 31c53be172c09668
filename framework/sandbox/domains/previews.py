"""Previews of web pages."""

from __future__ import annotations

from framework.sandbox.call import Call
from framework.sandbox.feature import Feature
from framework.sandbox.operations import Domain, Result
from framework.sandbox.services import opengraph
from framework.sandbox.wire import Dialect

DOMAIN = Domain("previews")


@DOMAIN.operation("GetOg", "GET", "/og", family="common")
async def get_og(call: Call) -> Result:
    """What a page says of itself, as the fields of an attachment. The page is fetched, from where the sandbox runs."""
    url = call.required_text("url")
    # Only the app itself may have this machine and its network read, and only where nobody else reaches the server.
    allow_private = call.actor.is_server and call.sandbox.config.is_loopback
    preview = await opengraph.scrape(url, allow_private=allow_private)
    return {**preview, "custom": {}} if call.dialect is Dialect.V2 else preview


FEATURE = Feature(operations=(DOMAIN,))
