"""Settings from the environment: keys, addresses, and the place of data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from framework.env_file import encoding_of, require_readable_lines
from framework.environment import hidden_values
from framework.errors import SettingsError
from framework.secret_sources import from_file, from_keyring

STREAM_URL = "https://chat.stream-io-api.com"


_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "„": "“"}


def _bare(value: object) -> object:
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


def _database(value: SecretStr | None) -> SecretStr | None:
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


Secret = Annotated[SecretStr | None, BeforeValidator(_bare)]
Key = Annotated[Secret, AfterValidator(_key)]
Text = Annotated[str | None, BeforeValidator(_bare)]
Folder = Annotated[Path, AfterValidator(_home)]
Address = Annotated[Text, AfterValidator(_web_address)]
ModelServer = Annotated[Address, AfterValidator(_model_server)]
HostAndPort = Annotated[Text, AfterValidator(_listening_at)]


class Settings(BaseSettings):
    """The settings, read once at start: from variables, and from a `.env` file in the working directory."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    stream_api_key: Text = Field(default=None, description="Key of the Stream app. Without it the sandbox is used.")
    stream_api_secret: Key = Field(
        default=None, description="Secret of the Stream app. It signs tokens and is sent nowhere."
    )
    stream_api_secret_file: Folder | None = Field(
        default=None, description="A file that holds the secret, instead of STREAM_API_SECRET."
    )
    stream_api_secret_keyring: Text = Field(
        default=None,
        description="The service in the system's keyring that keeps the secret; the user there is the key.",
    )
    stream_base_url: Annotated[Address, AfterValidator(_without_path)] = Field(
        default=None, description="Another address than Stream's own, such as a sandbox's."
    )
    openai_api_key: Key = Field(
        default=None,
        description="Key for OpenAI or a compatible server. Without it the embedded model answers.",
    )
    openai_api_key_file: Folder | None = Field(
        default=None, description="A file that holds the key, instead of OPENAI_API_KEY."
    )
    openai_base_url: Annotated[Address, AfterValidator(_model_server)] = Field(
        default=None, description="An OpenAI-compatible server. OpenAI's own unless it is given."
    )
    openai_model: Text = Field(
        default=None,
        description="Which model `auto` means when an OpenAI key is set. A default is chosen unless it is given.",
    )
    data: Folder = Field(
        default=Path(".framework"),
        description="The folder where data is kept: turns, indexes of articles, the sandbox, what tools keep.",
        validation_alias=AliasChoices("FRAMEWORK_DATA", "data"),
    )
    environment: Literal["development", "production"] = Field(
        default="development",
        description="`production` starts no sandbox: without the key and the secret of a Stream app, nothing starts.",
        validation_alias=AliasChoices("FRAMEWORK_ENV", "environment"),
    )
    sandbox_host: Text = Field(
        default=None,
        description="The address that the sandbox of `run` listens on. 127.0.0.1 unless it is given.",
        validation_alias=AliasChoices("FRAMEWORK_SANDBOX_HOST", "sandbox_host"),
    )
    sandbox_port: int | None = Field(
        default=None,
        ge=0,
        le=65_535,
        description="The port that the sandbox of `run` listens on; 0 takes a free one. By default the one it had, "
        "8830 at first, or a free one.",
        validation_alias=AliasChoices("FRAMEWORK_SANDBOX_PORT", "sandbox_port"),
    )
    log_format: str = Field(
        default="auto",
        description="`console`, `json`, or `auto`: console on a terminal, JSON elsewhere.",
        validation_alias=AliasChoices("FRAMEWORK_LOG_FORMAT", "log_format"),
    )
    log_level: str = Field(
        default="info",
        description="debug, info, warning or error.",
        validation_alias=AliasChoices("FRAMEWORK_LOG_LEVEL", "log_level"),
    )
    log_texts: bool = Field(
        default=False,
        description="Whether the log keeps what people ask. Otherwise it names them and their channels alone.",
        validation_alias=AliasChoices("FRAMEWORK_LOG_TEXTS", "log_texts"),
    )
    webhook: HostAndPort = Field(
        default=None,
        description="HOST:PORT where webhooks of the Stream app are received, beside the WebSocket.",
        validation_alias=AliasChoices("FRAMEWORK_WEBHOOK", "webhook"),
    )
    webhook_path: Annotated[str, AfterValidator(_path)] = Field(
        default="/webhooks/stream",
        description="The path that the Stream app posts to.",
        validation_alias=AliasChoices("FRAMEWORK_WEBHOOK_PATH", "webhook_path"),
    )
    webhook_window: float = Field(
        default=10.0,
        gt=0,
        le=60 * 24 * 30,
        description="Minutes after which an event that comes by a webhook is refused as a replay.",
        validation_alias=AliasChoices("FRAMEWORK_WEBHOOK_WINDOW", "webhook_window"),
    )
    sqs_queue_url: Address = Field(
        default=None,
        description="The Amazon SQS queue that the Stream app puts its events into. Needs the extra `sqs`.",
        validation_alias=AliasChoices("FRAMEWORK_SQS_QUEUE_URL", "sqs_queue_url"),
    )
    ingress: Annotated[Literal["websocket", "webhook", "both"] | None, BeforeValidator(_bare)] = Field(
        default=None,
        description="`websocket`, `webhook` (then no WebSocket is opened) or `both`. By default the WebSocket, and a "
        "webhook or a queue if one is set up.",
        validation_alias=AliasChoices("FRAMEWORK_INGRESS", "ingress"),
    )
    database_url: Annotated[Secret, AfterValidator(_database)] = Field(
        default=None,
        description="Where turns are kept until they are done: `postgresql://USER:PASSWORD@HOST/NAME` or "
        "`sqlite:///FILE`. `engine.db` in the data folder unless it is given. Processes that share it are replicas.",
    )
    database_url_file: Folder | None = Field(
        default=None, description="A file that holds the address with its password, instead of DATABASE_URL."
    )
    journal: Annotated[Secret, AfterValidator(_journal)] = Field(
        default=None,
        description="Where turns are kept instead, for more replicas than a database carries: "
        "`nats://HOST:4222,HOST:4222,HOST:4222`, or `tls://` for TLS. What people decide stays in DATABASE_URL.",
        validation_alias=AliasChoices("FRAMEWORK_JOURNAL", "journal"),
    )
    journal_credentials: Folder | None = Field(
        default=None,
        description="A file with the credentials for NATS, as `nsc` writes it.",
        validation_alias=AliasChoices("FRAMEWORK_JOURNAL_CREDENTIALS", "journal_credentials"),
    )
    journal_ca: Folder | None = Field(
        default=None,
        description="A file of certificates that a NATS server's must be signed by. The system's unless it is given.",
        validation_alias=AliasChoices("FRAMEWORK_JOURNAL_CA", "journal_ca"),
    )
    journal_replicas: Literal["1", "3"] | None = Field(
        default=None,
        description="On how many NATS servers turns are kept: 1 or 3. By default 3 if three servers are named.",
        validation_alias=AliasChoices("FRAMEWORK_JOURNAL_REPLICAS", "journal_replicas"),
    )
    admin: Annotated[Text, AfterValidator(_admin)] = Field(
        default=None,
        description="HOST:PORT of the address for operators: `/livez`, `/readyz`, `/metrics`. `off`: none. By default "
        "127.0.0.1:8850, or a free port beside it. Nobody but operators may reach it.",
        validation_alias=AliasChoices("FRAMEWORK_ADMIN", "admin"),
    )
    console_url: Annotated[Text, AfterValidator(_console_url)] = Field(
        default=None,
        description="The address by which people reach `/console` through a proxy, as in https://console.example.com. "
        "Needed if FRAMEWORK_ADMIN listens beyond this machine.",
        validation_alias=AliasChoices("FRAMEWORK_CONSOLE_URL", "console_url"),
    )
    history: float = Field(
        default=90.0,
        ge=0,
        le=3660,
        description="Days for which a line about each turn is kept, without a word of what people wrote. 0: none is.",
        validation_alias=AliasChoices("FRAMEWORK_HISTORY", "history"),
    )
    drain: float = Field(
        default=4.0,
        gt=0,
        le=3600,
        description="Seconds that running turns have to end in when the bots are stopped.",
        validation_alias=AliasChoices("FRAMEWORK_DRAIN", "drain"),
    )
    slots: int = Field(
        default=1_000,
        gt=0,
        le=100_000,
        description="How many turns run at once in this process; further ones wait.",
        validation_alias=AliasChoices("FRAMEWORK_SLOTS", "slots"),
    )
    keep_text: Annotated[float, BeforeValidator(_kept_days)] = Field(
        default=0.0,
        ge=0,
        le=366,
        description="How long words are kept in the database, as in `7d` or `12h`: prompt, passages and answer of "
        "each turn, and messages that moderation decided on (`true`: 7 days). Without it none are.",
        validation_alias=AliasChoices("FRAMEWORK_KEEP_TEXT", "keep_text"),
    )
    telemetry_text: bool = Field(
        default=False,
        description="Whether traces by OpenTelemetry hold prompts and answers. By default they hold no words.",
        validation_alias=AliasChoices("FRAMEWORK_TELEMETRY_TEXT", "telemetry_text"),
    )
    tracing: Literal["off", "langsmith"] = Field(
        default="off",
        description="`langsmith` sends prompts and answers to LangSmith. LANGSMITH_TRACING alone has no effect.",
        validation_alias=AliasChoices("FRAMEWORK_TRACING", "tracing"),
    )
    reload: Literal["auto", "signal", "off"] = Field(
        default="auto",
        description="When edited bots are read again: at once and on SIGHUP (`auto`), only on SIGHUP (`signal`), never "
        "(`off`).",
        validation_alias=AliasChoices("FRAMEWORK_RELOAD", "reload"),
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, values: dict[str, object]) -> dict[str, object]:
        """Read `NAME=`, in a shell or a file, as if the line were missing."""
        bare = {name: _bare(value) for name, value in values.items()}
        return {name: value for name, value in bare.items() if value is not None}

    @property
    def has_stream(self) -> bool:
        """Return whether a Stream app is named. Without one, the sandbox is used."""
        return self.stream_api_key is not None

    @property
    def by_websocket(self) -> bool:
        """Return whether events come by a WebSocket of each bot."""
        return self.ingress != "webhook"

    @property
    def by_webhook(self) -> bool:
        """Return whether events of the whole app come by a webhook, a queue, or both."""
        return self.ingress != "websocket" and (self.webhook is not None or self.sqs_queue_url is not None)

    @property
    def database(self) -> SecretStr:
        """Return the address of the database of turns."""
        return self.database_url or SecretStr(f"sqlite:///{(self.data / 'engine.db').resolve()}")

    @property
    def base_url(self) -> str:
        """Return the address of Stream, without a trailing slash."""
        return (self.stream_base_url or STREAM_URL).rstrip("/")


def load_settings() -> Settings:
    """Read the settings.

    Raises SettingsError for a value of the wrong form, for a key without its secret or a secret without its key, and if
    events are to come by webhooks without an address or a queue.
    """
    named = {name.lower().removeprefix("framework_"): value for name, value in hidden_values().items()}
    hidden = {name: value for name, value in named.items() if name in Settings.model_fields}
    encoding = encoding_of(Path(".env"))
    require_readable_lines(Path(".env"), encoding)
    try:
        # Values are texts, as the environment has them.
        settings = Settings(_env_file_encoding=encoding, **hidden)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"][:1]).upper()
        # The input is left out on purpose: it may be a secret.
        raise SettingsError(
            f"{name}: {first['msg'].removeprefix('Value error, ')}.",
            where="environment",
            hint="Correct it or unset it.",
        ) from None
    settings = _with_secrets(settings)
    if settings.ingress in {"webhook", "both"} and not settings.by_webhook:
        raise SettingsError(
            f"FRAMEWORK_INGRESS is {settings.ingress}, but no webhook and no queue is set up.",
            where="environment",
            hint="Set FRAMEWORK_WEBHOOK to HOST:PORT, or FRAMEWORK_SQS_QUEUE_URL.",
        )
    if (settings.stream_api_key is None) != (settings.stream_api_secret is None):
        missing = "STREAM_API_SECRET" if settings.stream_api_secret is None else "STREAM_API_KEY"
        raise SettingsError(
            f"{missing} is not set, but its other half is.",
            where="environment",
            hint=f"Set {missing} too (both are on your Stream dashboard), or unset both to use the sandbox.",
        )
    return settings


def require_stream_in_production(settings: Settings) -> None:
    """Raise SettingsError in production if no Stream app is named: a sandbox that nobody reaches must not stand in."""
    if settings.environment != "production" or settings.has_stream:
        return
    missing = ["STREAM_API_KEY"]
    if not (settings.stream_api_secret or settings.stream_api_secret_file or settings.stream_api_secret_keyring):
        missing.append("STREAM_API_SECRET (or STREAM_API_SECRET_FILE)")
    raise SettingsError(
        f"FRAMEWORK_ENV is production, and {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
        where="environment",
        hint="Set what is missing; your Stream dashboard has it. With FRAMEWORK_ENV=development a sandbox serves.",
    )


def _with_secrets(settings: Settings) -> Settings:
    """Fetch the secrets from the files or the keyring that the settings name."""
    found: dict[str, SecretStr | None] = {}
    if settings.database_url is None and settings.database_url_file is not None:
        found["database_url"] = _database_from(settings.database_url_file)
    if settings.openai_api_key is None and settings.openai_api_key_file is not None:
        found["openai_api_key"] = from_file(settings.openai_api_key_file, "OPENAI_API_KEY_FILE")
    if settings.stream_api_secret is None and settings.stream_api_key is not None:
        found["stream_api_secret"] = _secret_of(settings, settings.stream_api_key)
    return settings.model_copy(update=found)


def _secret_of(settings: Settings, key: str) -> SecretStr | None:
    if settings.stream_api_secret_file is not None:
        return from_file(settings.stream_api_secret_file, "STREAM_API_SECRET_FILE")
    service = settings.stream_api_secret_keyring
    return None if service is None else from_keyring(service, key)


def _database_from(file: Path) -> SecretStr | None:
    try:
        return _database(from_file(file, "DATABASE_URL_FILE"))
    except ValueError as error:
        raise SettingsError(f"What the file holds {error}.", where=str(file), hint="Correct it.") from None
