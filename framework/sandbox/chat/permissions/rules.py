"""What a person may do in a channel: capabilities by role, cut by the channel type's switches.

Server tokens may do everything. The names are those of `own_capabilities`, by which official clients decide what to
show, and `read-channel`, `read-channel-members` beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import MEMBERS, Channel, Member, pair
from framework.sandbox.chat.permissions.ban_status import is_banned
from framework.sandbox.chat.permissions.capabilities import (
    CLOSED_TYPES,
    CREATE,
    FIELD_CAPABILITIES,
    GRANTS,
    INVITED,
    MEMBER,
    MODERATOR,
    OPEN_TYPES,
    OWNER,
    READER,
    SERVER_FIELDS,
    SWITCHES,
    WITH_READING,
    WRITES,
)
from framework.sandbox.chat.permissions.catalog import BUILT_IN_ROLES, permission_id
from framework.sandbox.chat.permissions.channel_type import CHANNEL_TYPES, ChannelType, built_in
from framework.sandbox.chat.permissions.role_records import PERMISSIONS
from framework.sandbox.kernel.app import APP
from framework.sandbox.kernel.errors import ApiError, forbidden, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.sandbox import Sandbox


def type_of(sandbox: Sandbox, name: str) -> ChannelType:
    """A channel type by name, the app's own version of it first. Raises ApiError 404."""
    found = sandbox.store[CHANNEL_TYPES].get(name) or built_in(name)
    if found is None:
        raise not_found(f"channel type {name} does not exist")
    return found


def config_of(sandbox: Sandbox, channel: Channel) -> dict[str, Any]:
    """The switches that hold for a channel: its type's, with its own overrides."""
    config = type_of(sandbox, channel.type).config
    return {**config, **channel.config_overrides} if channel.config_overrides else config


def roles_of(channel: Channel, user: User, member: Member | None) -> list[str]:
    """The roles that a user has in a channel."""
    roles = [user.role]
    if member is not None and not is_waiting(member):
        roles += ["channel_member", member.channel_role]
        if member.role in ("owner", "moderator"):
            roles.append("channel_moderator" if member.role == "moderator" else "channel_owner")
    if channel.created_by_id == user.id:
        roles.append("channel_owner")
    return roles


def is_waiting(member: Member) -> bool:
    """Whether somebody was invited and has not accepted: they may look at the channel, and hear nothing of it."""
    return member.invited and member.invite_accepted_at is None


def capabilities(sandbox: Sandbox, channel: Channel, user: User) -> frozenset[str]:
    """What a user may do in a channel."""
    member = sandbox.store[MEMBERS].get(pair(channel.cid, user.id))
    kind = type_of(sandbox, channel.type)
    allowed: frozenset[str] = frozenset()
    if not same_team(sandbox, user, channel.team):
        return allowed
    for role in roles_of(channel, user, member):
        allowed |= _granted(sandbox, kind, role)
    if member is not None and is_waiting(member):
        allowed |= INVITED
    config = config_of(sandbox, channel)
    if isinstance(config.get("grants"), dict):
        allowed = _overridden(sandbox, allowed, config["grants"], roles_of(channel, user, member))
    for switch, names in SWITCHES.items():
        if config.get(switch) is False:
            allowed -= names
    if user.role != "admin" and channel.frozen:
        allowed -= WRITES
    if user.role != "admin" and is_banned(sandbox, channel.cid, user.id):
        allowed -= WRITES | {"upload-file"}
    if channel.cooldown and "skip-slow-mode" not in allowed:
        allowed |= {"slow-mode"}
    return allowed


def same_team(sandbox: Sandbox, user: User, team: str | None) -> bool:
    """Return whether a user may deal with what belongs to a team: in an app with teams, only its members may."""
    app = sandbox.store[APP].get("app")
    if app is None or not app.settings.get("multi_tenant_enabled") or user.role == "global_admin":
        return True
    return team in user.teams if team else not user.teams


def _overridden(
    sandbox: Sandbox, allowed: frozenset[str], grants: Mapping[str, Any], roles: list[str]
) -> frozenset[str]:
    """Capabilities after a channel's own grants: a permission is added, and with a leading `!` it is taken away."""
    for role in roles:
        named = [name for name in grants.get(role) or [] if isinstance(name, str)]
        allowed |= _capabilities(sandbox, {name for name in named if not name.startswith("!")})
        allowed -= _capabilities(sandbox, {name[1:] for name in named if name.startswith("!")})
    return allowed


def _capabilities(sandbox: Sandbox, permissions: set[str]) -> frozenset[str]:
    """Return the capabilities that permissions grant, those of the app included."""
    given = {name.removesuffix("-any-team") for name in permissions}
    for name in permissions:
        made = sandbox.store[PERMISSIONS].get(name)
        if made is not None and not made.owner:
            given.add(permission_id(made.action))
    return frozenset(name for name in MODERATOR if GRANTS.get(name, name) in given)


def grants_of(kind: ChannelType) -> dict[str, list[str]]:
    """Return the permissions of each role in a channel type: what the app set, else what the role has by itself."""
    grants = {
        role: sorted(
            {GRANTS.get(name, name) for name in _by_default(kind, role) - WITH_READING}
            | ({CREATE} if _creates_by_default(kind, role) else set())
        )
        for role in BUILT_IN_ROLES
    }
    return {**grants, **kind.grants}


def _granted(sandbox: Sandbox, kind: ChannelType, role: str) -> frozenset[str]:
    if role in kind.grants:
        allowed = _capabilities(sandbox, set(kind.grants[role]))
        return allowed | WITH_READING if "read-channel" in allowed else allowed
    return _by_default(kind, role)


def _by_default(kind: ChannelType, role: str) -> frozenset[str]:
    if role in ("admin", "channel_moderator", "moderator"):
        return MODERATOR
    if role == "channel_owner":
        return OWNER
    if role in ("channel_member", "member"):
        return MEMBER
    if kind.name in OPEN_TYPES and role != "anonymous":
        return MEMBER - {"leave-channel"} | {"join-channel"}
    return READER if kind.name in OPEN_TYPES else frozenset()


def _creates_by_default(kind: ChannelType, role: str) -> bool:
    if role in ("admin", "moderator", "global_admin", "global_moderator"):
        return True
    if role == "guest":
        return kind.name in (*OPEN_TYPES, "messaging")
    return kind.name not in CLOSED_TYPES and role != "anonymous" and not role.startswith("channel_")


def require_creation(call: Call, type_name: str, user: User) -> None:
    """403 unless a person may create channels of a type: as the app's grants say, else by the role."""
    kind = type_of(call.sandbox, type_name)
    if user.role in kind.grants:
        allowed = CREATE in {name.removesuffix("-any-team") for name in kind.grants[user.role]}
    else:
        allowed = _creates_by_default(kind, user.role)
    if not allowed:
        raise forbidden(
            f"User '{user.id}' with role {user.role} is not allowed to perform action CreateChannel in scope "
            f"'{type_name}'"
        )


def require_fields(call: Call, channel: Channel, user: User | None, fields: Mapping[str, Any]) -> None:
    """403 unless the caller may change these fields of a channel. A field that keeps its value changes nothing."""
    for name, value in fields.items():
        if call.actor.is_server or (value or None) == (getattr(channel, name, None) or None):
            continue
        if name in SERVER_FIELDS:
            call.require_server(f"changing a channel's {name}")
        elif name in FIELD_CAPABILITIES and user is not None:
            require(call, channel, user, FIELD_CAPABILITIES[name])


def require(call: Call, channel: Channel, user: User, capability: str) -> None:
    """403 unless the caller may do it; a server token always may. Frozen and banned say so."""
    if call.actor.is_server:
        return
    if capability in capabilities(call.sandbox, channel, user):
        return
    if capability in WRITES and is_banned(call.sandbox, channel.cid, user.id):
        raise forbidden(f"user {user.id} is banned from this channel")
    if capability in WRITES and channel.frozen:
        raise forbidden("the channel is frozen")
    raise forbidden(
        f"User '{user.id}' with role {user.role} is not allowed to perform action {_action(capability)} in scope "
        f"'{channel.type}'"
    )


def require_feature(call: Call, channel: Channel, switch: str) -> None:
    """400 code 19 when the channel type has a feature switched off; that holds for server tokens, too."""
    if config_of(call.sandbox, channel).get(switch) is False:
        raise ApiError(400, 19, f"{switch} are not enabled for channel type {channel.type}")


def _action(capability: str) -> str:
    return "".join(part.capitalize() for part in GRANTS.get(capability, capability).split("-"))
