"""What a setting's value may be: each type reads it from the environment, and says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "„": "“"}


def bare(value: object) -> object:
    """Return a value without blanks around it, and without quotes: Docker's `--env-file` leaves them there."""
    if not isinstance(value, str):
        return value
    value = value.strip()
    if len(value) > 1 and _QUOTES.get(value[0]) == value[-1]:
        value = value[1:-1].strip()
    return value or None


def _key(value: SecretStr | None) -> SecretStr | None:
    """Check that a key can go into a header: one word of plain letters. The error does not repeat it."""
    if value is not None:
        text = value.get_secret_value()
        if any(character.isspace() for character in text):
            raise ValueError("holds a blank or a line break in the middle: it was probably copied with other text")
        if not text.isascii() or not text.isprintable():
            raise ValueError("holds a character that no key has: it was probably copied from a formatted page")
    return value


def _home(value: Path | None) -> Path | None:
    """Replace `~` by the home folder, as shells do."""
    if value is None:
        return None
    try:
        return value.expanduser()
    except RuntimeError:
        raise ValueError("begins with `~`, and the home folder of that user is not known") from None


def _has_port(address: SplitResult) -> bool:
    """Return whether the text after the host is a port or empty."""
    try:
        return address.port is None or address.port > 0
    except ValueError:
        return False


def _model_server(value: str | None) -> str | None:
    """Return an address without the path of a request, which documentation often shows."""
    return value and value.rstrip("/").removesuffix("/chat/completions").removesuffix("/completions")


def _web_address(value: str | None) -> str | None:
    """Check the address of a server. `localhost:8000` without `http://` would fail later, inside a library."""
    if value is not None:
        value = value.strip()
        address = urlsplit(value)
        if address.scheme not in {"http", "https"} or not address.hostname or not _has_port(address):
            raise ValueError("must be an address such as http://127.0.0.1:8830 or https://example.com")
    return value


def _without_path(value: str | None) -> str | None:
    if value is not None and (urlsplit(value).path.strip("/") or urlsplit(value).query):
        raise ValueError("must be an address alone, without a path")
    return value


def _listening_at(value: str | None) -> str | None:
    """Check the host and port to listen on. Port 0 stands for any free port."""
    if value is None:
        return None
    value = value.strip()
    address = urlsplit(f"//{value}")
    try:
        complete = bool(address.hostname) and address.port is not None and address.netloc == value
    except ValueError:  # the port is not a number, or too large
        complete = False
    if not complete or "@" in value:
        raise ValueError("must be HOST:PORT, for example 127.0.0.1:8080 or 0.0.0.0:8080")
    return value


def _admin(value: str | None) -> str | None:
    return value if value is None or value.lower() == "off" else _listening_at(value)


def _kept_days(value: object) -> object:
    """Return for how many days texts are kept: from 7d, 12h or 30m; `true` is 7 days, `false` none."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    named = {"true": 7.0, "on": 7.0, "yes": 7.0, "1": 7.0, "false": 0.0, "off": 0.0, "no": 0.0, "0": 0.0}
    if text in named:
        return named[text]
    of_a_day = {"m": 1440, "h": 24, "d": 1}
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and unit in of_a_day and len(number) < 7):
        raise ValueError("must be a time such as 7d, 12h or 30m, or false")
    return int(number) / of_a_day[unit]


def _console_url(value: str | None) -> str | None:
    """Check an address that passwords and sessions go to: with TLS, unless it is this machine's."""
    value = _without_path(_web_address(value))
    if value is None:
        return None
    address = urlsplit(value)
    if address.scheme != "https" and address.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise ValueError("must begin with https://, unless it is an address of this machine such as http://localhost")
    return f"{address.scheme}://{address.netloc}".lower()


def _path(value: str) -> str:
    if not value.startswith("/") or not value.isascii() or set(value) & set("?#{} "):
        raise ValueError("must be a path such as /webhooks/stream")
    return value


def database_url(value: SecretStr | None) -> SecretStr | None:
    """Check the form of a database's address. The error does not repeat it: it may hold a password."""
    if value is not None:
        text = value.get_secret_value().strip()
        scheme, _, rest = text.partition("://")
        if scheme == "sqlite" and rest.startswith("/~"):
            rest = f"/{Path(rest[1:]).expanduser()}"
            text = f"sqlite://{rest}"
        file = rest.startswith("/") and len(rest) > 1
        server = "/" in rest and rest.partition("/")[2] not in {"", "/"}
        known = {"sqlite": file, "postgresql": server, "postgres": server, "postgresql+psycopg": server}
        if not known.get(scheme, False):
            raise ValueError("must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///FILE")
        return SecretStr(text)
    return value


def _journal(value: SecretStr | None) -> SecretStr | None:
    """Check the form of the journal's address. The error does not repeat it: it may hold a password."""
    if value is not None:
        text = value.get_secret_value().strip()
        scheme, _, hosts = text.partition("://")
        if scheme not in {"nats", "tls"} or not all(host.strip() for host in hosts.split(",")):
            raise ValueError("must be nats://HOST:4222 or nats://HOST:4222,HOST:4222,HOST:4222, or tls:// for TLS")
        return SecretStr(text)
    return value


Secret = Annotated[SecretStr | None, BeforeValidator(bare)]
Key = Annotated[Secret, AfterValidator(_key)]
Text = Annotated[str | None, BeforeValidator(bare)]
Folder = Annotated[Path, AfterValidator(_home)]
Address = Annotated[Text, AfterValidator(_web_address)]
ModelServer = Annotated[Address, AfterValidator(_model_server)]
HostAndPort = Annotated[Text, AfterValidator(_listening_at)]
PlainAddress = Annotated[Address, AfterValidator(_without_path)]
WebPath = Annotated[str, AfterValidator(_path)]
DatabaseUrl = Annotated[Secret, AfterValidator(database_url)]
JournalUrl = Annotated[Secret, AfterValidator(_journal)]
AdminAddress = Annotated[Text, AfterValidator(_admin)]
ConsoleUrl = Annotated[Text, AfterValidator(_console_url)]
Days = Annotated[float, BeforeValidator(_kept_days)]
Ingress = Annotated[Literal["websocket", "webhook", "both"] | None, BeforeValidator(bare)]
