"""What is left of the rate limits."""

from __future__ import annotations

from framework.sandbox.chat.feature import FEATURES, Feature
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.http.limits import SERVER_SIDE, platform_of
from framework.sandbox.kernel.operations import Access, Domain, Result

DOMAIN = Domain("limits")
_PLATFORMS = {"server_side": SERVER_SIDE, "android": "android", "ios": "ios", "web": "web"}


@DOMAIN.operation("GetRateLimits", "GET", "/rate_limits", family="common", access=Access.SERVER)
def get_rate_limits(call: Call) -> Result:
    """Limits and what is left of them, by platform and operation; all of both where none is named."""
    known = dict.fromkeys(operation.id for operation in call.sandbox[FEATURES].operations)
    wanted = call.texts("endpoints", call.query) or list(known)
    for name in wanted:
        if name not in known:
            raise invalid(f"endpoint {name} does not exist")
    platforms = [name for name in _PLATFORMS if call.flag(name, call.query)] or list(_PLATFORMS)
    limits = call.sandbox.limits
    client = call.request.headers.get("x-stream-client") if call.request is not None else None
    own = platform_of(call.actor, client)
    result: dict[str, dict[str, dict[str, int]]] = {}
    for platform in platforms:
        result[platform] = {}
        for name in wanted:
            quota = limits.quota(name, _PLATFORMS[platform])
            # Where limits are off nothing is counted, but this call was made for certain.
            here = not limits.enforced and name == call.operation and _PLATFORMS[platform] == own
            result[platform][name] = {
                "limit": quota.limit,
                "remaining": quota.remaining - here,
                "reset": quota.reset,
            }
    return result


FEATURE = Feature(operations=(DOMAIN,))
