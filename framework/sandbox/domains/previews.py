"""Previews of web pages."""

from __future__ import annotations

from framework.sandbox.call import Call
from framework.sandbox.operations import Domain, Result
from framework.sandbox.services import opengraph
from framework.sandbox.wire import Dialect

DOMAIN = Domain("previews")


@DOMAIN.operation("GetOg", "GET", "/og", family="common")
async def get_og(call: Call) -> Result:
    """What a page says of itself, as the fields of an attachment. The page is fetched, from where the sandbox runs."""
    url = call.required_text("url")
    preview = await opengraph.scrape(url, allow_private=call.sandbox.config.is_loopback)
    return {**preview, "custom": {}} if call.dialect is Dialect.V2 else preview
