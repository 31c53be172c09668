"""Keep secrets of the environment in this process: programs that it starts do not inherit them."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator, Mapping

_SECRET = re.compile(
    r"^(?:AWS_.*|DATABASE_URL|FRAMEWORK_JOURNAL|PGPASSWORD|.*_DSN|OTEL_EXPORTER_OTLP_(?:[A-Z]+_)?HEADERS)$"
    r"|(?:^|_)(?:SECRETS?|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|API_?KEYS?|ACCESS_KEY(?:_ID)?|PRIVATE_KEY)(?:_|$)",
    re.IGNORECASE,
)
_WITH_PASSWORD = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/@\s:]*+:[^/@\s]++@")
# The name of a file or of a keyring's entry is not a secret, and proxies are for children as well.
_PUBLIC = re.compile(r"(?:_FILE|_KEYRING|_PROXY)$", re.IGNORECASE)

INHERIT = "FRAMEWORK_INHERIT"
"""Names of variables, parted by commas, that children get although they look like secrets."""

_hidden: set[str] = set()


class _Guarded(os._Environ):  # type: ignore[type-arg]  # noqa: SLF001 - the class of os.environ has no public name
    """An environment whose hidden variables can be read by name, but appear in no listing and in no copy."""

    def __iter__(self) -> Iterator[str]:
        return iter([name for name in super().__iter__() if _text(name) not in _hidden])

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _text(name: str | bytes) -> str:
    return os.fsdecode(name)


def is_secret(name: str, value: str) -> bool:
    """Return whether a variable holds a secret: by its name, or because its value is an address with a password."""
    if _PUBLIC.search(name):
        return False
    return bool(_SECRET.search(name) or _WITH_PASSWORD.match(value))


def hide_secrets() -> None:
    """Have no process that is started from now on inherit a secret. Safe to call twice.

    The libraries of this process still find the variables by name, so that a model's provider finds its key. The
    variables named in FRAMEWORK_INHERIT stay as they are.
    """
    kept = {name.strip() for name in os.environ.get(INHERIT, "").split(",")}
    for name, value in list(os.environ.items()):
        if name in kept or not is_secret(name, value):
            continue
        _hidden.add(name)
        _overwrite(name)
        os.unsetenv(name)  # children get the C library's environment; os.environ keeps a copy of its own
    for environment in (os.environ, getattr(os, "environb", None)):
        if environment is not None:
            environment.__class__ = _Guarded


def hidden_values() -> Mapping[str, str]:
    """The variables that children do not inherit, by name."""
    return {name: os.environ[name] for name in sorted(_hidden) if name in os.environ}


def _overwrite(name: str) -> None:
    """Blank the value where the system shows it to other programs of this user (/proc/PID/environ)."""
    if os.name != "posix":
        return
    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_void_p
    place = library.getenv(os.fsencode(name))
    if place:
        ctypes.memset(place, 0, len(ctypes.string_at(place)))
