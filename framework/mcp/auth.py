"""Who is calling over HTTP: bearer tokens of clients, or access tokens of an OAuth server."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from fastmcp.server.auth import AccessToken, MultiAuth, TokenVerifier
from fastmcp.server.dependencies import get_access_token

from framework.catalog.execution.policy import NotAllowedError, Policy
from framework.catalog.execution.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastmcp.server.auth import AuthProvider

    from framework.mcp.config import McpClient, OAuth


class ClientTokens(TokenVerifier):
    """Knows clients by the hash of their token; the token itself is not kept."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        super().__init__()
        self._digests = dict(digests)

    async def verify_token(self, token: str) -> AccessToken | None:
        """The client of this token, or None."""
        given = digest(token)
        found = [name for name, known in self._digests.items() if hmac.compare_digest(given, known)]
        if not found:
            return None
        return AccessToken(token="", client_id=found[0], scopes=[])


def digest(token: str) -> str:
    """The form in which a token is known."""
    return hashlib.sha256(token.encode()).hexdigest()


def build_auth(digests: Mapping[str, str], oauth: OAuth | None) -> AuthProvider:
    """What lets clients in: their tokens, and those of the OAuth server if there is one."""
    tokens = ClientTokens(digests)
    if oauth is None:
        return tokens
    from fastmcp.server.auth import JWTVerifier, RemoteAuthProvider
    from pydantic import AnyHttpUrl

    verifier = JWTVerifier(
        jwks_uri=oauth.jwks_uri,
        issuer=oauth.issuer,
        audience=oauth.audience,
        required_scopes=list(oauth.scopes) or None,
    )
    remote = RemoteAuthProvider(
        token_verifier=verifier, authorization_servers=[AnyHttpUrl(oauth.issuer)], base_url=oauth.base_url
    )
    return MultiAuth(server=remote, verifiers=[tokens])


class CallingClient:
    """The policy of whoever is calling: `policy_of` of the server, over HTTP."""

    def __init__(self, clients: Mapping[str, McpClient]) -> None:
        self._oauth = {client.oauth_client: name for name, client in clients.items() if client.oauth_client}
        self._policies = {name: Policy(client.rules, Principal(f"mcp:{name}")) for name, client in clients.items()}

    def __call__(self) -> Policy:
        """Raises NotAllowedError for an OAuth client that the configuration does not name."""
        token = get_access_token()
        name = self._name(token) if token else None
        if name is None:
            raise NotAllowedError(
                "This client is not known here.", hint="Name its `oauth_client` in the configuration."
            )
        return self._policies[name]

    def _name(self, token: AccessToken) -> str | None:
        client_id = token.original_client_id or token.client_id
        # Only our own verifier keeps no token: no OAuth server can give out the id of one of its clients.
        return client_id if not token.token and client_id in self._policies else self._oauth.get(client_id)
